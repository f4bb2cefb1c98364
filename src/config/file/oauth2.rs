//! A client of an authorization server that is not Entra's, and the key that it may prove itself by.

use crate::config::secret_ref::SecretRef;
use crate::config::value::{IssuerUrl, ScopeList};
use crate::entra::AssertionClaims;
use crate::located::{FilePath, HttpUrl, May, Must, Named, Or, Text, object};
use crate::outbound::SigningAlgorithm;

object! {
    /// A client of any other authorization server: Keycloak, Auth0, Okta, Ping, AD FS, B2C …
    OAuth2Identity "a client such as `{ token_url: …, client_id: …, auth: basic }`" {
        /// Where tokens are asked for. https, or http to a loopback *address*. For a tenant of Entra use `entra`.
        token_url: May<HttpUrl> = "required without `issuer`: the `token_endpoint` of its metadata",
        /// The client's id, as it is registered there.
        client_id: Must<Text>,
        /// How the client proves itself (RFC 6749 §2.3): `basic` or `post`, a `secret` in the header or in the form; `private_key_jwt`, an assertion, signed by a `private_key` or a `certificate`; `mtls`, a `certificate` that is shown in the TLS handshake (RFC 8705).
        auth: Must<ClientAuth>,
        /// The scope for routes that name none: one or several, separated by spaces.
        scope: May<ScopeList> = "none is asked for",
        /// The API that tokens are for (`resource`, RFC 8707; AD FS). Where it is a URL, the token goes to its host alone.
        resource: May<Text> = "not sent",
        /// The API that tokens are for, for servers that call it `audience` (Auth0, Ping).
        audience: May<Text> = "not sent",
        /// What else the server wants in the form, such as `{ organization: contoso }`. No secrets.
        extra: Or<Named<Text>> = "{}",
        /// The `issuer` of the server's metadata, to the letter: it is the `aud` of assertions then. Without `token_url` the metadata is read from there (RFC 8414, OpenID Connect Discovery).
        issuer: May<IssuerUrl> = "`token_url` is the `aud`",
        /// PEM certificates to trust there, instead of those of `fetch`.
        ca_file: May<FilePath> = "as `fetch`",
    }
}

/// `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ClientAuth {
    Basic,
    Post,
    PrivateKeyJwt,
    Mtls,
}

impl ClientAuth {
    pub(in crate::config) const ALL: &[(&str, Self)] = &[
        ("basic", Self::Basic),
        ("post", Self::Post),
        ("private_key_jwt", Self::PrivateKeyJwt),
        ("mtls", Self::Mtls),
    ];

    pub(in crate::config) fn word(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, one)| *one == self);
        known.map_or("", |(word, _)| word)
    }
}

object! {
    /// A private key whose public half the server knows.
    PrivateKey "a key such as `{ file: … }`" {
        /// The path of the key, PEM or DER: RSA of at least 2048 bits, EC (P-256, P-384, P-521) or Ed25519.
        file: Must<FilePath>,
        /// What opens it: `{ file: … }` or `{ env: … }`.
        passphrase: May<SecretRef> = "none",
        /// How assertions are signed: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`.
        algorithm: May<SigningAlgorithm> = "`RS256`, or the one that the curve has",
        /// Which of the client's keys it is (`kid`), where the server knows several.
        kid: May<Text> = "not sent",
        /// What else each assertion claims, such as `{ client_ip: 203.0.113.7 }`: texts, numbers, `true`, `false`, or lists of them.
        assertion_claims: May<AssertionClaims> = "nothing",
    }
}
