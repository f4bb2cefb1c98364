//! What does a configuration bring that has no keys and no tokens yet? It gets them before it is taken
//! over, so that nobody's request waits for them; and a while is enough, for whoever revokes a key must
//! not wait for another's outage.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::inbound::Issuer;
use crate::outbound::AppTokens;

/// How long it is waited for.
const MOST: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// What is new and serves a route.
pub(super) struct Cold {
    issuers: Vec<Arc<Issuer>>,
    tokens: Vec<Arc<AppTokens>>,
}

impl Cold {
    /// Everything.
    pub(super) fn all(plan: &Plan) -> Self {
        let routes = plan.routes.routes().iter();
        let issuers = routes.flat_map(|route| route.gate.issuers().cloned());
        Self {
            issuers: issuers.collect(),
            tokens: plan.tokens.clone(),
        }
    }

    pub(super) fn between(old: &Plan, new: &Plan) -> Self {
        let is_new = |issuer: &&Arc<Issuer>| {
            let known = old.issuers.get(&issuer.definition().name);
            known.is_none_or(|known| !Arc::ptr_eq(known, issuer))
        };
        let is_needed = |issuer: &&Arc<Issuer>| {
            let mut routes = new.routes.routes().iter();
            routes.any(|route| route.gate.issuers().any(|it| Arc::ptr_eq(it, issuer)))
        };
        let issuers = new.issuers.values().filter(is_new).filter(is_needed);
        let tokens = new.tokens.iter();
        let tokens = tokens.filter(|it| !old.tokens.iter().any(|known| Arc::ptr_eq(known, it)));
        Self {
            issuers: issuers.cloned().collect(),
            tokens: tokens.cloned().collect(),
        }
    }

    /// Asks for what it needs. Issuers do so by themselves. Needs a tokio runtime.
    pub(super) fn begin(&self) {
        let now = UnixTime::now();
        self.tokens.iter().for_each(|tokens| tokens.begin(now));
    }

    /// Waits until all is there, or known to fail, or long enough.
    pub(super) async fn warmed(&self) {
        let warming = async {
            while !self.is_warm() {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(MOST, warming).await;
    }

    /// Whether there is nothing to wait for.
    pub(super) fn is_warm(&self) -> bool {
        let answered = |tokens: &Arc<AppTokens>| {
            let status = tokens.status();
            status.expires_at.is_some() || status.failure.is_some()
        };
        self.issuers.iter().all(|issuer| issuer.ready()) && self.tokens.iter().all(answered)
    }

    /// What has none still, by its path in the file.
    pub(super) fn left(&self) -> Vec<String> {
        let issuers = self.issuers.iter().filter(|issuer| !issuer.ready());
        let issuers = issuers.map(|issuer| format!("issuers.{}", issuer.definition().name));
        let tokens = self.tokens.iter();
        let tokens = tokens.filter(|tokens| tokens.status().expires_at.is_none());
        let tokens = tokens.map(|it| format!("identities.{} for {}", it.identity(), it.scope()));
        issuers.chain(tokens).collect()
    }
}
