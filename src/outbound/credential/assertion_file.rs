//! A file with an assertion that others write and renew: a cluster's token for its pod, say. It is read
//! again for each token request.

use std::path::PathBuf;

use parking_lot::Mutex;

use super::beside::Beside;
use super::file;
use super::given::{GivenAssertion, LARGEST, Said};
use super::token_proxy::TokenProxy;
use crate::clock::UnixTime;
use crate::entra::{ClientProof, TokenRequest, TokenResponse};
use crate::outbound::TokenRequestError;

/// `federated_token:` or `assertion:` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionFile {
    pub path: PathBuf,
    /// Where tokens are asked for instead of at Entra.
    pub proxy: Option<TokenProxy>,
    /// What the one that was read last says of itself.
    said: Beside<Mutex<Option<Said>>>,
}

impl AssertionFile {
    /// Reads it once, for what is wrong to be known at start.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn new(path: PathBuf, proxy: Option<TokenProxy>) -> Result<Self, String> {
        let bytes = file::at_once(&path, LARGEST)?;
        let given = GivenAssertion::read(&bytes);
        let given = given.map_err(|why| format!("{} {why}", path.display()))?;
        let said = Beside::new(Mutex::new(Some(given.says().clone())));
        Ok(Self { path, proxy, said })
    }

    /// What the one that was read last says of itself.
    pub fn said(&self) -> Option<Said> {
        self.said.lock().clone()
    }

    pub(super) fn ends_at(&self) -> Option<UnixTime> {
        self.said.lock().as_ref()?.ends_at
    }

    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        let given = self.read(request.now).await?;
        match self.send(request, &given).await {
            Err(error) if error.blames_credential() => {
                // It may have been replaced on its way.
                let again = self.read(request.now).await?;
                match again.text() == given.text() {
                    true => Err(error.about(given.says())),
                    false => self.send(request, &again).await,
                }
            }
            outcome => outcome,
        }
    }

    async fn read(&self, now: UnixTime) -> Result<GivenAssertion, TokenRequestError> {
        let bytes = file::read(&self.path, LARGEST).await;
        let bytes = bytes.map_err(TokenRequestError::Unproven)?;
        let path = self.path.display();
        let unproven = |why: String| TokenRequestError::Unproven(format!("{path} {why}"));
        let given = GivenAssertion::read(&bytes).map_err(|why| unproven(why.to_owned()))?;
        *self.said.lock() = Some(given.says().clone());
        match (given.has_ended(now), given.says().ends_at) {
            (true, Some(end)) => Err(unproven(format!(
                "holds a token that ended at {end}; see why it is not renewed, and whether this \
                 host's clock is right"
            ))),
            _ => Ok(given),
        }
    }

    async fn send(
        &self,
        request: &TokenRequest<'_>,
        given: &GivenAssertion,
    ) -> Result<TokenResponse, TokenRequestError> {
        let proof = ClientProof::Assertion(given.text());
        match &self.proxy {
            Some(proxy) => proxy.send(request, proof).await,
            None => Ok(request.send(proof).await?),
        }
    }
}
