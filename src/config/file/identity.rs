//! Identities: who asks for our tokens.

use std::time::Duration;

use super::{Credential, ManagedIdentity, OAuth2Identity};
use crate::entra::{Capability, Cloud, Endpoint, Region, Tenant};
use crate::guid::Guid;
use crate::located::{Filled, HttpUrl, May, Or, object};
use crate::outbound::TokenTimes;

object! {
    /// Who the gateway is when it asks for a token.
    Identity "an identity such as `{ entra: { tenant: …, client_id: … }, credentials: […] }`" {
        /// An app registration of Microsoft Entra ID.
        entra: May<EntraIdentity>,
        /// Instead of `entra`: an identity of the platform that the gateway runs on. It needs no credentials.
        managed_identity: May<ManagedIdentity>,
        /// Instead of `entra`: a client of any other authorization server.
        oauth2: May<OAuth2Identity>,
        /// How it proves itself: tried in order, the next one when one is refused.
        credentials: May<Filled<Credential>> = "required but beside `managed_identity`",
        /// How its tokens are kept.
        tokens: Or<Tokens> = "{}",
    }
}

object! {
    /// An app registration.
    EntraIdentity "an application such as `{ tenant: …, client_id: … }`" {
        /// The tenant's GUID.
        tenant: May<Tenant> = "required; beside a `federated_token` the variable `AZURE_TENANT_ID`",
        /// The application's (client) id.
        client_id: May<Guid> = "required; beside a `federated_token` the variable `AZURE_CLIENT_ID`",
        /// The national cloud: `public`, `usgov` or `china`.
        cloud: Or<Cloud> = "public",
        /// Another base URL for the cloud's login host, as for issuers. The assertion's `aud` is the URL that is posted to.
        authority: May<HttpUrl> = "the cloud's; beside a `federated_token` the variable `AZURE_AUTHORITY_HOST`",
        /// Azure's region whose endpoint is asked, such as `westeurope`: for Microsoft's own applications and managed identities alone; others are refused (AADSTS100007). Users' tokens are asked for at the cloud's own.
        region: May<Region> = "the cloud's own endpoint",
        /// Whether Microsoft is asked, before anything is sent to `authority`, if it knows that host as one of Entra's.
        instance_discovery: Or<bool> = "false",
        /// `v2` sends `scope`; `v1` sends `resource`, the scope less `/.default`.
        endpoint: Or<Endpoint> = "v2",
        /// What the gateway tells Entra that it can do. `cp1`: answer claims challenges, of continuous access evaluation. Tokens for APIs that take part then last up to a day, and end at once when the application is revoked.
        client_capabilities: May<Filled<Capability>> = "none",
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
