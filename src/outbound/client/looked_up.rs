//! What an identity must look up before it can ask: one look at a time, whose end is that of all who wait; the
//! last good one is kept through an outage.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::clock::UnixTime;
use crate::entra::TokenEndpointError;

/// How long what was found is good, as in Microsoft's libraries.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// When it is looked for again after that failed, where an earlier one is at hand.
const AGAIN_IN: Duration = Duration::from_secs(5 * 60);

pub(super) struct LookedUp<T> {
    found: ArcSwapOption<Found<T>>,
    /// What the last look came to. Held by who looks: what it waits for is bounded by `fetch.timeout`.
    last: Mutex<Option<Result<Arc<T>, TokenEndpointError>>>,
}

struct Found<T> {
    value: Arc<T>,
    good_until: UnixTime,
}

impl<T> Default for LookedUp<T> {
    fn default() -> Self {
        Self {
            found: ArcSwapOption::empty(),
            last: Mutex::new(None),
        }
    }
}

impl<T> LookedUp<T> {
    /// The one that is good now: that at hand, or what `look` brings.
    pub(super) async fn get(
        &self,
        now: UnixTime,
        look: impl Future<Output = Result<T, TokenEndpointError>>,
    ) -> Result<Arc<T>, TokenEndpointError> {
        let found = self.found.load_full();
        if let Some(found) = &found
            && now < found.good_until
        {
            return Ok(Arc::clone(&found.value));
        }
        let mut last = match (self.last.try_lock(), &found) {
            (Ok(last), _) => last,
            // Somebody looks; until then, what was good does.
            (Err(_), Some(found)) => return Ok(Arc::clone(&found.value)),
            (Err(_), None) => {
                let last = self.last.lock().await;
                if let Some(outcome) = &*last {
                    return outcome.clone();
                }
                last
            }
        };
        // Whoever waits for a look that is broken off looks for himself.
        *last = None;
        let outcome = look.await.map(Arc::new);
        *last = Some(outcome.clone());
        match (outcome, found) {
            (Ok(value), _) => Ok(self.keep(value, now.plus(GOOD_FOR))),
            (Err(error), Some(found)) => {
                tracing::warn!(%error, "what was looked up before is still used");
                Ok(self.keep(Arc::clone(&found.value), now.plus(AGAIN_IN)))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Has it looked up again before it is used the next time.
    pub(super) fn doubt(&self) {
        if let Some(found) = self.found.load_full() {
            self.keep(Arc::clone(&found.value), UnixTime::from_seconds(0));
        }
    }

    fn keep(&self, value: Arc<T>, good_until: UnixTime) -> Arc<T> {
        let kept = Arc::clone(&value);
        let found = Found { value, good_until };
        self.found.store(Some(Arc::new(found)));
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    type Outcome = Result<u32, TokenEndpointError>;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn down() -> TokenEndpointError {
        TokenEndpointError::Unavailable("down".to_owned())
    }

    async fn get(it: &LookedUp<u32>, seconds: u64, outcome: Outcome) -> Outcome {
        let found = it.get(at(seconds), async { outcome }).await;
        found.map(|value| *value)
    }

    #[tokio::test]
    async fn it_is_looked_up_once_a_day_and_kept_through_an_outage() {
        let it = LookedUp::default();
        assert_eq!(get(&it, 0, Err(down())).await, Err(down()));
        assert_eq!(get(&it, 1, Ok(1)).await, Ok(1), "a failure is not kept");
        let day = 24 * 60 * 60;
        assert_eq!(get(&it, day, Ok(2)).await, Ok(1));
        assert_eq!(get(&it, day + 1, Err(down())).await, Ok(1), "still good");
        assert_eq!(
            get(&it, day + 300, Ok(3)).await,
            Ok(1),
            "not at each request"
        );
        assert_eq!(get(&it, day + 301, Ok(3)).await, Ok(3));
        it.doubt();
        assert_eq!(get(&it, day + 302, Ok(4)).await, Ok(4));
    }

    #[tokio::test]
    async fn all_who_wait_have_one_look_in_common() {
        let it = Arc::new(LookedUp::default());
        for outcome in [Err(down()), Ok(7)] {
            let (looks, go) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
            let callers: Vec<_> = (0..50)
                .map(|_| {
                    let (it, looks, go) = (Arc::clone(&it), Arc::clone(&looks), Arc::clone(&go));
                    let outcome = outcome.clone();
                    tokio::spawn(async move {
                        let look = async {
                            looks.fetch_add(1, Ordering::Relaxed);
                            go.notified().await;
                            outcome
                        };
                        it.get(at(0), look).await.map(|value| *value)
                    })
                })
                .collect();
            tokio::task::yield_now().await;
            go.notify_one();
            for caller in callers {
                assert_eq!(caller.await.unwrap(), outcome);
            }
            assert_eq!(looks.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn a_look_that_is_broken_off_is_nobodys_end() {
        let it = LookedUp::default();
        let hangs = it.get(at(0), std::future::pending());
        tokio::select! {
            biased;
            _ = hangs => panic!("it ended"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(get(&it, 0, Ok(1)).await, Ok(1));
    }
}
