//! The process: its listeners, its log, its own calls, its end.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::limit::Limit;
use super::{ApiKey, Bearer, Identity, Issuer, Log, Proxy, Route, State, Tls, Traces};
use crate::config::secret_ref::SecretRef;
use crate::config::value::{FileMode, ListenAddress, TrustedProxy};
use crate::config::{ReadinessRule, ShutdownDefinition};
use crate::edge::{Spoken, Timeouts};
use crate::located::{
    At, FilePath, Filled, Form, HttpUrl, May, Must, Named, Or, Scalar, Size, Text, Wrong, object,
};

object! {
    /// The configuration of bearergate: a route is who may come in, where it goes, and whose token it carries.
    File "the configuration, a mapping that begins with `version: 1`" {
        /// The version of this format: `1`.
        version: Must<Version>,
        /// Where connections are accepted, by name.
        listeners: Must<Named<Listener>>,
        /// The second listener, for probes, metrics and the status page.
        admin: May<Admin> = "none",
        /// How the gateway itself gets keys and tokens.
        fetch: Or<Fetch> = "{}",
        /// What is told: the process's own log, on standard error, and a line for each request.
        log: Or<Log> = "{}",
        /// Traces of requests, sent to a collector.
        traces: May<Traces> = "none",
        /// Where the gateway's own tokens are kept beside memory.
        state: May<State> = "none: in memory alone",
        /// Worker threads.
        threads: May<usize> = "one a core" in "1" to "1024",
        /// When `/readyz` says so: `lenient`, once every issuer of a route has keys, or one after 30 seconds, and ever after; `strict`, while all have keys and every identity has its token.
        readiness: Or<ReadinessRule> = "lenient",
        /// How the process ends.
        shutdown: Or<Shutdown> = "{}",
        /// Whose tokens callers may bring, by name.
        issuers: Or<Named<Issuer>> = "{}",
        /// Who the gateway is when it asks for a token, by name.
        identities: Or<Named<Identity>> = "{}",
        /// Who may come in, where it goes, and whose token it carries. May be empty.
        routes: Must<Vec<At<Route>>>,
    }
    later ["tests"]
}

object! {
    /// An address that accepts connections.
    Listener "a listener such as `{ address: 127.0.0.1:8080 }`" {
        /// IP address and port. No two listeners may overlap (`0.0.0.0:8080` overlaps `127.0.0.1:8080`); port 0 takes any that is free. Or a Unix socket, `unix:` and its path; a file that a process has left behind is replaced.
        address: Must<ListenAddress>,
        /// Who may connect to a Unix socket: its file's permissions, as of chmod. Its folder decides, too.
        socket_mode: May<FileMode> = "`0600`, the user that the process runs as",
        /// What is spoken: `http1`, `h2` (HTTP/2 over TLS), `h2c` (HTTP/2 without TLS, by prior knowledge).
        protocols: May<Filled<Spoken>> = "[http1], with `tls` [http1, h2]",
        /// TLS: a certificate with its key, or a list of them, from which the name picks that a caller asks for.
        tls: May<Tls> = "none: in clear",
        /// Networks whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Prefix` and `-Port`, and whose request ids, are believed. Everybody else's are removed. `unix` is whoever connects to the listener's Unix socket; who is not trusted there has no address, so that no `network` holds and all count as one.
        trusted_proxies: Or<Vec<At<TrustedProxy>>> = "[]",
        /// Whether connections from `trusted_proxies` begin with the client's address, by the PROXY protocol (version 1 or 2). Then all of theirs must, and those of others must not.
        proxy_protocol: Or<bool> = "false",
        /// Bounds in size and number.
        limits: Or<ListenerLimits> = "{}",
        /// Bounds in time.
        timeouts: Or<ListenerTimeouts> = "{}",
    }
}

object! {
    /// Bounds in size and number of a listener.
    ListenerLimits "a mapping of limits" {
        /// The request target, else 414.
        uri: Or<Size> = "8KiB" in "256B" to "64KiB",
        /// The whole request head, else 431.
        header: Or<Size> = "32KiB" in "256B" to "1MiB",
        /// The request body, else 413.
        body: Or<Size> = "100MiB",
        /// What a request's body comes with each second at least, on average over the time that it is waited for, once that is longer than `timeouts.body`, else 408. `0B` is no bound.
        body_rate: Or<Size> = "240B",
        /// Connections at a time. For one more, the one that has been idle or in an unfinished head for longest goes (who is idle has a second's grace before heads); where all are served, the new one is closed. What the process may open (`ulimit -n`) can lower it, which is said at start. By HTTP/2, each request beside another of its connection counts as one more.
        connections: Or<usize> = "10000",
        /// Of them from one address (of IPv6, from one /64), but for `trusted_proxies`, who stand for many. Where `connections` is lowered, so is this.
        connections_per_address: May<usize> = "half of `connections`",
        /// All heads together that have begun and not ended; the oldest is given up for a new one, with 408.
        unfinished_headers: Or<Size> = "16MiB" in "64KiB" to "16GiB",
        /// Requests from each client address (of IPv6, from each /64), whatever they ask for and whoever asks, else 429. The client is whom `X-Forwarded-For` of `trusted_proxies` names; all for whom it names nobody count as one.
        per_address: May<Limit> = "none",
        /// Requests at a time on one connection of HTTP/2; one more is refused, and its caller may try again.
        streams: Or<usize> = "100" in "1" to "10000",
        /// Requests on one connection, in all: the last is answered with `Connection: close`, or, over HTTP/2, followed by GOAWAY.
        requests_per_connection: May<usize> = "no bound" in "1" to "1000000000",
        /// TLS handshakes under way at a time; for one more the oldest is given up, or, where an address has half of them itself, that address's oldest.
        handshakes: Or<usize> = "1000" in "1" to "1000000",
    }
}

