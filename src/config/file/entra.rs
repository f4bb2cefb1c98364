//! Issuers and identities: whose tokens come in, and who asks for ours.

use std::time::Duration;

use crate::config::secret_ref::SecretRef;
use crate::entra::{Algorithm, Cloud, Endpoint, Tenant};
use crate::guid::Guid;
use crate::inbound::KeyTimes;
use crate::located::{FilePath, Filled, HttpUrl, May, Must, Or, Text, object};
use crate::outbound::TokenTimes;

object! {
    /// Who signs tokens that are accepted.
    Issuer "an issuer such as `{ entra: { tenant: … } }`" {
        /// A tenant of Microsoft Entra ID.
        entra: Must<EntraIssuer>,
        /// Audiences for callers that name none themselves.
        audiences: May<Filled<Text>>,
        /// For the clocks of others, in exp and nbf; 60s by default, 300s at most.
        leeway: May<Duration>,
        /// How its keys are kept.
        keys: Or<Keys> = "{}",
    }
    later ["oidc"]
}

object! {
    /// A tenant whose tokens are accepted, of versions 1 and 2.
    EntraIssuer "a tenant such as `{ tenant: … }`" {
        /// The tenant's GUID.
        tenant: Must<Tenant>,
        /// The national cloud; public by default.
        cloud: May<Cloud>,
        /// Another base URL for the cloud's login host: https, or http to loopback.
        authority: May<HttpUrl>,
    }
}

object! {
    /// How an issuer's keys are kept.
    Keys "a mapping such as `{ refresh: 1h }`" => KeyTimes {
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
        /// An application of a tenant of Microsoft Entra ID.
        entra: Must<EntraIdentity>,
        /// How it proves itself: exactly one in this version.
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
        /// The national cloud; public by default.
        cloud: May<Cloud>,
        /// Another base URL for the cloud's login host: https, or http to loopback.
        authority: May<HttpUrl>,
        /// The token endpoint: v2 sends scope, v1 sends resource; v2 by default.
        endpoint: May<Endpoint>,
    }
}

object! {
    /// How an identity proves itself: one of the keys.
    Credential "a credential such as `secret: { file: … }`" {
        /// A client secret.
        secret: May<SecretRef>,
        /// A certificate with its key.
        certificate: May<Certificate>,
    }
    later ["federated_token", "managed_identity", "exec"]
}

object! {
    /// A certificate with its key.
    Certificate "a certificate such as `{ file: … }`" {
        /// A .pfx or .p12, or a PEM certificate.
        file: Must<FilePath>,
        /// The PEM key, where it is not in the same file.
        key: May<FilePath>,
        /// What opens it.
        passphrase: May<SecretRef>,
        /// How assertions are signed; PS256 by default.
        assertion: May<Algorithm>,
        /// Whether the certificate and its chain go into each assertion; false by default.
        x5c: May<bool>,
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
