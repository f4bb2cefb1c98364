//! Issuers and identities: whose tokens come in, and who asks for ours.

use std::time::Duration;

use crate::config::object::object;
use crate::config::reader::{May, Must};
use crate::config::secret_ref::SecretRef;
use crate::config::value::{FilePath, Filled, HttpUrl, Text};
use crate::entra::{Algorithm, Cloud, Endpoint, Tenant};
use crate::guid::Guid;

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
        keys: May<Keys>,
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
    Keys "a mapping such as `{ refresh: 1h }`" {
        /// Between background refreshes; 1h by default.
        refresh: May<Duration>,
        /// Between refetches for unknown keys, and after a failure; 30s by default.
        cool_down: May<Duration>,
        /// How long the last good keys are trusted through an outage; 24h by default.
        max_stale: May<Duration>,
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
        tokens: May<Tokens>,
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
    Tokens "a mapping such as `{ renew_before: 5m }`" {
        /// How long before expiry a token is renewed where Entra says nothing; 5m by default.
        renew_before: May<Duration>,
        /// Between attempts after a failure; 5s by default.
        cool_down: May<Duration>,
    }
}
