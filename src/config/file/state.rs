//! State: what of the gateway's own outlives the process, and what replicas share.

use std::time::Duration;

use crate::config::secret_ref::SecretRef;
use crate::config::value::RedisUrl;
use crate::located::{FilePath, May, Must, Or, Text, object};

object! {
    /// Where app-only tokens are kept beside memory, sealed by a key: in a file, so that a restart while Entra is away goes on with them; in Redis, so that replicas share them, and count together what limits say is `shared`. One of the two, or both.
    State "a mapping such as `{ key: { file: state.key }, file: /var/lib/bearergate/state }`" {
        /// 32 random bytes in base64, `{ file: … }` or `{ env: … }`: `openssl rand -base64 32` makes them. Replicas that share have the same. With another key, what was kept is ignored.
        key: Must<SecretRef>,
        /// A file of this process alone, mode 0600, in a folder that is there.
        file: May<FilePath> = "none",
        /// A Redis, or Valkey, of all replicas.
        redis: May<Redis> = "none",
    }
}

object! {
    /// A Redis, or Valkey, that is no cluster. While it is slow, full or away, each replica keeps its tokens for itself.
    Redis "a mapping such as `{ url: rediss://redis.internal:6379 }`" {
        /// `rediss://` (TLS) or `redis://`, host, port (6379), and the number of a database (0).
        url: Must<RedisUrl>,
        /// Says that `redis://` to another machine is meant: tokens are sealed, but the password can be read on the way.
        in_clear: Or<bool> = "false",
        /// Who we are to it. Who may GET, MGET, SET and DEL `bearergate:*`, and PING, may do enough; for limits that are `shared`, EVAL and PTTL too.
        user: May<Text> = "its default user",
        /// Where the password is: `{ file: … }` or `{ env: … }`.
        password: May<SecretRef> = "none",
        /// How long whoever waits for a token waits for it, at most.
        timeout: Or<Duration> = "50ms" in "1ms" to "1s",
        /// PEM certificates to trust instead of the system's.
        ca_file: May<FilePath> = "the system's",
    }
}
