//! A managed identity: the platform gives its tokens, and it needs no credential. It can do nothing on behalf
//! of users, and no API can have claims put into its tokens.

use super::{Acquired, UsedCredential};
use crate::clock::UnixTime;
use crate::entra::{ManagedIdentity, ManagedIdentityError};
use crate::http_client::HttpClient;
use crate::outbound::{TokenRequestError, Wanted};

/// What its tokens are told to be given for.
pub(super) const KIND: &str = "managed_identity";

/// `managed_identity:` of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedIdentityClient(pub ManagedIdentity);

impl ManagedIdentityClient {
    pub(super) async fn acquire(
        &self,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        // A token that was asked for in another way than it can be would pass for what it is not.
        let why = match (&wanted.assertion, &wanted.claims) {
            (Some(_), _) => "it can get no token on behalf of a user",
            (_, Some(_)) => {
                "the API wants claims that its token lacks, which a platform's token cannot be given; the \
                 platform keeps each token for up to a day"
            }
            (None, None) => {
                let resource = wanted.scope.strip_suffix("/.default");
                let resource = resource.unwrap_or(&wanted.scope);
                let by = UsedCredential {
                    place: 0,
                    kind: KIND,
                    passed_over: None,
                };
                let response = self.0.token(http, resource, now).await?;
                return Ok(Acquired { response, by });
            }
        };
        Err(ManagedIdentityError::Refused(why.to_owned()).into())
    }
}
