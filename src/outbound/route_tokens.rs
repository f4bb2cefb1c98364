//! The tokens that one route carries. They are shared with all routes of the same identity and scope;
//! that an upstream refused one is the trouble of this route alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{AccessToken, AcquireError, AppTokens, TokenSource};
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::refresh::Replacing;

#[derive(Debug)]
pub struct RouteTokens {
    shared: Arc<AppTokens>,
    /// Where the token lies that this route's upstream refused last; 0: none. An address says no more
    /// than that waiting for another may be worth while, so it may be out of date.
    refused: AtomicUsize,
}

impl RouteTokens {
    pub fn new(shared: Arc<AppTokens>) -> Self {
        Self {
            shared,
            refused: AtomicUsize::new(0),
        }
    }

    pub fn shared(&self) -> &Arc<AppTokens> {
        &self.shared
    }

    /// The token to send now; waits where there is none that is valid, and a moment where its
    /// replacement is on its way, because it was refused here.
    pub(super) async fn token(&self, now: UnixTime) -> Result<Arc<AccessToken>, AcquireError> {
        let token = self.shared.token(now).await?;
        if self.refused.load(Ordering::Relaxed) == address(&token) {
            return Ok(self.shared.instead_of(token, now).await);
        }
        Ok(token)
    }

    pub(super) fn refused(
        &self,
        token: &Arc<AccessToken>,
        challenge: Option<&ClaimsChallenge>,
        now: UnixTime,
    ) -> Replacing<TokenSource> {
        self.refused.store(address(token), Ordering::Relaxed);
        self.shared.refused(token, challenge, now)
    }
}

fn address(token: &Arc<AccessToken>) -> usize {
    Arc::as_ptr(token).addr()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::outbound::samples;

    #[tokio::test]
    async fn only_the_route_whose_token_was_refused_waits_for_another() {
        let (base, allowed, asked) = samples::endpoint().await;
        let shared = AppTokens::new(samples::source(&base));
        let (one, other) = (
            RouteTokens::new(Arc::clone(&shared)),
            RouteTokens::new(shared),
        );
        let now = UnixTime::now();
        let first = one.token(now).await.unwrap();
        let replacing = one.refused(&first, None, now);
        assert!(matches!(replacing, Replacing::Begun(_)));
        while *asked.lock() < 2 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            let token = other.token(now).now_or_never().expect("it does not wait");
            assert!(Arc::ptr_eq(&token.unwrap(), &first));
        }
        let waiting = one.token(now);
        allowed.add_permits(1);
        let fresh = waiting.await.unwrap();
        assert!(!Arc::ptr_eq(&fresh, &first));
        assert!(Arc::ptr_eq(&other.token(now).await.unwrap(), &fresh));
    }
}
