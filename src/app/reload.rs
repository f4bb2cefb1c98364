//! How does a running gateway take another configuration? Composed whole beside the old one, then
//! swapped in: requests that began go on by what they began with. What only a restart can change
//! is refused by name, and nothing is changed by half.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::App;
use super::compose::{ComposeError, Live};
use super::listen::{Prepared, TlsRefused};
use super::warm::Cold;
use crate::clock::UnixTime;
use crate::config::{Config, ReadinessRule};
use crate::edge::{Address, ListenerDefinition};
use crate::telemetry::LogDefinition;

/// What a reload did, each part by its path in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub kept: Vec<String>,
    /// New, or defined otherwise than before.
    pub new: Vec<String>,
    /// No longer defined, or defined otherwise.
    pub gone: Vec<String>,
    /// What is new and has neither keys nor token yet.
    pub cold: Vec<String>,
}

impl Reloaded {
    /// Whether all is as it was.
    pub fn is_nothing(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The paths in the file of what only a restart can change.
    #[error("only a restart can change {}", .0.join(", "))]
    NeedsRestart(Vec<String>),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error(transparent)]
    Tls(#[from] TlsRefused),
}

impl App {
    /// Takes over another configuration for every request that comes from now on. What is defined
    /// as before is kept: keys, verdicts, tokens, addresses, counters. What is new gets keys and
    /// tokens first, for which it is waited a while; whom it refuses is refused meanwhile already.
    /// When it needs a restart, or cannot be made alive, nothing has changed. Where this is dropped,
    /// another reload must follow: until then what this one refuses stays refused.
    pub async fn reload(&self, config: &Config) -> Result<Reloaded, ReloadError> {
        // One at a time: the next one starts from what this one leaves.
        let _turn = self.reloading.lock().await;
        let prepared = self.beside(config);
        let before = self.plan.load_full();
        let (live, prepared, cold) = prepared.inspect_err(|_| before.next.store(None))?;
        if !cold.is_warm() {
            before.next.store(Some(Arc::clone(&live.plan)));
            cold.warmed().await;
        }
        let mut current = self.current.lock();
        let mut reloaded = Reloaded::between(&current.live, &live);
        reloaded.cold = cold.left();
        self.doors.redefine(prepared);
        self.plan.store(Arc::clone(&live.plan));
        {
            let _workers = self.workers.enter();
            live.keeping().take_over(&live.plan.tokens);
        }
        if !reloaded.is_nothing() {
            self.metrics.loaded(UnixTime::now());
        }
        let ids = live.plan.routes.routes().iter();
        let ids = ids.map(|route| &*route.definition.id).collect();
        self.metrics.keep_routes(&ids);
        current.live = live;
        current.shutdown = config.shutdown;
        Ok(reloaded)
    }

    /// Whether it can be taken over without a restart.
    pub(super) fn takes(&self, config: &Config) -> Result<(), ReloadError> {
        let differences = self.current.lock().settled.differences(config);
        match differences.is_empty() {
            true => Ok(()),
            false => Err(ReloadError::NeedsRestart(differences)),
        }
    }

    /// Makes it alive beside what runs.
    fn beside(&self, config: &Config) -> Result<(Live, Prepared, Cold), ReloadError> {
        self.takes(config)?;
        let current = self.current.lock();
        let _workers = self.workers.enter();
        let live = Live::compose(config, &self.metrics, Some(&current.live))?;
        let admin = config.admin.as_ref();
        let prepared = self.doors.prepare(&live.plan.listeners, admin)?;
        let cold = Cold::between(&current.live.plan, &live.plan);
        cold.begin();
        Ok((live, prepared, cold))
    }
}

impl Reloaded {
    fn between(old: &Live, new: &Live) -> Self {
        let (old, new) = (parts(old), parts(new));
        let names = |parts: &mut dyn Iterator<Item = &Part>| {
            parts.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        Self {
            kept: names(&mut old.intersection(&new)),
            new: names(&mut new.difference(&old)),
            gone: names(&mut old.difference(&new)),
            cold: Vec::new(),
        }
    }
}

/// A part's name and which one it is.
type Part = (String, *const ());

fn parts(live: &Live) -> BTreeSet<Part> {
    fn part<T>(name: String, part: &Arc<T>) -> Part {
        (name, Arc::as_ptr(part).cast())
    }
    let plan = &live.plan;
    let listeners = plan.listeners.iter();
    let listeners = listeners.map(|it| part(format!("listeners.{}", it.name), it));
    let issuers = plan.issuers.iter();
    let issuers = issuers.map(|(name, it)| part(format!("issuers.{name}"), it));
    let tokens = plan.tokens.iter();
    let tokens = tokens.map(|it| {
        let name = format!("identities.{} for {}", it.identity(), it.scope());
        part(name, it)
    });
    let upstreams = live.upstreams();
    let upstreams = upstreams.map(|it| part(format!("upstream {}", it.definition().origins()), it));
    let routes = plan.routes.routes().iter();
    let routes = routes.map(|it| part(format!("routes.{}", it.definition.id), it));
    let traces = live.export().map(|it| part("traces".to_owned(), &it));
    let store = live.keeping().store();
    let store = store.map(|it| part("state".to_owned(), it));
    let ways = upstreams.chain(routes).chain(traces).chain(store);
    let parties = issuers.chain(tokens);
    listeners.chain(parties).chain(ways).collect()
}

/// A listener's name, and where it accepts.
type Place = (Arc<str>, Address);

fn place(listener: &ListenerDefinition) -> Place {
    (Arc::clone(&listener.name), listener.address.clone())
}

/// What only a restart can change: sockets, threads and the log, as they were when they were made.
pub(super) struct Settled {
    listeners: Vec<Place>,
    admin: Option<SocketAddr>,
    log: LogDefinition,
    threads: usize,
    readiness: ReadinessRule,
}

impl Settled {
    pub(super) fn of(config: Config) -> Self {
        Self {
            listeners: config.listeners.iter().map(place).collect(),
            admin: config.admin.map(|it| it.address),
            log: config.log,
            threads: config.threads,
            readiness: config.readiness,
        }
    }

    /// The paths in the file of what differs.
    pub(super) fn differences(&self, config: &Config) -> Vec<String> {
        let mut paths = Vec::new();
        let places: Vec<_> = config.listeners.iter().map(place).collect();
        let mut differ = |lists: [&[Place]; 2]| {
            for (name, _) in lists[0].iter().filter(|it| !lists[1].contains(it)) {
                let path = format!("listeners.{name}");
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        };
        differ([&self.listeners, &places]);
        differ([&places, &self.listeners]);
        for (path, same) in [
            (
                "admin",
                self.admin == config.admin.as_ref().map(|it| it.address),
            ),
            ("log", self.log == config.log),
            ("threads", self.threads == config.threads),
            ("readiness", self.readiness == config.readiness),
        ] {
            if !same {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}
