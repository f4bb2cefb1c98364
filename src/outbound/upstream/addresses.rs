//! Which addresses has an upstream now? One peer for each, resolved off the request path and kept
//! fresh in the background.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::upstreams::peer::HttpPeer;
use tokio::sync::watch;
use tokio::time::timeout;

use super::peer::at;

/// Between two resolutions of a name.
const REFRESH: Duration = Duration::from_secs(30);
/// After a resolution that failed.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Addresses {
    pub(super) template: HttpPeer,
    peers: ArcSwap<Vec<HttpPeer>>,
    next: AtomicUsize,
    /// Whether there was an answer, good or bad, to the first question for the name.
    asked: watch::Sender<bool>,
}

impl Addresses {
    /// A literal address is ready at once; a name after its first resolution.
    pub(super) fn new(template: HttpPeer, literal: Option<SocketAddr>) -> Self {
        let peers: Vec<HttpPeer> = literal.map(|it| at(&template, it)).into_iter().collect();
        Self {
            template,
            asked: watch::Sender::new(!peers.is_empty()),
            peers: ArcSwap::from_pointee(peers),
            next: AtomicUsize::new(0),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.peers.load().len()
    }

    /// Addresses take turns. Whoever comes before a name was first resolved waits for that, `most`
    /// at most.
    pub(super) async fn peer(&self, most: Duration) -> Option<Box<HttpPeer>> {
        if !*self.asked.borrow() {
            let mut asked = self.asked.subscribe();
            let _ = timeout(most, asked.wait_for(|asked| *asked)).await;
        }
        let peers = self.peers.load();
        if peers.len() == 1 {
            return peers.first().cloned().map(Box::new);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        peers
            .get(turn.checked_rem(peers.len())?)
            .cloned()
            .map(Box::new)
    }

    pub(super) async fn keep_resolved(self: Arc<Self>, host: String, port: u16) {
        loop {
            let pause = match tokio::net::lookup_host((host.as_str(), port)).await {
                Ok(found) => self.adopt(found.collect()),
                Err(error) => {
                    tracing::warn!(%host, %error, "upstream name not resolved");
                    RETRY
                }
            };
            self.asked.send_replace(true);
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes over new addresses; an empty answer never replaces good ones.
    fn adopt(&self, mut found: Vec<SocketAddr>) -> Duration {
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return RETRY;
        }
        let known = self.peers.load();
        if !known
            .iter()
            .map(|peer| peer._address.as_inet().copied())
            .eq(found.iter().map(|a| Some(*a)))
        {
            let peers = found.iter().map(|a| at(&self.template, *a)).collect();
            self.peers.store(Arc::new(peers));
        }
        REFRESH
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::tests::definition;
    use super::super::peer::template;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn unresolved() -> Addresses {
        let template = template(&definition("api.internal"), true).unwrap();
        Addresses::new(template, None)
    }

    #[tokio::test]
    async fn a_literal_address_is_ready_at_once_and_a_name_is_waited_for() {
        let literal = "127.0.0.1:8080".parse().unwrap();
        let ready = Addresses::new(unresolved().template, Some(literal));
        assert!(ready.peer(PATIENCE).await.is_some());
        let addresses = unresolved();
        let (peer, ()) = tokio::join!(addresses.peer(PATIENCE), async {
            tokio::task::yield_now().await;
            addresses.adopt(vec!["10.0.0.1:8080".parse().unwrap()]);
            addresses.asked.send_replace(true);
        });
        assert!(peer.is_some());
    }

    #[tokio::test]
    async fn a_name_that_was_asked_for_in_vain_is_not_waited_for() {
        let addresses = unresolved();
        addresses.asked.send_replace(true);
        assert!(addresses.peer(PATIENCE).await.is_none());
    }

    #[tokio::test]
    async fn an_empty_answer_never_replaces_good_addresses() {
        let addresses = unresolved();
        addresses.asked.send_replace(true);
        addresses.adopt(vec![
            "10.0.0.1:8080".parse().unwrap(),
            "10.0.0.2:8080".parse().unwrap(),
        ]);
        addresses.adopt(Vec::new());
        assert_eq!(addresses.count(), 2);
        let first = addresses.peer(PATIENCE).await.unwrap()._address.clone();
        assert_ne!(
            addresses.peer(PATIENCE).await.unwrap()._address,
            first,
            "addresses take turns"
        );
    }
}
