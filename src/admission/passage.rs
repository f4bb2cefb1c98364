//! What a request takes up of limits and waits for on its way through `admit`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

use super::Held;
use crate::telemetry::Wait;

pub struct Passage {
    pub held: Held,
    /// Told, never decided by. Empty where all was at hand, as it nearly always is.
    pub(super) waits: Vec<Wait>,
}

impl Passage {
    pub fn from(began: Instant) -> Self {
        Self {
            held: Held::from(began),
            waits: Vec::new(),
        }
    }

    /// Does this, and takes note of it where it has to be waited for. Pinned where it stands: it is large,
    /// and would be kept once more by whom it moves to.
    pub(super) async fn through<T>(
        &mut self,
        what: &'static str,
        whose: impl FnOnce() -> Option<(&'static str, String)>,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            return done;
        }
        let began = Instant::now();
        let done = work.await;
        self.waits.push(Wait {
            what,
            whose: whose(),
            began,
            ended: Instant::now(),
        });
        done
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    fn passage() -> Passage {
        Passage::from(Instant::now())
    }

    #[test]
    fn what_is_at_hand_is_not_waited_for() {
        let mut passage = passage();
        let work = pin!(async { 1 });
        let done = passage.through("keys", || None, work).now_or_never();
        assert_eq!((done, passage.waits.len()), (Some(1), 0));
    }

    #[tokio::test]
    async fn what_is_waited_for_is_noted_with_whose_it_was() {
        let mut passage = passage();
        let whose = || Some(("bearergate.identity", "mail".to_owned()));
        let work = pin!(async {
            tokio::task::yield_now().await;
            2
        });
        assert_eq!(passage.through("token", whose, work).await, 2);
        let [wait] = &passage.waits[..] else { panic!() };
        assert_eq!((wait.what, &wait.whose), ("token", &whose()));
        assert!(wait.began <= wait.ended);
    }
}
