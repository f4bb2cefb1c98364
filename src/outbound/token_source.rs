//! Where an app-only token comes from: an identity's credential, put to its token endpoint.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{CertificateCredential, CredentialDefinition, IdentityDefinition, TokenTimes};
use crate::clock::UnixTime;
use crate::entra::{Assertion, EntraError, Grant, Signed, TokenEndpoint, TokenResponse};
use crate::http_client::HttpClient;
use crate::reason::Reason;

/// "The client assertion is not within its valid time range."
const OUTSIDE_ITS_TIME: u64 = 700_024;

/// How far a second assertion is dated back, for hosts whose clock runs ahead of Entra's.
const DATED_BACK: Duration = Duration::from_secs(300);

/// Acquires tokens for one identity; keeps none.
#[derive(Debug)]
pub struct TokenSource {
    identity: IdentityDefinition,
    endpoint: TokenEndpoint,
    http: HttpClient,
}

impl TokenSource {
    /// A source for this identity.
    pub fn new(identity: IdentityDefinition, http: HttpClient) -> Self {
        let endpoint = TokenEndpoint {
            url: identity.authority.token_endpoint(identity.endpoint),
            endpoint: identity.endpoint,
        };
        Self {
            identity,
            endpoint,
            http,
        }
    }

    /// The identity.
    pub fn identity(&self) -> &IdentityDefinition {
        &self.identity
    }

    /// Asks for a token now.
    ///
    /// # Errors
    /// Why none came.
    pub async fn acquire(&self, scope: &str, now: UnixTime) -> Result<AccessToken, AcquireError> {
        let response = match &self.identity.credential {
            CredentialDefinition::Secret(secret) => {
                self.ask(Grant::Secret(secret), scope, now).await?
            }
            CredentialDefinition::Certificate(certificate) => {
                let Signed(assertion) = self.assertion(certificate, now)?;
                match self.ask(Grant::Assertion(&assertion), scope, now).await {
                    Err(error) if is_outside_its_time(&error) => {
                        let Signed(earlier) = self.assertion(certificate, now.minus(DATED_BACK))?;
                        self.ask(Grant::Assertion(&earlier), scope, now).await?
                    }
                    outcome => outcome?,
                }
            }
        };
        AccessToken::of(&response, self.identity.tokens, now, random())
    }

    async fn ask(
        &self,
        grant: Grant<'_>,
        scope: &str,
        now: UnixTime,
    ) -> Result<TokenResponse, EntraError> {
        let client_id = self.identity.client_id.to_string();
        self.endpoint
            .client_credentials(&self.http, &client_id, grant, scope, now)
            .await
    }

    fn assertion(
        &self,
        certificate: &CertificateCredential,
        issued_at: UnixTime,
    ) -> Result<Signed, AcquireError> {
        let jti = Uuid::new_v4().hyphenated().to_string();
        Assertion::new(
            &self.identity.client_id.to_string(),
            &self.endpoint.url,
            jti,
            issued_at,
            Assertion::LONGEST,
        )
        .sign(
            &certificate.key,
            certificate.algorithm,
            certificate.with_chain,
        )
        .map_err(|error| AcquireError::Signing(error.to_string()))
    }
}

/// A token ready to be sent.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// `Bearer …`, marked sensitive.
    pub header: HeaderValue,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When to renew it.
    pub renew_at: UnixTime,
}

impl AccessToken {
    fn of(
        response: &TokenResponse,
        times: TokenTimes,
        now: UnixTime,
        chance: u32,
    ) -> Result<Self, AcquireError> {
        let token = response.access_token.expose().as_bytes();
        let mut value = Zeroizing::new(Vec::with_capacity(7 + token.len()));
        value.extend_from_slice(b"Bearer ");
        value.extend_from_slice(token);
        // Wiped when the last request that carries it is done.
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
            .map_err(|_| EntraError::Malformed("no header can carry the access_token".into()))?;
        header.set_sensitive(true);
        Ok(Self {
            header,
            expires_at: response.expires_at,
            renew_at: renew_at(response, times, now, chance),
        })
    }
}

/// When to renew: when Entra would like it, else some time before the end, and a little earlier by
/// `chance` lest all replicas ask at once.
fn renew_at(response: &TokenResponse, times: TokenTimes, now: UnixTime, chance: u32) -> UnixTime {
    let life = now.until(response.expires_at);
    let due = match response.refresh_at {
        Some(at) => at,
        None if times.renew_before < life => response.expires_at.minus(times.renew_before),
        None => now.plus(life / 2),
    };
    let most = (times.renew_before / 10).min(now.until(due) / 2);
    due.minus(most.mul_f64(f64::from(chance) / f64::from(u32::MAX)))
}

fn random() -> u32 {
    let (first, ..) = Uuid::new_v4().as_fields();
    first
}

fn is_outside_its_time(error: &EntraError) -> bool {
    matches!(error, EntraError::Refused { code: Some(code), .. } if *code == OUTSIDE_ITS_TIME)
}

/// Why there is no token to send. `Display` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcquireError {
    /// Entra's answer, or its silence.
    #[error(transparent)]
    Entra(#[from] EntraError),
    /// The assertion could not be signed.
    #[error("the assertion could not be signed: {0}")]
    Signing(String),
    /// The last attempt failed and the next may not come yet.
    #[error("waiting before the next attempt; the last one failed: {last}")]
    CoolingDown {
        /// Until the next attempt.
        retry_after: Duration,
        /// What the last attempt failed with.
        last: Box<AcquireError>,
    },
    /// The attempt ended without an outcome: a panic of ours, or the process is stopping.
    #[error("the attempt was broken off")]
    BrokenOff,
    /// `token: forward` on a request without a bearer token; ruled out at load.
    #[error("there is no caller's token to forward")]
    NothingToForward,
}

impl AcquireError {
    /// The word for it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Entra(EntraError::Refused { .. }) => Reason::TokenRefused,
            Self::Entra(EntraError::Throttled { .. }) => Reason::TokenThrottled,
            Self::Entra(_) => Reason::TokenUnavailable,
            Self::Signing(_) | Self::BrokenOff | Self::NothingToForward => Reason::InternalError,
            Self::CoolingDown { last, .. } => last.reason(),
        }
    }

    /// How long a caller should wait, in whole seconds.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Entra(EntraError::Throttled { retry_after })
            | Self::CoolingDown { retry_after, .. } => *retry_after,
            _ => Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
#[path = "token_source_tests.rs"]
mod tests;
