//! A certificate: every token request carries a fresh signed assertion. One that Entra's clock does
//! not take is dated back, once.

use std::time::Duration;

use uuid::Uuid;

use super::SigningKey;
use crate::clock::UnixTime;
use crate::entra::{
    Algorithm, Assertion, AssertionClaims, ClientProof, TokenEndpointError, TokenRequest,
    TokenResponse,
};
use crate::outbound::TokenRequestError;

/// "The client assertion is not within its valid time range."
const OUTSIDE_ITS_TIME: u64 = 700_024;

/// How far a second assertion is dated back, for hosts whose clock runs ahead of Entra's.
const DATED_BACK: Duration = Duration::from_secs(300);

/// `certificate:` of the file, its material read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateCredential {
    pub key: SigningKey,
    /// `assertion: PS256 | RS256`.
    pub algorithm: Algorithm,
    /// `x5c: true`: the chain goes into the header.
    pub with_chain: bool,
    /// What else each assertion claims.
    pub claims: AssertionClaims,
}

impl CertificateCredential {
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        match self.send(request, request.now).await {
            Err(error) if is_outside_its_time(&error) => {
                self.send(request, request.now.minus(DATED_BACK)).await
            }
            outcome => outcome,
        }
    }

    async fn send(
        &self,
        request: &TokenRequest<'_>,
        issued_at: UnixTime,
    ) -> Result<TokenResponse, TokenRequestError> {
        let jti = Uuid::new_v4().hyphenated().to_string();
        let assertion = Assertion::new(request.client_id, request.audience, jti, issued_at);
        let assertion = assertion.claiming(&self.claims);
        let how = (self.algorithm, self.with_chain);
        let assertion = self
            .key
            .sign(&assertion, how, request.http, request.now)
            .await?;
        Ok(request.send(ClientProof::Assertion(&assertion)).await?)
    }
}

fn is_outside_its_time(error: &TokenRequestError) -> bool {
    matches!(
        error,
        TokenRequestError::Endpoint(TokenEndpointError::Refused { code: Some(code), .. })
            if *code == OUTSIDE_ITS_TIME
    )
}
