//! An upstream alive: where it is now, and the connections to it.

use std::sync::Arc;

use http::HeaderValue;
use pingora::upstreams::peer::HttpPeer;

use super::addresses::Addresses;
use super::connect::{ConnectError, Connector};
use super::connection::Connection;
use super::peer::{at, template};
use super::pool::Pool;
use super::{Names, UpstreamDefinition};

/// Where routes go, alive. Shared by all that define the same.
pub struct Upstream {
    definition: UpstreamDefinition,
    host_header: HeaderValue,
    origin: Box<str>,
    /// What an `https` upstream must prove. Boxed, for it is most of an upstream, and others need none.
    template: Option<Box<HttpPeer>>,
    addresses: Addresses,
    connector: Arc<Connector>,
    pool: Arc<Pool>,
}

#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("the upstream's ca_file: {0}")]
    Certificates(#[from] openssl::error::ErrorStack),
    /// Ruled out at load.
    #[error("the upstream's host is not a valid Host header")]
    Host,
}

impl Upstream {
    /// Makes the upstream, whose name is one of `names`. A name needs a tokio runtime, a literal
    /// address needs none.
    pub fn start(
        definition: UpstreamDefinition,
        names: &Names,
        connector: &Arc<Connector>,
    ) -> Result<Self, UpstreamError> {
        let template = definition
            .tls
            .then(|| template(&definition).map(Box::new))
            .transpose()?;
        let host_header = HeaderValue::from_str(&definition.authority());
        if definition.tls {
            connector.prepare();
        }
        Ok(Self {
            origin: definition.origin().into(),
            host_header: host_header.map_err(|_| UpstreamError::Host)?,
            template,
            addresses: Addresses::of(&definition, names),
            connector: Arc::clone(connector),
            pool: Arc::default(),
            definition,
        })
    }

    pub fn definition(&self) -> &UpstreamDefinition {
        &self.definition
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// How many addresses it has at the moment.
    pub fn addresses(&self) -> usize {
        self.addresses.count()
    }

    /// A connection that has served before and is still good.
    pub fn idle(&self) -> Option<Box<Connection>> {
        self.pool.take()
    }

    /// A new connection. Addresses take turns, so that another attempt gets the next one; whoever
    /// comes before a name was first resolved waits for that.
    pub async fn connect(&self) -> Result<Box<Connection>, ConnectError> {
        let most = self.definition.connect_timeout;
        let address = self.addresses.next(most).await;
        let unresolved = || match &self.definition.proxy {
            Some(proxy) => ConnectError::NoProxy(proxy.to_string()),
            None => ConnectError::Unresolved,
        };
        let address = address.ok_or_else(unresolved)?;
        let socket = match &self.template {
            Some(template) => self.connector.tls(&at(template, address)).await?,
            None => self.connector.plain(address, most).await?,
        };
        let connection = Connection::begin(socket, &self.definition).await?;
        Ok(Box::new(connection))
    }

    /// Takes back a connection that is free again.
    pub fn keep(&self, connection: Box<Connection>) {
        self.pool.keep(connection);
    }
}
