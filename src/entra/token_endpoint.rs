//! A token endpoint's wire, Entra's or another server's: one POST of a form, one answer, its errors as
//! sentences an operator can act on.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::dialect::{self, Dialect};
use super::{Endpoint, advice, elsewhere, token_answer};
use crate::clock::UnixTime;
use crate::http_client::{FetchError, HttpClient};
use crate::secret::Secret;

/// The largest answer that is read; a token with many roles has some 10 KiB.
const LARGEST_ANSWER: usize = 256 * 1024;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What the token is for is behind it: whom the client acts for (RFC 7523 §2.1).
const ON_BEHALF_OF: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A request for a token, all but the client's proof.
pub struct TokenRequest<'a> {
    pub http: &'a HttpClient,
    /// The URL that is posted to.
    pub url: &'a str,
    /// The `aud` of an assertion that is put there.
    pub audience: &'a str,
    pub dialect: Dialect<'a>,
    pub client_id: &'a str,
    /// Empty where none is asked for.
    pub scope: &'a str,
    pub grant: Grant<'a>,
    /// JSON of claims that the token must have, or whose absence an API minded.
    pub claims: Option<&'a str>,
    /// Whether another tenant is asked than the application's own: what that refuses says nothing of the
    /// credential, for the application may be unknown there.
    pub is_elsewhere: bool,
    pub now: UnixTime,
}

/// Whom the token is for.
#[derive(Clone, Copy, Debug)]
pub enum Grant<'a> {
    /// The client itself (RFC 6749 §4.4).
    ClientCredentials,
    /// The user whose token for this client is at hand; Entra's on-behalf-of flow.
    OnBehalfOf(&'a Secret<String>),
}

impl TokenRequest<'_> {
    pub async fn send(&self, proof: ClientProof<'_>) -> Result<TokenResponse, TokenEndpointError> {
        let form = self.form(&proof);
        let user_pass = self.user_pass(&proof);
        let mut headers = HeaderMap::new();
        headers.extend(
            user_pass
                .as_ref()
                .and_then(|both| dialect::basic(both))
                .map(|value| (AUTHORIZATION, value)),
        );
        let answer = self
            .http
            .post_form_with(headers, self.url, &form, LARGEST_ANSWER);
        match answer.await {
            Ok(answer) => {
                let mut confided = self.confided(&proof);
                confided.extend(user_pass.as_ref().map(|both| both.as_str()));
                let read = match (self.dialect, self.grant) {
                    (Dialect::OAuth2(_), _) => elsewhere::read,
                    (Dialect::Entra(_), Grant::ClientCredentials) => token_answer::read,
                    (Dialect::Entra(_), Grant::OnBehalfOf(_)) => token_answer::read_for_user,
                };
                read(&answer, &confided, self.now)
            }
            Err(error @ FetchError::TooLarge(_)) => {
                Err(TokenEndpointError::Malformed(error.to_string()))
            }
            Err(error) => Err(TokenEndpointError::Unavailable(error.to_string())),
        }
    }

    fn form<'a>(&'a self, proof: &'a ClientProof<'_>) -> Vec<(&'a str, &'a str)> {
        let grant = match self.grant {
            Grant::ClientCredentials => "client_credentials",
            Grant::OnBehalfOf(_) => ON_BEHALF_OF,
        };
        let mut form = vec![("grant_type", grant)];
        if !self.is_basic(proof) {
            form.push(("client_id", self.client_id));
        }
        form.extend(self.what());
        match proof {
            ClientProof::Secret(_) if self.is_basic(proof) => {}
            ClientProof::Connection => {}
            ClientProof::Secret(secret) => form.push(("client_secret", secret.expose())),
            ClientProof::Assertion(assertion) => {
                form.push(("client_assertion_type", ASSERTION_TYPE));
                form.push(("client_assertion", assertion.expose()));
            }
        }
        if let Grant::OnBehalfOf(assertion) = self.grant {
            form.push(("assertion", assertion.expose()));
            form.push(("requested_token_use", "on_behalf_of"));
        }
        if let Some(claims) = self.claims {
            form.push(("claims", claims));
        }
        form
    }

    /// What the token is for.
    fn what(&self) -> Vec<(&str, &str)> {
        let scope = ("scope", self.scope);
        match self.dialect {
            Dialect::Entra(Endpoint::V2) => vec![scope],
            Dialect::Entra(Endpoint::V1) => {
                let resource = self.scope.strip_suffix("/.default");
                vec![("resource", resource.unwrap_or(self.scope))]
            }
            Dialect::OAuth2(terms) => {
                let asked = (!self.scope.is_empty()).then_some(scope);
                let more = terms.parameters.iter();
                let more = more.map(|(name, value)| (name.as_str(), value.as_str()));
                asked.into_iter().chain(more).collect()
            }
        }
    }

    fn is_basic(&self, proof: &ClientProof<'_>) -> bool {
        self.dialect.is_basic() && matches!(proof, ClientProof::Secret(_))
    }

    /// What goes by HTTP Basic, where the secret does.
    fn user_pass(&self, proof: &ClientProof<'_>) -> Option<Zeroizing<String>> {
        match proof {
            ClientProof::Secret(secret) if self.dialect.is_basic() => {
                Some(dialect::user_pass(self.client_id, secret.expose()))
            }
            _ => None,
        }
    }

    /// What no error may quote, should the endpoint do so.
    fn confided<'a>(&'a self, proof: &'a ClientProof<'_>) -> Vec<&'a str> {
        let mut confided = match proof {
            ClientProof::Secret(proof) | ClientProof::Assertion(proof) => {
                vec![proof.expose().as_str()]
            }
            ClientProof::Connection => Vec::new(),
        };
        if let Grant::OnBehalfOf(assertion) = self.grant {
            confided.push(assertion.expose());
        }
        confided
    }
}

