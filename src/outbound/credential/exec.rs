//! A command that prints what proves us: an assertion that it had made elsewhere, or a secret out of a safe.
//! It is run without a shell, in an environment of its own, for so long and no longer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::beside::Beside;
use super::command;
use super::given::GivenAssertion;
use crate::clock::UnixTime;
use crate::entra::{ClientProof, TokenRequest, TokenResponse};
use crate::outbound::TokenRequestError;
use crate::secret::Secret;

/// An assertion with less left is made anew: it might end on its way.
const MARGIN: Duration = Duration::from_secs(60);

/// One that does not say when it ends is used for so long.
const ASSUMED_LIFE: Duration = Duration::from_secs(60);

/// `exec:` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecCredential {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub prints: Prints,
    pub timeout: Duration,
    /// What it gets of the gateway's environment.
    pub environment: Vec<(String, Secret<String>)>,
    /// The assertion that it printed last. Who waits for the lock waits for the same.
    kept: Beside<Mutex<Option<Kept>>>,
}

/// What a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prints {
    /// A JWT; it is used until it ends.
    Assertion,
    /// A client secret; it is asked for each time.
    Secret,
}

struct Kept {
    given: Arc<GivenAssertion>,
    until: UnixTime,
}

impl ExecCredential {
    pub fn new(
        program: PathBuf,
        arguments: Vec<String>,
        prints: Prints,
        timeout: Duration,
        environment: Vec<(String, Secret<String>)>,
    ) -> Self {
        Self {
            program,
            arguments,
            prints,
            timeout,
            environment,
            kept: Beside::default(),
        }
    }

    /// When the assertion that is kept ends.
    pub(super) fn ends_at(&self) -> Option<UnixTime> {
        let kept = self.kept.try_lock().ok()?;
        kept.as_ref()?.given.says().ends_at
    }

    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        match self.prints {
            Prints::Assertion => self.by_assertion(request).await,
            Prints::Secret => {
                let secret = secret(&self.run(request).await?);
                let secret = secret.map_err(|why| self.unproven(why))?;
                Ok(request.send(ClientProof::Secret(&secret)).await?)
            }
        }
    }

    /// With the one that is kept, where there is one. It may have been revoked: another is made, once.
    async fn by_assertion(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        let mut was_refused = false;
        loop {
            let (given, is_new) = self.assertion(request).await?;
            let error = match request.send(ClientProof::Assertion(given.text())).await {
                Ok(response) => return Ok(response),
                Err(why) => TokenRequestError::from(why).about(given.says()),
            };
            if !error.blames_credential() {
                return Err(error);
            }
            self.forget(&given).await;
            if is_new || was_refused {
                return Err(error);
            }
            was_refused = true;
        }
    }

    /// The assertion that is kept, else one made now, and whether it is that. Nobody waits here for a token
    /// endpoint: requests for several scopes, and for several users, go on side by side.
    async fn assertion(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<(Arc<GivenAssertion>, bool), TokenRequestError> {
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| request.now < known.until) {
            return Ok((Arc::clone(&known.given), false));
        }
        let printed = self.run(request).await?;
        let given = GivenAssertion::read(&printed);
        let given = given.map_err(|why| self.unproven(&format!("printed what {why}")))?;
        if given.has_ended(request.now) {
            return Err(self.unproven("printed an assertion that has ended"));
        }
        let until = match given.says().ends_at {
            Some(end) => end.minus(MARGIN),
            None => request.now.plus(ASSUMED_LIFE),
        };
        let given = Arc::new(given);
        *kept = Some(Kept {
            given: Arc::clone(&given),
            until,
        });
        Ok((given, true))
    }

    async fn forget(&self, refused: &Arc<GivenAssertion>) {
        let mut kept = self.kept.lock().await;
        if kept
            .as_ref()
            .is_some_and(|it| Arc::ptr_eq(&it.given, refused))
        {
            *kept = None;
        }
    }

    async fn run(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, TokenRequestError> {
        let told = [
            ("BEARERGATE_CLIENT_ID", request.client_id),
            ("BEARERGATE_TOKEN_ENDPOINT", request.url),
            ("BEARERGATE_AUDIENCE", request.audience),
        ];
        let printed = command::output(self, &told).await;
        printed.map_err(|why| self.unproven(&why))
    }

    fn unproven(&self, why: &str) -> TokenRequestError {
        TokenRequestError::Unproven(format!("{} {why}", self.program.display()))
    }
}

/// One line of text, as it would be in a file.
fn secret(printed: &[u8]) -> Result<Secret<String>, &'static str> {
    let text = std::str::from_utf8(printed).map_err(|_| "printed what is not UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text {
        "" => Err("printed nothing"),
        text if text.chars().any(char::is_control) => {
            Err("printed more than the one line of a secret")
        }
        text => Ok(Secret::new(text.to_owned())),
    }
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;
