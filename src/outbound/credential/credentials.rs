//! Which of its credentials does an identity prove itself with? The first that is not refused. One that was
//! refused rests, so that not every renewal begins with a refusal, and is tried again later.

use std::sync::Arc;

use super::beside::Beside;
use super::standings::{Refused, Standings};
use super::{CredentialDefinition, CredentialStatus};
use crate::clock::UnixTime;
use crate::entra::TokenRequest;
use crate::outbound::TokenRequestError;
use crate::outbound::client::{Acquired, UsedCredential};

/// `credentials:` of an identity, in the order of the file, and what has become of each: clones share
/// that, and it is no part of what two are compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    list: Vec<CredentialDefinition>,
    standings: Beside<Standings>,
}

impl Credentials {
    pub fn new(list: Vec<CredentialDefinition>) -> Self {
        let standings = Beside::new(Standings::of(list.len()));
        Self { list, standings }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &CredentialDefinition> {
        self.list.iter()
    }

    /// How each of them is.
    pub fn status(&self) -> Vec<CredentialStatus> {
        let credentials = self.list.iter().enumerate();
        let status = credentials.map(|(place, credential)| CredentialStatus {
            number: place + 1,
            kind: credential.kind(),
            is_in_use: self.standings.in_use() == Some(place),
            ends_at: credential.ends_at(),
            refused: self.standings.refused(place),
        });
        status.collect()
    }

    /// A token, for the first that the endpoint does not refuse. Where it refuses all, the error is that of
    /// the one that was tried last.
    pub(in crate::outbound) async fn acquire(
        &self,
        identity: &str,
        request: &TokenRequest<'_>,
    ) -> Result<Acquired, TokenRequestError> {
        let mut tried = self.order(request.now).into_iter().peekable();
        let mut last = TokenRequestError::NoCredential;
        while let Some(place) = tried.next() {
            match self.list[place].acquire(request).await {
                Ok(response) => {
                    if !request.is_elsewhere {
                        self.accepted(identity, place);
                    }
                    let by = UsedCredential {
                        place,
                        kind: self.list[place].kind(),
                        passed_over: self.passed_over(place),
                    };
                    return Ok(Acquired { response, by });
                }
                Err(error) if error.blames_credential() => {
                    let next = tried.peek().copied();
                    // SECURITY: else users of one tenant could have a credential put to rest for all.
                    if !request.is_elsewhere {
                        self.refused(identity, place, &error, next, request.now);
                    }
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// In which order they are tried. Those that rest come last: one of them may do where no other does.
    fn order(&self, now: UnixTime) -> Vec<usize> {
        let rests = |place: &usize| {
            let refused = self.standings.refused(*place);
            refused.is_some_and(|it| now < it.again_at)
        };
        let mut order: Vec<_> = (0..self.list.len()).collect();
        order.sort_by_key(rests);
        order
    }

    /// Why the one before it is not used.
    fn passed_over(&self, place: usize) -> Option<Arc<str>> {
        let mut before = (0..place).rev();
        before.find_map(|place| Some(self.standings.refused(place)?.why))
    }

    fn accepted(&self, identity: &str, place: usize) {
        let (was_in_use, refused) = self.standings.accept(place);
        let (credential, number) = (self.list[place].kind(), place + 1);
        match refused {
            Some(Refused { since, .. }) => tracing::info!(
                identity, credential, number, %since, "the credential is accepted again"
            ),
            None if was_in_use.is_some_and(|earlier| earlier != place) => {
                tracing::info!(identity, credential, number, "another credential is in use");
            }
            None => {}
        }
    }

    fn refused(
        &self,
        identity: &str,
        place: usize,
        error: &TokenRequestError,
        next: Option<usize>,
        now: UnixTime,
    ) {
        let again_at = now.plus(error.rest());
        self.standings.refuse(place, error, now, again_at);
        // Where there is no other, it is told as the reason for which there is no token.
        if let Some(next) = next {
            let (credential, number) = (self.list[place].kind(), place + 1);
            let next = format!("{} ({})", next + 1, self.list[next].kind());
            tracing::warn!(
                identity, credential, number, next, %again_at, %error, "the next credential is tried"
            );
        }
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
