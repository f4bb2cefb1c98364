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
    use parking_lot::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::outbound::samples;

    /// A token endpoint that answers as often as it is allowed to.
    async fn endpoint() -> (String, Arc<Semaphore>, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (allowed, asked) = (Arc::new(Semaphore::new(1)), Arc::new(Mutex::new(0)));
        let (gate, count) = (Arc::clone(&allowed), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = socket.read(&mut head).await;
                *count.lock() += 1;
                gate.acquire().await.unwrap().forget();
                let body = r#"{"token_type":"Bearer","access_token":"a.b.c","expires_in":3600}"#;
                let length = body.len();
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
                let answer = format!("{head} {length}\r\n\r\n{body}");
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        (base, allowed, asked)
    }

    #[tokio::test]
    async fn only_the_route_whose_token_was_refused_waits_for_another() {
        let (base, allowed, asked) = endpoint().await;
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
