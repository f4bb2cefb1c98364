//! Where does a gateway accept? Its sockets, bound before anything else, and an edge on each:
//! the proxy behind every listener, the admin pages behind theirs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::Inherited;
use super::compose::ComposeError;
use super::descriptors::Descriptors;
use crate::admin::{Admin, Observed, Readiness};
use crate::admission::Shared;
use crate::config::{AdminDefinition, Config};
use crate::edge::{
    self, Address, Application, Edge, Era, Limits, ListenerDefinition, Listening, Protocols,
    Settings, Timeouts, Tls, TlsDefinition, TlsError,
};
use crate::proxy::Gateway;
use crate::telemetry::{Metrics, Rates, Refusals};

/// Sockets that are bound and not yet accepted on.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<edge::Bound>,
    admin: Option<edge::Bound>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{name} cannot listen on {address}: {cause}")]
    Bind {
        /// The listener's name, or `admin`.
        name: Arc<str>,
        address: Address,
        cause: std::io::Error,
    },
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error(transparent)]
    Tls(#[from] TlsRefused),
}

/// TLS that cannot be made of its definition; ruled out at load.
#[derive(Debug, thiserror::Error)]
#[error("{name}: the certificate cannot be used: {cause}")]
pub struct TlsRefused {
    /// The listener's name, or `admin`.
    name: Arc<str>,
    cause: TlsError,
}

impl Bound {
    /// Binds every listener of a configuration; the first that fails gives all others back.
    pub fn new(config: &Config) -> Result<Self, StartError> {
        Self::beside(config, &mut Inherited::default())
    }

    /// The same, where some may be bound already.
    pub fn beside(config: &Config, inherited: &mut Inherited) -> Result<Self, StartError> {
        let mut bind = |name: &Arc<str>, address: &Address| match inherited.take(address) {
            Some(socket) => Ok(socket),
            None => edge::Bound::at(address).map_err(|cause| refused(name, address, cause)),
        };
        let listeners = config.listeners.iter().map(|l| bind(&l.name, &l.address));
        let listeners = listeners.collect::<Result<_, _>>()?;
        let admin = config.admin.as_ref();
        let admin = admin.map(|admin| bind(&"admin".into(), &admin.address.into()));
        Ok(Self {
            listeners,
            admin: admin.transpose()?,
        })
    }

    /// The same sockets once more, to be passed on: they go on listening until these are dropped, too.
    pub fn duplicates(&self) -> io::Result<Vec<OwnedFd>> {
        let sockets = self.listeners.iter().chain(&self.admin);
        sockets.map(edge::Bound::duplicate).collect()
    }
}

