//! How does a gateway come up? Its parts are composed, hung on the one plan that can be swapped,
//! and its listeners put in front of it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::compose::Live;
use super::listen::{Accept, Bound, Doors, StartError};
use super::reload::Settled;
use super::sharing::Sharing;
use super::warm::Cold;
use crate::admin::Readiness;
use crate::admission::{Plan, Shared};
use crate::clock::UnixTime;
use crate::config::{Config, ReadinessRule, ShutdownDefinition};
use crate::edge::Address;
use crate::outbound::TokenOrder;
use crate::telemetry::{AccessLog, BucketFigures, Metrics, Refusals};

pub struct App {
    pub(super) metrics: Metrics,
    /// What requests and the admin pages read.
    pub(super) plan: Arc<ArcSwap<Plan>>,
    pub(super) current: Mutex<Current>,
    pub(super) reloading: tokio::sync::Mutex<()>,
    /// Where requests are served, and everything alive has its tasks.
    pub(super) workers: tokio::runtime::Handle,
    pub(super) shared: Arc<Shared>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) doors: Doors,
    _sharing: Sharing,
    /// Where it accepts: each listener's name, then `admin`, with the port that was really bound.
    pub addresses: Vec<(Arc<str>, Address)>,
}

/// What the next reload starts from.
pub(super) struct Current {
    pub(super) live: Live,
    pub(super) settled: Settled,
    pub(super) shutdown: ShutdownDefinition,
}

/// Between two looks at whether it is ready.
const LOOK: Duration = Duration::from_millis(50);
/// After so long what is missing is told: the first fetches have had their time.
const PATIENCE: Duration = Duration::from_secs(15);

impl App {
    /// Says in the log when traffic may come, and, where that takes long, what it waits for.
    pub fn tells_when_ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let (plan, readiness) = (Arc::clone(&self.plan), Arc::clone(&self.readiness));
        async move {
            let begin = UnixTime::now();
            let mut told = false;
            loop {
                let now = UnixTime::now();
                let report = readiness.report(&plan.load(), now);
                let seconds = begin.until(now).as_secs();
                if report.ready {
                    tracing::info!(seconds, "ready");
                    return;
                }
                if report.state == "draining" {
                    return;
                }
                if !told && begin.until(now) >= PATIENCE {
                    told = true;
                    let missing = report.issuers.iter().filter(|it| it.needed && it.keys == 0);
                    let missing: Vec<_> = missing.map(|it| it.name.as_str()).collect();
                    let missing = missing.join(", ");
                    tracing::warn!(seconds, missing, "not ready: issuers without keys");
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Makes a configuration alive on sockets bound for it, and accepts. Needs a tokio runtime.
    pub fn start(config: Config, bound: Bound, access_log: AccessLog) -> Result<Self, StartError> {
        let app = Self::prepare(config, bound, access_log)?;
        app.accept();
        Ok(app)
    }

    /// The same, without accepting yet.
    pub fn prepare(
        config: Config,
        bound: Bound,
        access_log: AccessLog,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        metrics.watch_access_log(&access_log);
        let live = Live::compose(&config, &metrics, None)?;
        metrics.loaded(UnixTime::now());
        let buckets = Arc::clone(&live.plan.limits.buckets);
        let store = Arc::clone(live.keeping().current());
        let sharing = Sharing::start(Arc::clone(&buckets), store);
        metrics.watch_buckets(move || {
            let sample = buckets.sample();
            BucketFigures {
                kept: sample.kept,
                forgotten: sample.forgotten,
                told: sample.told,
                untold: sample.untold,
            }
        });
        let plan = Arc::new(ArcSwap::new(Arc::clone(&live.plan)));
        // Where nobody can look, nothing is kept to be looked at.
        let refusals = config.admin.is_some().then(Refusals::new);
        let shared = Shared::new(Arc::clone(&plan), access_log, &metrics, refusals);
        let readiness = Arc::new(Readiness::new(
            config.readiness == ReadinessRule::Strict,
            UnixTime::now(),
        ));
        let doors = Doors::open(&config, bound, &shared, &readiness, &metrics)?;
        Ok(Self {
            metrics,
            plan,
            current: Mutex::new(Current {
                live,
                shutdown: config.shutdown,
                settled: Settled::of(config),
            }),
            reloading: tokio::sync::Mutex::default(),
            workers: tokio::runtime::Handle::current(),
            shared,
            readiness,
            addresses: doors.addresses.clone(),
            doors,
            _sharing: sharing,
        })
    }

    /// Accepts connections from now on.
    pub fn accept(&self) {
        self.doors.accept.send_replace(Accept::Now);
    }

    /// Waits until it has the keys and tokens that routes need, 10 seconds at most. Needs a tokio
    /// runtime.
    pub async fn warmed(&self) {
        Cold::all(&self.plan.load()).warmed().await;
    }

    /// Renews or forgets all tokens of its own; how many there are.
    pub fn order_tokens(&self, order: TokenOrder) -> usize {
        let _workers = self.workers.enter();
        let (plan, now) = (self.plan.load(), UnixTime::now());
        let all = order.carry_out(&plan.tokens, &plan.user_tokens, |_, _| true, now);
        all.len()
    }

    /// Asks for each identity's token, so that a credential that will fail is in the log, and on
    /// `/readyz`, before its first caller comes. Needs a tokio runtime.
    pub fn ask_for_tokens(&self) {
        let now = UnixTime::now();
        self.plan.load().tokens.iter().for_each(|it| it.begin(now));
    }
}
