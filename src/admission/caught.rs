//! A panic while deciding: it is told and answered, and nothing else ends with it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;

use super::{Denial, Refusal, Shared};
use crate::reason::Reason;

/// A bug of ours must cost one answer, not the connection of whoever met it. `work` is pinned where it
/// stands: it is large, and would be kept once more by whom it moves to.
pub(super) async fn caught<T>(
    shared: &Shared,
    work: Pin<&mut impl Future<Output = Result<T, Denial>>>,
) -> Result<T, Denial> {
    let caught = AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| {
        shared.metrics.panicked();
        Err(internal("a panic while deciding"))
    })
}

pub(super) fn internal(detail: &str) -> Denial {
    let detail = detail.to_owned();
    Denial::unrouted(Refusal::Upstream {
        retry_after: None,
        claims: None,
        reason: Reason::InternalError,
        detail,
    })
}
