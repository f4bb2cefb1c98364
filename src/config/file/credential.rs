//! Credentials: how an identity proves itself.

use crate::config::secret_ref::SecretRef;
use crate::entra::Algorithm;
use crate::located::{FilePath, May, Must, Or, object};

object! {
    /// How an identity proves itself: one of the keys.
    Credential "a credential such as `secret: { file: … }`" {
        /// A client secret: `{ file: … }` or `{ env: … }`.
        secret: May<SecretRef>,
        /// A certificate with its RSA key.
        certificate: May<Certificate>,
    }
    later ["federated_token", "managed_identity", "exec"]
}

object! {
    /// A certificate with its key.
    Certificate "a certificate such as `{ file: … }`" {
        /// A `.pfx` or `.p12` (PKCS#12), or a PEM certificate with its chain; DER and base64 of either do as well.
        file: Must<FilePath>,
        /// The path of the PEM key, where it is not in the same file.
        key: May<FilePath> = "in `file`",
        /// What opens it: `{ file: … }` or `{ env: … }`.
        passphrase: May<SecretRef> = "none",
        /// How assertions are signed: `PS256` with `x5t#S256`, or `RS256` with `x5t`.
        assertion: Or<Algorithm> = "PS256",
        /// Whether the certificate and its chain go into each assertion (subject name and issuer authentication).
        x5c: Or<bool> = "false",
    }
}
