//! Issuers and identities: whose tokens come in, and who asks for ours.

use std::time::Duration;

use crate::config::secret_ref::SecretRef;
use crate::entra::{Algorithm, Cloud, Endpoint, Tenant};
use crate::guid::Guid;
use crate::located::{FilePath, Filled, HttpUrl, May, Must, Or, Text, object};
use crate::outbound::TokenTimes;
use crate::refresh::RefetchTimes;

object! {
    /// Who signs tokens that are accepted.
    Issuer "an issuer such as `{ entra: { tenant: … } }`" {
        /// A tenant of Microsoft Entra ID. Its tokens of versions 1 and 2 are both understood.
        entra: Must<EntraIssuer>,
        /// Audiences for callers that name none themselves.
        audiences: May<Filled<Text>> = "none",
        /// For clocks that run wrong, in `exp` and `nbf`.
        leeway: Or<Duration> = "60s" in "0s" to "5m",
        /// How its keys are kept.
        keys: Or<Keys> = "{}",
    }
    later ["oidc"]
}

object! {
    /// A tenant whose tokens are accepted, of versions 1 and 2.
    EntraIssuer "a tenant such as `{ tenant: … }`" {
        /// The tenant's GUID. `common` and its like are refused: they are no tenant.
        tenant: Must<Tenant>,
        /// The national cloud: `public`, `usgov` or `china`.
        cloud: Or<Cloud> = "public",
        /// Another base URL for the cloud's login host: https, or http to a loopback *address*. The `iss` that tokens must carry stays the cloud's.
        authority: May<HttpUrl> = "the cloud's",
        /// Which versions of its access tokens are accepted. Which one a client gets is the API registration's `requestedAccessTokenVersion`, not the client's choice.
        versions: May<Filled<Endpoint>> = "[v1, v2]",
    }
}

object! {
    /// How an issuer's keys are kept.
    Keys "a mapping such as `{ refresh: 1h }`" => RefetchTimes {
        /// Between background refreshes.
        refresh: Or<Duration> = "1h" in "1s" to "1d",
        /// Between refetches for keys that are not known, and after a failure.
        cool_down: Or<Duration> = "30s" in "1ms" to "1h",
        /// How long the last good keys are trusted through an outage; not shorter than `refresh`.
        max_stale: Or<Duration> = "24h" in "1s" to "30d",
    }
}

object! {
    /// Who the gateway is when it asks for a token.
    Identity "an identity such as `{ entra: { tenant: …, client_id: … }, credentials: […] }`" {
        /// An app registration of Microsoft Entra ID.
        entra: Must<EntraIdentity>,
        /// How it proves itself: a list of exactly one in this version.
        credentials: Must<Filled<Credential>>,
        /// How its tokens are kept.
        tokens: Or<Tokens> = "{}",
    }
    later ["oauth2"]
}

object! {
    /// An app registration.
    EntraIdentity "an application such as `{ tenant: …, client_id: … }`" {
        /// The tenant's GUID.
        tenant: Must<Tenant>,
        /// The application's (client) id.
        client_id: Must<Guid>,
        /// The national cloud: `public`, `usgov` or `china`.
        cloud: Or<Cloud> = "public",
        /// Another base URL for the cloud's login host, as for issuers. The assertion's `aud` is the URL that is posted to.
        authority: May<HttpUrl> = "the cloud's",
        /// `v2` sends `scope`; `v1` sends `resource`, the scope less `/.default`.
        endpoint: Or<Endpoint> = "v2",
    }
}

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

object! {
    /// How an identity's tokens are kept.
    Tokens "a mapping such as `{ renew_before: 5m }`" => TokenTimes {
        /// How long before expiry a token is renewed, where Entra does not say.
        renew_before: Or<Duration> = "5m" in "0s" to "1h",
        /// Between attempts after a failure.
        cool_down: Or<Duration> = "5s" in "1ms" to "1h",
    }
}
