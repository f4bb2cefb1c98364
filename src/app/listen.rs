//! Where does a gateway accept? Its sockets, bound before anything else, and an edge on each:
//! the proxy behind every listener, the admin pages behind theirs.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::Inherited;
use super::compose::ComposeError;
use super::descriptors::Descriptors;
use crate::admin::{Admin, Readiness};
use crate::admission::Shared;
use crate::config::Config;
use crate::edge::{
    self, Application, Edge, Limits, ListenerDefinition, Protocols, Settings, Timeouts,
};
use crate::proxy::Gateway;
use crate::telemetry::Metrics;

/// Sockets that are bound and not yet accepted on.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<std::net::TcpListener>,
    admin: Option<std::net::TcpListener>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{name} cannot listen on {address}: {cause}")]
    Bind {
        /// The listener's name, or `admin`.
        name: Arc<str>,
        address: SocketAddr,
        cause: std::io::Error,
    },
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

impl Bound {
    /// Binds every listener of a configuration; the first that fails gives all others back.
    pub fn new(config: &Config) -> Result<Self, StartError> {
        Self::beside(config, &mut Inherited::default())
    }

    /// The same, where some may be bound already.
    pub fn beside(config: &Config, inherited: &mut Inherited) -> Result<Self, StartError> {
        let mut bind = |name: &Arc<str>, address| match inherited.take(address) {
            Some(socket) => Ok(socket),
            None => edge::bind(address).map_err(|cause| refused(name, address, cause)),
        };
        let listeners = config.listeners.iter().map(|l| bind(&l.name, l.address));
        let listeners = listeners.collect::<Result<_, _>>()?;
        let admin = config.admin.map(|address| bind(&"admin".into(), address));
        Ok(Self {
            listeners,
            admin: admin.transpose()?,
        })
    }

    /// The same sockets once more, to be passed on: they go on listening until these are dropped, too.
    pub fn duplicates(&self) -> io::Result<Vec<OwnedFd>> {
        let sockets = self.listeners.iter().chain(&self.admin);
        sockets
            .map(|socket| socket.try_clone().map(OwnedFd::from))
            .collect()
    }
}

pub(super) struct Doors {
    pub(super) edges: Vec<Arc<Edge<Gateway>>>,
    pub(super) accepting: TaskTracker,
    pub(super) stop: watch::Sender<bool>,
    /// Never sent on: the admin listener answers probes until the very end.
    _admin_stop: watch::Sender<bool>,
    pub(super) accept: watch::Sender<Accept>,
    pub(super) addresses: Vec<(Arc<str>, SocketAddr)>,
    descriptors: Descriptors,
}

