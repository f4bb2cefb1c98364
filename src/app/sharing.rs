//! How do replicas come to count together? What buckets have spent here is told to the state store, and what
//! all have spent is learned from it, in the background and in bounded parts. While there is no store, or
//! it does not answer, each replica counts by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::limit::{Buckets, Spending};
use crate::store::{Charge, MOST_CHARGES, Store};

/// From one telling to the next, at least. The first request after a pause is told at once.
const PAUSE: Duration = Duration::from_millis(50);

/// It ends with this.
pub(super) struct Sharing(AbortHandle);

impl Sharing {
    /// Needs a tokio runtime.
    pub(super) fn start(buckets: Arc<Buckets>, store: Arc<ArcSwapOption<Store>>) -> Self {
        let due = Arc::new(Notify::new());
        let waker = Arc::clone(&due);
        buckets.wake_by(move || waker.notify_one());
        let telling = async move {
            loop {
                due.notified().await;
                let next = tokio::time::Instant::now() + PAUSE;
                let spendings = buckets.spendings();
                let store = store.load_full();
                for spendings in spendings.chunks(MOST_CHARGES) {
                    if exchange(&buckets, store.as_deref(), spendings)
                        .await
                        .is_none()
                    {
                        buckets.could_not_tell(spendings.len());
                    }
                }
                tokio::time::sleep_until(next).await;
            }
        };
        Self(tokio::spawn(telling).abort_handle())
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `None` where nobody could be told, or it is not known.
async fn exchange(buckets: &Buckets, store: Option<&Store>, spendings: &[Spending]) -> Option<()> {
    let store = store?;
    let charge = |spending: &Spending| {
        Some(Charge {
            name: store.name(&[b"limit", &spending.who])?,
            spent: spending.spent,
            most: spending.most,
        })
    };
    let charges: Vec<_> = spendings.iter().map(charge).collect::<Option<_>>()?;
    let asked = Instant::now();
    let owed = store.count(&charges).await?;
    for (spending, owed) in spendings.iter().zip(owed) {
        buckets.learn(spending, owed, asked);
    }
    Some(())
}
