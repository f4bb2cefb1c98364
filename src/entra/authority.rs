//! Where does a tenant's Entra live, and what does it call itself? Every URL is derived from cloud,
//! tenant and an optional override; none is taken from a discovery document.

use std::fmt;
use std::str::FromStr;

use url::Url;
use url::form_urlencoded::byte_serialize;

use super::{Cloud, Region};
use crate::guid::Guid;

/// A tenant: one, by its GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(Guid);

impl Tenant {
    pub fn guid(self) -> Guid {
        self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    #[error(
        "names no tenant: tokens and assertions belong to exactly one; write the tenant's GUID"
    )]
    NotOneTenant,
    #[error("is not a GUID; it is the Directory (tenant) ID on the tenant's overview page")]
    NotGuid,
}

impl FromStr for Tenant {
    type Err = TenantError;

    fn from_str(text: &str) -> Result<Self, TenantError> {
        if ["common", "organizations", "consumers"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text))
        {
            return Err(TenantError::NotOneTenant);
        }
        text.parse().map(Self).map_err(|_| TenantError::NotGuid)
    }
}

/// Which generation of endpoint: v2 takes `scope`, v1 takes `resource`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/oauth2/token`.
    V1,
    /// `/oauth2/v2.0/token`.
    #[default]
    V2,
}

/// Which versions of a tenant's access tokens are accepted: one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versions {
    v1: bool,
    v2: bool,
}

impl Versions {
    /// Those that are named; `None` where none is.
    pub fn of(named: impl IntoIterator<Item = Endpoint>) -> Option<Self> {
        let none = Self {
            v1: false,
            v2: false,
        };
        let versions = named.into_iter().fold(none, |known, one| match one {
            Endpoint::V1 => Self { v1: true, ..known },
            Endpoint::V2 => Self { v2: true, ..known },
        });
        (versions != none).then_some(versions)
    }

    pub fn include(self, version: Endpoint) -> bool {
        match version {
            Endpoint::V1 => self.v1,
            Endpoint::V2 => self.v2,
        }
    }
}

impl Default for Versions {
    /// Both: which of them a client gets is the API registration's doing.
    fn default() -> Self {
        Self { v1: true, v2: true }
    }
}

/// A tenant in a cloud, and the base URL its endpoints are reached by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    cloud: Cloud,
    tenant: Tenant,
    base: String,
}

impl Authority {
    /// The cloud's own authority, or another base URL (scheme, host, port) that stands in for it.
    pub fn new(cloud: Cloud, tenant: Tenant, override_base: Option<&Url>) -> Self {
        let base = match override_base {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://{}", cloud.login_host()),
        };
        Self {
            cloud,
            tenant,
            base,
        }
    }

    /// That of another tenant, in the same place.
    pub fn of(&self, tenant: Guid) -> Self {
        Self {
            tenant: Tenant(tenant),
            ..self.clone()
        }
    }

    /// That of the cloud's own host in a region.
    pub fn in_region(&self, region: &Region) -> Self {
        Self {
            base: format!("https://{}", region.login_host(self.cloud)),
            ..self.clone()
        }
    }

    /// Whether it is where its cloud's is, and not at a base URL of somebody's own.
    pub fn is_the_clouds(&self) -> bool {
        self.base.strip_prefix("https://") == Some(self.cloud.login_host())
    }