impl Doors {
    /// Listens on every socket, then accepts on each: where one cannot listen, none has accepted.
    pub(super) fn open(
        config: &Config,
        bound: Bound,
        shared: &Arc<Shared>,
        readiness: &Arc<Readiness>,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        let named = config.listeners.iter().zip(bound.listeners);
        let listening = named.map(|(definition, socket)| {
            listen(&definition.name, socket, definition.address).map(|open| (definition, open))
        });
        let listening = listening.collect::<Result<Vec<_>, _>>()?;
        let name: Arc<str> = "admin".into();
        let admin = bound.admin.zip(config.admin);
        let admin = admin.map(|(socket, address)| listen(&name, socket, address));
        let admin = admin.transpose()?;

        let (stop, stopped) = watch::channel(false);
        let (admin_stop, admin_stopped) = watch::channel(false);
        let mut doors = Self {
            edges: Vec::new(),
            accepting: TaskTracker::new(),
            stop,
            _admin_stop: admin_stop,
            accept: watch::Sender::new(Accept::NotYet),
            addresses: Vec::new(),
            descriptors: Descriptors::raised(),
        };
        let plan = shared.plan.load();
        let wanted = wanted(&plan.listeners);
        doors.descriptors.tell(wanted);
        for (definition, (socket, address)) in listening {
            let name = Arc::clone(&definition.name);
            let settings = doors.settings(definition, wanted);
            let Limits {
                connections,
                per_address,
                ..
            } = settings.limits;
            tracing::info!(listener = %name, %address, connections, per_address, "listening");
            doors.addresses.push((Arc::clone(&name), address));
            let mut listeners = plan.listeners.iter().enumerate();
            // INVARIANT: the plan was composed of this configuration.
            let Some((place, listener)) = listeners.find(|(_, it)| it.name == name) else {
                continue;
            };
            let gateway = Gateway::new(Arc::clone(listener), place, Arc::clone(shared));
            let edge = edge(gateway, name, settings, metrics);
            doors.edges.push(Arc::clone(&edge));
            let accepting = edge.run(socket, stopped.clone());
            doors
                .accepting
                .spawn(while_may(doors.accept.subscribe(), accepting));
        }
        if let Some((socket, address)) = admin {
            tracing::info!(%address, "admin listening");
            doors.addresses.push((Arc::clone(&name), address));
            let admin = Admin {
                plan: Arc::clone(&shared.plan),
                metrics: metrics.clone(),
                readiness: Arc::clone(readiness),
                address,
            };
            let settings = Settings {
                limits: doors.descriptors.admin(),
                timeouts: Timeouts::default(),
                protocols: Protocols::PLAIN,
                tls: None,
            };
            let edge = edge(admin, name, settings, metrics);
            let accepting = edge.run(socket, admin_stopped);
            tokio::spawn(while_may(doors.accept.subscribe(), accepting));
        }
        Ok(doors)
    }

    /// What listeners that are defined otherwise have become. Nothing is changed yet.
    pub(super) fn prepare(&self, listeners: &[Arc<ListenerDefinition>]) -> Vec<Prepared> {
        let wanted = wanted(listeners);
        let named = |definition: &Arc<ListenerDefinition>| {
            let mut edges = self.edges.iter();
            let edge = edges.find(|edge| *edge.name() == definition.name)?;
            Some((Arc::clone(edge), self.settings(definition, wanted)))
        };
        // Also of those that are defined as before: all share what the process can have open.
        listeners.iter().filter_map(named).collect()
    }

    fn settings(&self, definition: &ListenerDefinition, wanted: usize) -> Settings {
        Settings {
            limits: self.descriptors.share(definition, wanted),
            timeouts: definition.timeouts,
            protocols: definition.protocols,
            tls: None,
        }
    }
}

/// Whether connections are accepted. Those that are open are another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    NotYet,
    Now,
    NoMore,
}

async fn while_may(mut accept: watch::Receiver<Accept>, accepting: impl Future<Output = ()>) {
    let mut waits = async |until: fn(&Accept) -> bool| accept.wait_for(until).await.is_ok();
    if !waits(|accept| *accept != Accept::NotYet).await {
        return;
    }
    tokio::select! {
        biased;
        _ = waits(|accept| *accept == Accept::NoMore) => {}
        () = accepting => {}
    }
}

/// A listener's edge, and what it is to live by.
pub(super) type Prepared = (Arc<Edge<Gateway>>, Settings);

/// How many connections listeners want together.
fn wanted(listeners: &[Arc<ListenerDefinition>]) -> usize {
    let wanted = listeners.iter().map(|it| it.limits.connections);
    wanted.fold(0, usize::saturating_add)
}

fn listen(
    name: &Arc<str>,
    socket: std::net::TcpListener,
    written: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let socket = edge::listen(socket).map_err(|cause| refused(name, written, cause))?;
    let address = socket.local_addr().unwrap_or(written);
    Ok((socket, address))
}

fn refused(name: &Arc<str>, address: SocketAddr, cause: std::io::Error) -> StartError {
    StartError::Bind {
        name: Arc::clone(name),
        address,
        cause,
    }
}

fn edge<A: Application>(
    app: A,
    name: Arc<str>,
    settings: Settings,
    metrics: &Metrics,
) -> Arc<Edge<A>> {
    let counts = metrics.edge(&name);
    Edge::new(Arc::new(app), name, settings, counts)
}
