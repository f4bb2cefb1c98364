//! Credentials: how an identity proves itself.

use std::time::Duration;

use super::{ManagedIdentity, PrivateKey, Sign};
use crate::config::secret_ref::SecretRef;
use crate::config::value::Day;
use crate::entra::{Algorithm, AssertionClaims};
use crate::located::{At, FilePath, Filled, HttpUrl, May, Must, Or, Text, object};
use crate::outbound::Prints;

object! {
    /// How an identity proves itself: one of the keys.
    Credential "a credential such as `secret: { file: … }`" {
        /// A client secret: `{ file: … }` or `{ env: … }`.
        secret: May<SecretRef>,
        /// The day on which the client secret ends, such as 2027-05-31: nobody but the app registration knows it. It is told beforehand.
        ends: May<Day> = "not told",
        /// A certificate with its RSA key.
        certificate: May<Certificate>,
        /// The token of a Kubernetes service account (workload identity), or of any other issuer that the app registration has a federated credential for. `{}` on AKS.
        federated_token: May<FederatedToken>,
        /// A file with an assertion that somebody else makes and renews.
        assertion: May<AssertionFile>,
        /// A command that prints an assertion or a secret.
        exec: May<Exec>,
        /// An identity of the platform that the gateway runs on, which the app registration trusts by a federated credential.
        managed_identity: May<ManagedIdentity>,
        /// A private key alone, for authorization servers other than Entra.
        private_key: May<PrivateKey>,
    }
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
        /// Who signs, where the key is in a safe elsewhere; `file` is the PEM certificate then.
        sign: May<Sign> = "the gateway",
        /// How assertions are signed: `PS256` with `x5t#S256`, or `RS256` with `x5t`.
        assertion: Or<Algorithm> = "PS256",
        /// Whether the certificate and its chain go into each assertion (subject name and issuer authentication).
        x5c: Or<bool> = "false",
        /// What else each assertion claims, such as `{ client_ip: 203.0.113.7 }`: texts, numbers, `true`, `false`, or lists of them. Entra reads none of it; some other servers do.
        assertion_claims: May<AssertionClaims> = "nothing",
    }
}

object! {
    /// A federated token.
    FederatedToken "a mapping such as `{ file: … }`, or `{}` on AKS" {
        /// The file it is in; it is read again for each use.
        file: May<FilePath> = "the variable `AZURE_FEDERATED_TOKEN_FILE`",
        /// The proxy of AKS identity bindings, which is asked instead of Entra. `{}` takes all of it from the environment.
        proxy: May<TokenProxy> = "none",
    }
}

object! {
    /// The proxy of AKS identity bindings.
    TokenProxy "a mapping such as `{ url: … }`, or `{}`" {
        /// Where it is: https.
        url: May<HttpUrl> = "the variable `AZURE_KUBERNETES_TOKEN_PROXY`",
        /// The name in its certificate.
        server_name: May<Text> = "the variable `AZURE_KUBERNETES_SNI_NAME`, else the URL's host",
        /// PEM certificates that it is verified by; read again for each use.
        ca_file: May<FilePath> = "the variable `AZURE_KUBERNETES_CA_FILE` or `AZURE_KUBERNETES_CA_DATA`, else as for `fetch`",
    }
}

object! {
    /// An assertion in a file.
    AssertionFile "a mapping such as `{ file: … }`" {
        /// The file it is in: a signed JWT; it is read again for each use.
        file: Must<FilePath>,
    }
}

object! {
    /// A command.
    Exec "a command such as `{ command: [/usr/local/bin/mint] }`" {
        /// The program's absolute path, and its arguments. There is no shell. It gets `BEARERGATE_CLIENT_ID`, `BEARERGATE_TOKEN_ENDPOINT` and `BEARERGATE_AUDIENCE`.
        command: Must<Filled<Text>>,
        /// What it prints: `assertion`, used until it ends, or `secret`.
        prints: Or<Prints> = "assertion",
        /// How long it may take; then it is killed, with what it began.
        timeout: Or<Duration> = "10s" in "1s" to "60s",
        /// Variables of the gateway's environment that it gets.
        environment: Or<Vec<At<Text>>> = "[]",
    }
}
