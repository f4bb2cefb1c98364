//! An app registration of Microsoft Entra ID: its credentials are put to its tenant's token endpoint in
//! order.

use super::{Acquired, InstanceDiscovery};
use crate::clock::UnixTime;
use crate::entra::{
    Authority, Capability, Dialect, Endpoint, Grant, Region, TokenRequest, claims_request,
};
use crate::guid::Guid;
use crate::http_client::HttpClient;
use crate::outbound::{Credentials, TokenRequestError, Wanted};

/// `entra:` of an identity, with its `credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraClient {
    pub authority: Authority,
    pub client_id: Guid,
    /// Whose own endpoint gives it the application's tokens.
    pub region: Option<Region>,
    /// Whether its host must be one of Microsoft's.
    pub instance: Option<InstanceDiscovery>,
    /// v2 unless asked otherwise.
    pub endpoint: Endpoint,
    /// What it says that it can do.
    pub capabilities: Vec<Capability>,
    /// How it proves itself: tried in order, the next one where Entra refuses one.
    pub credentials: Credentials,
}

impl EntraClient {
    /// Where the application's own tokens are asked for.
    pub fn token_endpoint(&self) -> String {
        let place = match &self.region {
            Some(region) => &self.authority.in_region(region),
            None => &self.authority,
        };
        place.token_endpoint(self.endpoint)
    }

    /// The URL to post to, and the `aud` of an assertion there. In a region too, that is the cloud's own
    /// endpoint, where users' tokens are asked for.
    fn asked_at(&self, wanted: &Wanted) -> (String, String) {
        let central = self.asked(wanted).token_endpoint(self.endpoint);
        let is_regional = self.region.is_some() && wanted.assertion.is_none();
        match is_regional {
            true => (self.token_endpoint(), central),
            false => (central.clone(), central),
        }
    }

    /// SECURITY: a tenant of the same cloud, at the same base URL.
    fn asked(&self, wanted: &Wanted) -> Authority {
        match wanted.tenant {
            Some(tenant) => self.authority.of(tenant),
            None => self.authority.clone(),
        }
    }

    pub(super) async fn acquire(
        &self,
        identity: &str,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        if let Some(instance) = &self.instance {
            instance.confirm(&self.authority, http, now).await?;
        }
        let (url, audience) = self.asked_at(wanted);
        let claims = claims_request(&self.capabilities, wanted.claims.as_deref());
        let request = TokenRequest {
            http,
            url: &url,
            audience: &audience,
            dialect: Dialect::Entra(self.endpoint),
            client_id: &self.client_id.to_string(),
            scope: &wanted.scope,
            grant: match &wanted.assertion {
                Some(assertion) => Grant::OnBehalfOf(assertion),
                None => Grant::ClientCredentials,
            },
            claims: claims.as_deref(),
            is_elsewhere: wanted
                .tenant
                .is_some_and(|it| it != self.authority.tenant().guid()),
            now,
        };
        self.credentials.acquire(identity, &request).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::entra::Cloud;
    use crate::secret::Secret;

    const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

    #[test]
    fn a_region_is_asked_for_what_is_the_applications_own() {
        let authority = Authority::new(Cloud::Public, TENANT.parse().unwrap(), None);
        let mut client = EntraClient {
            authority,
            client_id: TENANT.parse().unwrap(),
            region: Some("westeurope".parse().unwrap()),
            instance: None,
            endpoint: Endpoint::V2,
            capabilities: Vec::new(),
            credentials: Credentials::new(Vec::new()),
        };
        let at = |host: &str| format!("https://{host}/{TENANT}/oauth2/v2.0/token");
        let central = at("login.microsoftonline.com");
        let app = Wanted::of_app("https://graph.microsoft.com/.default");
        let regional = at("westeurope.login.microsoft.com");
        assert_eq!(client.asked_at(&app), (regional, central.clone()));
        let assertion = Some(Arc::new(Secret::new("u.s.er".to_owned())));
        let user = Wanted {
            assertion,
            ..app.clone()
        };
        let at_the_clouds = (central.clone(), central);
        assert_eq!(client.asked_at(&user), at_the_clouds);
        client.region = None;
        assert_eq!(client.asked_at(&app), at_the_clouds);
    }
}
