//! The composition root: a configuration made alive. Binds, starts, runs, drains.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use tokio::sync::watch;

use crate::admin::{Admin, Readiness};
use crate::admission::{HeaderRules, Plan};
use crate::clock::UnixTime;
use crate::config::{Config, ShutdownDefinition};
use crate::edge::{self, Edge, Limits, Timeouts};
use crate::http_client::{FetchError, HttpClient};
use crate::inbound::{Gate, Issuer};
use crate::outbound::{
    AppTokens, Egress, IdentityDefinition, TokenDefinition, TokenSource, Upstream,
    UpstreamDefinition, UpstreamError,
};
use crate::proxy::{Gateway, Shared};
use crate::routing::{Route, RouteDefinition, Table};
use crate::telemetry::{AccessLog, Metrics};

/// Idle upstream connections kept for each worker.
const POOLED_PER_THREAD: usize = 256;

/// A gateway that is accepting.
pub struct App {
    shared: Arc<Shared>,
    edges: Vec<Arc<Edge<HttpProxy<Gateway>>>>,
    readiness: Arc<Readiness>,
    shutdown: ShutdownDefinition,
    stop: watch::Sender<bool>,
    /// Never sent on: the admin listener answers probes until the very end.
    _admin_stop: watch::Sender<bool>,
    /// Where it accepts: each listener's name, then `admin`, with the port that was really bound.
    pub addresses: Vec<(Arc<str>, SocketAddr)>,
}

