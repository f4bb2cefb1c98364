//! A client of any other authorization server: a token endpoint by the client credentials grant (RFC 6749
//! §4.4), which every one of them has.

use std::sync::Arc;

use super::{Acquired, TokenUrl};
use crate::clock::UnixTime;
use crate::entra::{Dialect, Grant, Terms, TokenEndpointError, TokenRequest};
use crate::http_client::HttpClient;
use crate::outbound::{Credentials, TokenRequestError, Wanted};

/// `oauth2:` of an identity, with its `credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2Client {
    pub token_url: TokenUrl,
    /// What the server calls itself: the `aud` of assertions. `None`: the URL that is posted to.
    pub issuer: Option<String>,
    pub client_id: String,
    pub terms: Terms,
    /// PEM certificates to trust there, instead of those of `fetch`.
    pub ca_pem: Option<Arc<Vec<u8>>>,
    /// How it proves itself: tried in order, the next one where the server refuses one.
    pub credentials: Credentials,
}

impl OAuth2Client {
    pub(super) async fn acquire(
        &self,
        identity: &str,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        // SECURITY: never a token of its own in a user's place. Acting for users is Entra's own flow.
        if wanted.assertion.is_some() {
            return Err(TokenRequestError::NotForUsers);
        }
        // Tokens are asked for once in a while: no connection is worth keeping until then.
        let own = self.ca_pem.as_ref().map(|pem| {
            http.changed(|fetch| {
                fetch.ca_pem = Some(pem.to_vec());
                fetch.ca_key = Some("identities.*.oauth2.ca_file");
            })
        });
        let own = own.transpose();
        let own = own.map_err(|why| TokenEndpointError::Unavailable(why.to_string()))?;
        let http = own.as_ref().unwrap_or(http);
        let url = self.token_url.find(http, now).await?;
        let request = TokenRequest {
            http,
            url: &url,
            audience: self.issuer.as_deref().unwrap_or(&url),
            dialect: Dialect::OAuth2(&self.terms),
            client_id: &self.client_id,
            scope: &wanted.scope,
            grant: Grant::ClientCredentials,
            claims: None,
            is_elsewhere: false,
            now,
        };
        let acquired = self.credentials.acquire(identity, &request).await;
        if let Err(TokenRequestError::Endpoint(why)) = &acquired
            && matches!(
                why,
                TokenEndpointError::Unavailable(_) | TokenEndpointError::Malformed(_)
            )
        {
            self.token_url.failed();
        }
        acquired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::FetchDefinition;
    use crate::secret::Secret;

    #[tokio::test]
    async fn who_acts_for_a_user_is_given_no_token_of_the_clients_own() {
        let client = OAuth2Client {
            token_url: TokenUrl::Written("http://127.0.0.1:1/token".into()),
            issuer: None,
            client_id: "gateway".to_owned(),
            terms: Terms::default(),
            ca_pem: None,
            credentials: Credentials::new(Vec::new()),
        };
        let http = HttpClient::new(&FetchDefinition::default()).unwrap();
        let assertion = Some(Arc::new(Secret::new("a.users.token".to_owned())));
        for (assertion, why) in [
            (assertion, TokenRequestError::NotForUsers),
            (None, TokenRequestError::NoCredential),
        ] {
            let wanted = Wanted {
                assertion,
                ..Wanted::of_app("orders")
            };
            let outcome = client.acquire("other", &wanted, &http, UnixTime::now());
            assert_eq!(outcome.await.err(), Some(why));
        }
    }
}