object! {
    /// Bounds in time of a listener.
    ListenerTimeouts "a mapping of timeouts" => Timeouts {
        /// For a whole request head, else 408; and for what comes before it: a PROXY header, a TLS handshake.
        header: Or<Duration> = "10s" in "1ms" to "1h",
        /// Between requests on a connection; then it is closed.
        idle: Or<Duration> = "60s" in "1ms" to "1h",
        /// Between two reads of a body, else 408; and between two writes of an answer, else it is cut off.
        body: Or<Duration> = "30s" in "1ms" to "1d",
    }
}

object! {
    /// The second listener: /livez, /readyz, /metrics, /status.
    Admin "an admin listener such as `{ address: 127.0.0.1:9090 }`" {
        /// Where `/livez`, `/readyz`, `/metrics` and `/status` answer; none of the listeners' addresses.
        address: Must<SocketAddr>,
        /// TLS, as of a listener.
        tls: May<Tls> = "none: in clear",
        /// Who may see `/status` and `/status.json`, as of a route. The other pages are for whoever reaches them.
        callers: May<Vec<At<Observer>>> = "on loopback whoever is on this host, elsewhere nobody",
    }
}

object! {
    /// One way to be shown the status page: every condition must hold.
    Observer "an entry such as `network: [10.1.0.0/16]`" {
        /// A token of an issuer. An entry takes `bearer` or `api_key`, not both.
        bearer: May<Bearer> = "none",
        /// A key, in `X-Api-Key` or as the password of Basic, which browsers ask for.
        api_key: May<ApiKey> = "none",
        /// Whoever asks is in one of these networks. Who is known by nothing else asks by an address or `localhost`: a name in `Host` could be a web page's.
        network: May<Filled<IpNet>> = "none",
        /// Says that a `network` with nothing beside it in its entry, but with other entries beside it, is meant. Many who write it mean *and*.
        alone: Or<bool> = "false",
    }
}

object! {
    /// How the gateway itself gets keys and tokens.
    Fetch "a mapping such as `{ timeout: 10s }`" {
        /// For a whole exchange.
        timeout: Or<Duration> = "10s" in "1ms" to "5m",
        /// PEM certificates to trust instead of the system's.
        ca_file: May<FilePath> = "the system's",
        /// A proxy for https destinations other than loopback: its URL, or `{ url, user, password }`. Variables such as `HTTPS_PROXY` are not read.
        proxy: May<Proxy> = "none",
        /// Hosts that are reached without it: names (with all below them), addresses, networks.
        no_proxy: Or<Vec<At<Text>>> = "[]",
    }
}

object! {
    /// A proxy, and who we are to it.
    FullProxy "a proxy such as `http://proxy.internal:3128` or `{ url: …, user: …, password: … }`" {
        /// Scheme, host and port.
        url: Must<HttpUrl>,
        /// Who we are to it, by Basic.
        user: May<Text> = "none",
        /// Where the password is: `{ file: … }` or `{ env: … }`.
        password: May<SecretRef> = "none",
    }
}

object! {
    /// How the process ends when it is told to.
    Shutdown "a mapping such as `{ delay: 5s, grace: 25s }`" => ShutdownDefinition {
        /// How long the process still accepts after it says that it is not ready. In Kubernetes: as long as the endpoints need to hear of it.
        delay: Or<Duration> = "0s" in "0s" to "1h",
        /// How long requests in flight may take to end; then they are cut off.
        grace: Or<Duration> = "25s" in "0s" to "1h",
    }
}

/// `version: 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Version;

impl Scalar for Version {
    const EXPECTED: &str = "the number `1`, the only version there is";
    const FORM: Form = Form::Bare;

    fn parse(text: &str) -> Result<Self, Wrong> {
        (text == "1").then_some(Self).ok_or_else(Wrong::default)
    }

    fn described() -> Json {
        json!({ "const": 1 })
    }
}