/// How the client proves itself in one request.
#[derive(Clone, Debug)]
pub enum ClientProof<'a> {
    /// `client_secret`.
    Secret(&'a Secret<String>),
    /// `client_assertion` (RFC 7523 §2.2).
    Assertion(&'a Secret<String>),
    /// The connection itself, on which a certificate is shown (RFC 8705 §2).
    Connection,
}

/// A token as it came.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    pub access_token: Secret<String>,
    pub expires_at: UnixTime,
    /// When whoever gave it would like it renewed (`refresh_in`).
    pub refresh_at: Option<UnixTime>,
}

/// Why no token came. `Display` is for the operator's log, never for a caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenEndpointError {
    /// It answered with an OAuth error (RFC 6749 §5.2).
    #[error("{}", refused(error, *code, advice, correlation_id.as_deref()))]
    Refused {
        error: String,
        /// The last of Entra's `error_codes` that is known, else the last; other servers have none.
        code: Option<u64>,
        /// What refines `error`, where Entra says so: `basic_action`, `consent_required` …
        suberror: Option<Box<str>>,
        /// JSON of what a token of the user's must claim first, where Entra says so.
        claims: Option<Arc<str>>,
        advice: String,
        /// `correlation_id`, to find it in Entra's sign-in log.
        correlation_id: Option<String>,
    },
    /// 429, or any answer with `Retry-After`.
    #[error("{}", throttled(*retry_after, said.as_deref()))]
    Throttled {
        retry_after: Duration,
        said: Option<String>,
    },
    /// 5xx, no connection, timeout.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Nothing says where another server's endpoint is, or what does leads elsewhere.
    #[error("the token endpoint is not known: {0}")]
    Unknown(String),
    /// An answer that is no token response.
    #[error("the answer is no token response: {0}")]
    Malformed(String),
}

impl TokenEndpointError {
    /// The same, with what an assertion says of itself where no federated credential fits it.
    pub fn about(mut self, says: &dyn std::fmt::Display) -> Self {
        if let Self::Refused { code, advice, .. } = &mut self
            && code.is_some_and(advice::is_about_federation)
        {
            advice.push_str(&format!(". The token's: {says}"));
        }
        self
    }

    /// Whether it is the credential that is refused, not the application, nor what is asked for.
    pub fn blames_credential(&self) -> bool {
        match self {
            Self::Refused { error, code, .. } => advice::blames_credential(error, *code),
            _ => false,
        }
    }
}

fn throttled(wait: Duration, said: Option<&str>) -> String {
    let wait = humantime::format_duration(wait);
    let said = said.map_or_else(String::new, |said| format!("; {said}"));
    format!("throttled; asked to wait {wait}{said}")
}

fn refused(error: &str, code: Option<u64>, advice: &str, correlation: Option<&str>) -> String {
    let code = code.map_or_else(String::new, |code| format!(" AADSTS{code}"));
    let correlation = correlation.map_or_else(String::new, |id| format!(" (correlation id {id})"));
    format!("{error}{code}: {advice}{correlation}")
}

#[cfg(test)]
#[path = "token_endpoint_tests.rs"]
mod tests;
