//! Asking the platform for a token: again where it passes by itself, in bounded time.

use std::time::Duration;

use http::header::AUTHORIZATION;

use super::refusal::{Asked, ManagedIdentityError};
use super::{Platform, Selector, answer, arc_key};
use crate::clock::UnixTime;
use crate::entra::TokenResponse;
use crate::http_client::{Answer, FetchError, HttpClient, PlatformRequest};
use crate::secret::Secret;

/// The largest answer that is read.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Before each further attempt at what passes in seconds. What takes longer, 410 for one, is left to whoever
/// keeps tokens: it waits without holding up callers.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    LONGEST_PAUSE,
];

/// Who asks for more is asked again by whoever keeps tokens.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// One identity of the platform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedIdentity {
    pub platform: Platform,
    pub selector: Selector,
}

impl ManagedIdentity {
    /// A token for `resource`, a scope less its `/.default`.
    pub async fn token(
        &self,
        http: &HttpClient,
        resource: &str,
        now: UnixTime,
    ) -> Result<TokenResponse, ManagedIdentityError> {
        self.token_after(http, resource, now, &PAUSES).await
    }

    /// The same with other pauses between the attempts.
    async fn token_after(
        &self,
        http: &HttpClient,
        resource: &str,
        now: UnixTime,
        pauses: &[Duration],
    ) -> Result<TokenResponse, ManagedIdentityError> {
        let mut pauses = pauses.iter();
        loop {
            let outcome = self.ask(http, resource, now).await;
            let Err(Failed { error, passes_in }) = outcome else {
                return outcome.map_err(|failed| failed.error);
            };
            match (passes_in, pauses.next()) {
                (Some(least), Some(pause)) if least <= LONGEST_PAUSE => {
                    tokio::time::sleep(least.max(*pause)).await;
                }
                _ => return Err(error),
            }
        }
    }

    async fn ask(
        &self,
        http: &HttpClient,
        resource: &str,
        now: UnixTime,
    ) -> Result<TokenResponse, Failed> {
        let (platform, selector) = (&self.platform, &self.selector);
        let no_header = || {
            let why = format!("{platform} is asked with a secret that no header can carry");
            ManagedIdentityError::Refused(why)
        };
        let mut question = platform
            .question(resource, selector)
            .ok_or_else(no_header)?;
        let mut proof = platform.secret().cloned();
        let mut answer = self.put(http, &question).await?;
        if let Platform::Arc { keys, .. } = platform {
            if answer.status == 200 {
                let why = "the agent gave a token to somebody who has shown no key";
                return Err(ManagedIdentityError::Malformed(why.to_owned()).into());
            }
            if answer.status == 401 {
                let key = arc_key::key(&answer.headers, keys);
                let key = key.map_err(|why| ManagedIdentityError::Refused(why.to_string()))?;
                let shown = Secret::new(format!("Basic {}", key.expose()));
                let shown = super::question::sensitive(&shown).ok_or_else(no_header)?;
                question.headers.insert(AUTHORIZATION, shown);
                answer = self.put(http, &question).await?;
                proof = Some(key);
            }
        }
        if answer.status == 200 {
            return Ok(answer::read(&answer.body, platform, selector, now)?);
        }
        let proof: Vec<_> = proof.iter().map(|proof| proof.expose().as_str()).collect();
        let asked = Asked {
            platform,
            selector,
            proof: &proof,
        };
        let error = asked.refused(&answer, now);
        let passes_in = match &error {
            ManagedIdentityError::Unavailable { again_in, .. } => {
                Some(again_in.unwrap_or_default())
            }
            _ => None,
        };
        Err(Failed { error, passes_in })
    }

    async fn put(
        &self,
        http: &HttpClient,
        question: &PlatformRequest,
    ) -> Result<Answer, ManagedIdentityError> {
        let asked = Asked {
            platform: &self.platform,
            selector: &self.selector,
            proof: &[],
        };
        let answer = http.ask_platform(question, LARGEST_ANSWER).await;
        answer.map_err(|why| match why {
            FetchError::TooLarge(_) => ManagedIdentityError::Malformed(why.to_string()),
            _ => asked.unreachable(&why.to_string()),
        })
    }
}

/// An attempt that brought no token.
struct Failed {
    error: ManagedIdentityError,
    /// Where it passes by itself: how long the platform wants to be left alone.
    passes_in: Option<Duration>,
}

impl From<ManagedIdentityError> for Failed {
    /// What is not tried again at once.
    fn from(error: ManagedIdentityError) -> Self {
        let passes_in = None;
        Self { error, passes_in }
    }
}

#[cfg(test)]
#[path = "acquire_tests.rs"]
mod tests;
