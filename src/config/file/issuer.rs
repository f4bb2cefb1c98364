//! Issuers: whose tokens come in.

use std::time::Duration;

use crate::entra::{Cloud, Endpoint, Tenant};
use crate::located::{Filled, HttpUrl, May, Must, Or, Text, object};
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