    /// Where the cloud is asked whether it knows this authority's host as one of its own.
    pub fn instance_url(&self) -> String {
        let authorize: String = byte_serialize(self.authorization_uri().as_bytes()).collect();
        let cloud = self.cloud.login_host();
        format!(
            "https://{cloud}/common/discovery/instance?api-version=1.1&authorization_endpoint={authorize}"
        )
    }

    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// The tenant's own token endpoint, an overriding authority included: also an assertion's `aud`.
    pub fn token_endpoint(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Endpoint::V1 => format!("{}/{}/oauth2/token", self.base, self.tenant),
            Endpoint::V2 => format!("{}/{}/oauth2/v2.0/token", self.base, self.tenant),
        }
    }

    /// What the tenant says of itself (OpenID Connect Discovery).
    pub fn metadata_url(&self) -> String {
        let (base, tenant) = (&self.base, self.tenant);
        format!("{base}/{tenant}/v2.0/.well-known/openid-configuration")
    }

    /// Where an administrator consents: to all that the registration of `client_id` asks for, or to what a
    /// scope stands for, with the redirect URI to go back to and a state to know it by.
    pub fn consent_url(&self, client_id: Guid, scope: Option<(&str, &str, &str)>) -> String {
        let (base, tenant) = (&self.base, self.tenant);
        let Some((scope, redirect_uri, state)) = scope else {
            return format!("{base}/{tenant}/adminconsent?client_id={client_id}");
        };
        let encoded = |text: &str| {
            let encoded = byte_serialize(text.as_bytes()).collect::<String>();
            // Not every reader of a query takes it for a space.
            encoded.replace('+', "%20")
        };
        format!(
            "{base}/{tenant}/v2.0/adminconsent?client_id={client_id}&scope={}&redirect_uri={}&state={}",
            encoded(scope),
            encoded(redirect_uri),
            encoded(state)
        )
    }

    /// The tenant's key set: v2's is a superset that carries each key's `issuer`.
    pub fn keys_url(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Endpoint::V1 => format!("{}/{}/discovery/keys", self.base, self.tenant),
            Endpoint::V2 => format!("{}/{}/discovery/v2.0/keys", self.base, self.tenant),
        }
    }

    /// `iss` of this tenant's tokens; always the cloud's, whatever the base URL is.
    pub fn issuer(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Endpoint::V1 => format!("https://{}/{}/", self.cloud.v1_issuer_host(), self.tenant),
            Endpoint::V2 => format!("https://{}/{}/v2.0", self.cloud.login_host(), self.tenant),
        }
    }

    /// Whether `iss` is that of this tenant's tokens, without making another to compare it with.
    pub fn is_issuer(&self, endpoint: Endpoint, iss: &str) -> bool {
        let (host, end) = match endpoint {
            Endpoint::V1 => (self.cloud.v1_issuer_host(), "/"),
            Endpoint::V2 => (self.cloud.login_host(), "/v2.0"),
        };
        let tenant = iss.strip_prefix("https://").and_then(|rest| {
            let path = rest.strip_prefix(host)?.strip_prefix('/')?;
            path.strip_suffix(end)
        });
        tenant == Some(self.tenant.guid().write(&mut [0; Guid::LENGTH]))
    }

    /// What a challenge tells a client to ask (`authorization_uri`).
    pub fn authorization_uri(&self) -> String {
        format!("{}/{}/oauth2/v2.0/authorize", self.base, self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

    fn authority(cloud: Cloud, base: Option<&str>) -> Authority {
        let base = base.map(|base| Url::parse(base).unwrap());
        Authority::new(cloud, GUID.parse().unwrap(), base.as_ref())
    }

    #[test]
    fn a_tenant_is_a_hyphenated_guid() {
        let upper = GUID.to_uppercase();
        for text in [GUID, &upper] {
            assert_eq!(text.parse::<Tenant>().unwrap().to_string(), GUID);
        }
        for text in ["common", "Organizations", "CONSUMERS"] {
            assert_eq!(
                text.parse::<Tenant>(),
                Err(TenantError::NotOneTenant),
                "{text}"
            );
        }
        for text in [
            "",
            "contoso.onmicrosoft.com",
            "11111111aaaa4bbb8ccc222222222222",
            "11111111-aaaa-4bbb-8ccc-222222222222/../x",
        ] {
            assert_eq!(text.parse::<Tenant>(), Err(TenantError::NotGuid), "{text}");
        }
    }

    #[test]
    fn issuers_are_the_clouds_to_the_slash() {
        for (cloud, v1, v2) in [
            (
                Cloud::Public,
                "sts.windows.net",
                "login.microsoftonline.com",
            ),
            (Cloud::UsGov, "sts.windows.net", "login.microsoftonline.us"),
            (
                Cloud::China,
                "sts.chinacloudapi.cn",
                "login.partner.microsoftonline.cn",
            ),
        ] {
            for base in [None, Some("http://127.0.0.1:8400")] {
                let authority = authority(cloud, base);
                assert_eq!(
                    authority.issuer(Endpoint::V1),
                    format!("https://{v1}/{GUID}/")
                );
                assert_eq!(
                    authority.issuer(Endpoint::V2),
                    format!("https://{v2}/{GUID}/v2.0")
                );
                for (endpoint, other) in
                    [(Endpoint::V1, Endpoint::V2), (Endpoint::V2, Endpoint::V1)]
                {
                    let iss = authority.issuer(endpoint);
                    assert!(authority.is_issuer(endpoint, &iss));
                    for wrong in [
                        authority.issuer(other),
                        iss.to_uppercase(),
                        iss.replace("https", "http"),
                        iss.replace("1111", "2222"),
                        iss.replace('b', "B"),
                        format!("{iss}/"),
                        format!(" {iss}"),
                        iss[..iss.len() - 1].to_owned(),
                        String::new(),
                    ] {
                        assert!(!authority.is_issuer(endpoint, &wrong), "{wrong}");
                    }
                }
            }
        }
    }

    #[test]
    fn endpoints_are_derived_from_the_cloud_or_the_override() {
        for (base, start) in [
            (None, "https://login.microsoftonline.us"),
            (Some("http://127.0.0.1:8400"), "http://127.0.0.1:8400"),
            (Some("https://entra.test/"), "https://entra.test"),
        ] {
            let authority = authority(Cloud::UsGov, base);
            let at = |path: &str| format!("{start}/{GUID}/{path}");
            assert_eq!(authority.token_endpoint(Endpoint::V1), at("oauth2/token"));
            assert_eq!(
                authority.token_endpoint(Endpoint::V2),
                at("oauth2/v2.0/token")
            );
            assert_eq!(authority.keys_url(Endpoint::V1), at("discovery/keys"));
            assert_eq!(authority.keys_url(Endpoint::V2), at("discovery/v2.0/keys"));
            assert_eq!(authority.authorization_uri(), at("oauth2/v2.0/authorize"));
        }
    }
}