pub(super) struct Doors {
    pub(super) edges: Vec<Arc<Edge<Gateway>>>,
    admin: Option<Arc<Edge<Admin>>>,
    pub(super) accepting: TaskTracker,
    pub(super) stop: watch::Sender<bool>,
    /// Never sent on: the admin listener answers probes until the very end.
    _admin_stop: watch::Sender<bool>,
    pub(super) accept: watch::Sender<Accept>,
    pub(super) addresses: Vec<(Arc<str>, Address)>,
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
            listen(&definition.name, socket, &definition.address).map(|open| (definition, open))
        });
        let listening = listening.collect::<Result<Vec<_>, _>>()?;
        let name: Arc<str> = "admin".into();
        let admin = bound.admin.zip(config.admin.as_ref());
        let admin = admin.map(|(socket, admin)| {
            listen(&name, socket, &admin.address.into()).map(|open| (admin, open))
        });
        let admin = admin.transpose()?;

        let (stop, stopped) = watch::channel(false);
        let (admin_stop, admin_stopped) = watch::channel(false);
        let mut doors = Self {
            edges: Vec::new(),
            admin: None,
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
            let settings = doors.settings(definition, wanted, None)?;
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
        if let Some((definition, (socket, address))) = admin {
            tracing::info!(%address, "admin listening");
            let bound = doors.addresses.iter();
            let bound = bound.map(|(name, address)| (Arc::clone(name), address.to_string()));
            let observed = Observed {
                listeners: bound.collect(),
                refusals: shared.refusals.clone().unwrap_or_else(Refusals::new),
                rates: Rates::start(metrics.clone()),
            };
            doors.addresses.push((Arc::clone(&name), address.clone()));
            let admin = Admin {
                observed,
                plan: Arc::clone(&shared.plan),
                metrics: metrics.clone(),
                readiness: Arc::clone(readiness),
                address: address.tcp().unwrap_or(definition.address),
            };
            let settings = Settings {
                limits: doors.descriptors.admin(),
                timeouts: Timeouts::default(),
                protocols: Protocols::PLAIN,
                tls: tls(&name, definition.tls.as_ref(), Protocols::PLAIN, None)?,
                proxy_protocol: false,
                era: Era::default(),
            };
            let edge = edge(admin, name, settings, metrics);
            doors.admin = Some(Arc::clone(&edge));
            let accepting = edge.run(socket, admin_stopped);
            tokio::spawn(while_may(doors.accept.subscribe(), accepting));
        }
        Ok(doors)
    }

    /// What listeners that are defined otherwise have become. Nothing is changed yet.
    pub(super) fn prepare(
        &self,
        listeners: &[Arc<ListenerDefinition>],
        admin: Option<&AdminDefinition>,
    ) -> Result<Prepared, TlsRefused> {
        let wanted = wanted(listeners);
        let named = |definition: &Arc<ListenerDefinition>| {
            let mut edges = self.edges.iter();
            let edge = edges.find(|edge| *edge.name() == definition.name)?;
            let settings = self.settings(definition, wanted, Some(&edge.settings()));
            Some(settings.map(|settings| (Arc::clone(edge), settings)))
        };
        let admin = self.admin.as_ref().zip(admin).map(|(edge, definition)| {
            let settings = edge.settings();
            let written = definition.tls.as_ref();
            let tls = tls(edge.name(), written, settings.protocols, Some(&settings))?;
            Ok(Settings {
                tls,
                era: Era::default(),
                ..(*settings).clone()
            })
        });
        Ok(Prepared {
            // Also of those that are defined as before: all share what the process can have open.
            listeners: listeners
                .iter()
                .filter_map(named)
                .collect::<Result<_, _>>()?,
            admin: admin.transpose()?,
        })
    }

    pub(super) fn redefine(&self, prepared: Prepared) {
        for (edge, settings) in prepared.listeners {
            edge.redefine(settings);
        }
        if let Some((edge, settings)) = self.admin.as_ref().zip(prepared.admin) {
            edge.redefine(settings);
        }
    }

    fn settings(
        &self,
        definition: &ListenerDefinition,
        wanted: usize,
        previous: Option<&Settings>,
    ) -> Result<Settings, TlsRefused> {
        Ok(Settings {
            limits: self.descriptors.share(definition, wanted),
            timeouts: definition.timeouts,
            protocols: definition.protocols,
            proxy_protocol: definition.proxy_protocol,
            era: Era::default(),
            tls: tls(
                &definition.name,
                definition.tls.as_ref(),
                definition.protocols,
                previous,
            )?,
        })
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

/// What listeners are to live by.
pub(super) struct Prepared {
    listeners: Vec<(Arc<Edge<Gateway>>, Settings)>,
    admin: Option<Settings>,
}

/// What is defined as before is the same: callers go on resuming their sessions.
fn tls(
    name: &Arc<str>,
    definition: Option<&TlsDefinition>,
    protocols: Protocols,
    previous: Option<&Settings>,
) -> Result<Option<Arc<Tls>>, TlsRefused> {
    let Some(definition) = definition else {
        return Ok(None);
    };
    let known = previous.and_then(|settings| settings.tls.as_ref());
    if let Some(same) = known.filter(|known| known.is_defined_by(definition, protocols)) {
        return Ok(Some(Arc::clone(same)));
    }
    let tls = Tls::new(definition, protocols).map_err(|cause| TlsRefused {
        name: Arc::clone(name),
        cause,
    });
    tls.map(|tls| Some(Arc::new(tls)))
}

/// How many connections listeners want together.
fn wanted(listeners: &[Arc<ListenerDefinition>]) -> usize {
    let wanted = listeners.iter().map(|it| it.limits.connections);
    wanted.fold(0, usize::saturating_add)
}

fn listen(
    name: &Arc<str>,
    socket: edge::Bound,
    written: &Address,
) -> Result<(Listening, Address), StartError> {
    let socket = socket.listen();
    let socket = socket.map_err(|cause| refused(name, written, cause))?;
    let address = socket.tcp_address().map(Address::Tcp);
    Ok((socket, address.unwrap_or_else(|| written.clone())))
}

fn refused(name: &Arc<str>, address: &Address, cause: std::io::Error) -> StartError {
    StartError::Bind {
        name: Arc::clone(name),
        address: address.clone(),
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
