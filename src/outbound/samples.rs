//! An identity whose token endpoint is where a test says, for tests.

use super::{
    ClientDefinition, CredentialDefinition, Credentials, EntraClient, IdentityDefinition,
    SecretCredential, TokenSource, TokenTimes, Wanted,
};
use crate::entra::{Authority, Cloud, Endpoint};
use crate::http_client::{FetchDefinition, HttpClient};
use crate::secret::Secret;

/// What asks there for tokens of the identity `mail`, for the scope `x/.default`.
pub(super) fn source(base: &str) -> TokenSource {
    let tenant = "11111111-aaaa-4bbb-8ccc-222222222222".parse().unwrap();
    let base = base.parse().unwrap();
    let secret = SecretCredential::new(Secret::new("secret".to_owned()));
    let identity = IdentityDefinition {
        name: "mail".into(),
        client: ClientDefinition::Entra(EntraClient {
            authority: Authority::new(Cloud::Public, tenant, Some(&base)),
            client_id: "aaaa0000-1111-4222-8333-444444444444".parse().unwrap(),
            region: None,
            instance: None,
            endpoint: Endpoint::V2,
            capabilities: Vec::new(),
            credentials: Credentials::new(vec![CredentialDefinition::Secret(secret)]),
        }),
        tokens: TokenTimes::default(),
    };
    let http = HttpClient::new(&FetchDefinition::default()).unwrap();
    TokenSource::new(identity, Wanted::of_app("x/.default"), http)
}