/// Sockets that are bound and not yet accepted on.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<std::net::TcpListener>,
    admin: Option<std::net::TcpListener>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken, or the address is not ours.
    #[error("{name} cannot listen on {address}: {cause}")]
    Bind {
        /// The listener's name, or `admin`.
        name: Arc<str>,
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// `fetch` is not usable.
    #[error("fetch: {0}")]
    Fetch(#[from] FetchError),
    /// An upstream's certificates are not usable.
    #[error("route {route}: {cause}")]
    Upstream {
        /// The route's id.
        route: Arc<str>,
        /// What is wrong.
        cause: UpstreamError,
    },
    /// A route names what the file does not define; ruled out at load.
    #[error("route {0} names an identity that is not defined")]
    UnknownIdentity(Arc<str>),
}

impl Bound {
    /// Binds every listener of a configuration; the first that fails gives all others back.
    ///
    /// # Errors
    /// Which address could not be bound, and why.
    pub fn new(config: &Config) -> Result<Self, StartError> {
        let bind = |name: &Arc<str>, address: SocketAddr| {
            edge::bind(address).map_err(|cause| StartError::Bind {
                name: Arc::clone(name),
                address,
                cause,
            })
        };
        let listeners = config.listeners.iter().map(|l| bind(&l.name, l.address));
        let listeners = listeners.collect::<Result<_, _>>()?;
        let admin = config
            .admin
            .map(|address| bind(&"admin".into(), address))
            .transpose()?;
        Ok(Self { listeners, admin })
    }
}

impl App {
    /// Makes a configuration alive on sockets bound for it. Needs a tokio runtime.
    ///
    /// # Errors
    /// When something the file refers to cannot be used.
    pub fn start(config: Config, bound: Bound, access_log: AccessLog) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        metrics.watch_access_log(&access_log);
        let http = HttpClient::new(&config.fetch)?;
        let plan = Arc::new(ArcSwap::from_pointee(plan(&config, &http, &metrics)?));
        let shared = Shared::new(Arc::clone(&plan), access_log, &metrics);
        let readiness = Arc::new(Readiness::new(UnixTime::now()));
        let (stop, stopped) = watch::channel(false);
        let (admin_stop, admin_stopped) = watch::channel(false);
        let (mut addresses, mut edges) = (Vec::new(), Vec::new());

        let conf = Arc::new(ServerConf {
            threads: config.threads,
            upstream_keepalive_pool_size: POOLED_PER_THREAD,
            max_retries: crate::proxy::ATTEMPTS,
            ..ServerConf::default()
        });
        for (definition, socket) in config.listeners.into_iter().zip(bound.listeners) {
            let name = Arc::clone(&definition.name);
            let (limits, timeouts) = (definition.limits, definition.timeouts);
            let address = socket.local_addr().unwrap_or(definition.address);
            addresses.push((Arc::clone(&name), address));
            tracing::info!(listener = %name, %address, "listening");
            let proxy = Arc::new(http_proxy(
                &conf,
                Gateway::new(definition, Arc::clone(&shared)),
            ));
            let edge_metrics = metrics.edge(&name);
            let edge = Edge::new(proxy, name, limits, timeouts, None, edge_metrics);
            edges.push(Arc::clone(&edge));
            tokio::spawn(edge.run(socket, stopped.clone()));
        }
        if let (Some(socket), Some(address)) = (bound.admin, config.admin) {
            let address = socket.local_addr().unwrap_or(address);
            let name: Arc<str> = "admin".into();
            addresses.push((Arc::clone(&name), address));
            tracing::info!(%address, "admin listening");
            let admin = Admin::new(plan, metrics.clone(), Arc::clone(&readiness), address);
            let server = Arc::new(admin);
            let edge_metrics = metrics.edge(&name);
            let edge = Edge::new(
                server,
                name,
                Limits::default(),
                Timeouts::default(),
                None,
                edge_metrics,
            );
            tokio::spawn(edge.run(socket, admin_stopped));
        }
        Ok(Self {
            shared,
            edges,
            readiness,
            shutdown: config.shutdown,
            stop,
            _admin_stop: admin_stop,
            addresses,
        })
    }

    /// Drains: no longer ready, then no longer accepting, then waits for those who are being served
    /// or about to ask, `grace` at most. Gives back how many were cut off.
    pub async fn drain(self) -> usize {
        self.readiness.drain();
        self.shared.draining.store(true, Ordering::Release);
        tracing::info!(delay = ?self.shutdown.delay, grace = ?self.shutdown.grace, "draining");
        tokio::time::sleep(self.shutdown.delay).await;
        // Nobody listening is no reason not to go on.
        let _ = self.stop.send(true);
        let empty = async {
            // Connections, not requests: one whose head is half here is asking already, and one
            // whose answer is written is not closed yet.
            while self.edges.iter().any(|edge| edge.open_connections() > 0) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(self.shutdown.grace, empty).await;
        let open: usize = self.edges.iter().map(|edge| edge.open_connections()).sum();
        let left = self.shared.in_flight.load(Ordering::Acquire).max(open);
        self.shared.access_log.flush();
        left
    }
}

fn plan(config: &Config, http: &HttpClient, metrics: &Metrics) -> Result<Plan, StartError> {
    let issuers: HashMap<Arc<str>, Arc<Issuer>> = config
        .issuers
        .iter()
        .map(|issuer| {
            (
                Arc::clone(&issuer.name),
                Issuer::start(issuer.clone(), http.clone()),
            )
        })
        .collect();
    let mut tokens = TokenShelf::new(&config.identities, http);
    let mut routes = Vec::with_capacity(config.routes.len());
    let mut upstreams: HashMap<(&UpstreamDefinition, bool), Arc<Upstream>> = HashMap::new();
    for definition in &config.routes {
        let egress = tokens.egress(definition)?;
        // What goes through a tunnel is not seen, and a token's end does not end it: none beside
        // a token of ours.
        let tunnels = !egress.is_ours();
        let upstream = match upstreams.entry((&definition.upstream, tunnels)) {
            Entry::Occupied(same) => Arc::clone(same.get()),
            Entry::Vacant(place) => {
                let made = Upstream::start(definition.upstream.clone(), tunnels);
                let made = made.map_err(|cause| StartError::Upstream {
                    route: Arc::clone(&definition.id),
                    cause,
                })?;
                Arc::clone(place.insert(Arc::new(made)))
            }
        };
        routes.push(Arc::new(Route {
            definition: definition.clone(),
            gate: Gate::new(definition.callers.clone(), &issuers),
            egress,
            upstream,
            metrics: metrics.route(&definition.id),
        }));
    }
    let headers = HeaderRules::new(config.routes.iter());
    let tokens = tokens.shelf.into_values().collect();
    Ok(Plan {
        routes: Table::new(routes),
        headers,
        issuers,
        tokens,
    })
}

/// The tokens of each (identity, scope), shared by all routes that carry them.
struct TokenShelf<'a> {
    identities: HashMap<&'a str, &'a IdentityDefinition>,
    http: &'a HttpClient,
    shelf: HashMap<(Arc<str>, String), Arc<AppTokens>>,
}

impl<'a> TokenShelf<'a> {
    fn new(identities: &'a [IdentityDefinition], http: &'a HttpClient) -> Self {
        let identities = identities
            .iter()
            .map(|identity| (&*identity.name, identity))
            .collect();
        Self {
            identities,
            http,
            shelf: HashMap::new(),
        }
    }

    fn egress(&mut self, route: &RouteDefinition) -> Result<Egress, StartError> {
        let (identity, scope) = match &route.token {
            TokenDefinition::Nothing => return Ok(Egress::Nothing),
            TokenDefinition::Forward => return Ok(Egress::CallersOwn),
            TokenDefinition::App { identity, scope } => (identity, scope),
        };
        let definition = self
            .identities
            .get(&**identity)
            .ok_or_else(|| StartError::UnknownIdentity(Arc::clone(&route.id)))?;
        let tokens = self
            .shelf
            .entry((Arc::clone(identity), scope.clone()))
            .or_insert_with(|| {
                let source = TokenSource::new((*definition).clone(), self.http.clone());
                AppTokens::new(source, scope.clone())
            });
        Ok(Egress::App(Arc::clone(tokens)))
    }
}
