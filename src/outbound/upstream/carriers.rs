//! What carries the requests of one endpoint? A connection that rests, a place on one that others use,
//! or a new one, by what the file says of its protocol and the two sides have agreed on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::uri::Scheme;
use pingora::protocols::ALPN;
use pingora::upstreams::peer::HttpPeer;
use tokio::time::timeout;

use super::answer_io::UpstreamSocket;
use super::carrier::Carrier;
use super::connect::{ConnectError, Connector};
use super::connection::Connection;
use super::http2::{Shared, SharedPool};
use super::names::Lead;
use super::peer::{at, template};
use super::pool::Pool;
use super::{EndpointDefinition, UpstreamProtocol};
use crate::edge::Socket;

/// What a carrier is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// A request and its answer.
    Requests,
    /// What HTTP/1.1 alone can be switched to (RFC 9110 §7.8).
    Tunnel,
}

/// Where a connection goes first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    Address(SocketAddr),
    Unix(&'a Path),
}

pub(super) struct Carriers {
    connector: Arc<Connector>,
    /// What an `https` endpoint must prove. Boxed, for it is most of an endpoint, and others need none.
    template: Option<Box<HttpPeer>>,
    own: Arc<Pool>,
    /// `None`: it is spoken to by HTTP/1.1.
    shared: Option<Arc<SharedPool>>,
    /// It could have agreed on HTTP/2 when it was asked last, and did not.
    prefers_http1: AtomicBool,
}

impl Carriers {
    pub(super) fn of(
        definition: &EndpointDefinition,
        connector: &Arc<Connector>,
    ) -> Result<Self, openssl::error::ErrorStack> {
        let template = definition
            .tls
            .then(|| template(definition).map(Box::new))
            .transpose()?;
        if definition.tls {
            connector.prepare();
        }
        let is_http1 = definition.protocol == UpstreamProtocol::Http1;
        Ok(Self {
            connector: Arc::clone(connector),
            template,
            own: Arc::default(),
            shared: (!is_http1).then(Arc::default),
            prefers_http1: AtomicBool::new(false),
        })
    }

    /// One that is there already.
    pub(super) fn idle(
        &self,
        carries: Carries,
        definition: &EndpointDefinition,
    ) -> Option<Carrier> {
        if let Some(shared) = &self.shared
            && carries == Carries::Requests
            && let Some(stream) = shared.take(definition.response_timeout)
        {
            return Some(Carrier::Shared(stream));
        }
        self.own.take().map(Carrier::Own)
    }

    /// A new one, which is given up when its lead no longer holds; on a connection that somebody else has made meanwhile, where it may be shared.
    pub(super) async fn connect(
        &self,
        place: Place<'_>,
        lead: Option<Lead>,
        carries: Carries,
        definition: &EndpointDefinition,
    ) -> Result<Carrier, ConnectError> {
        let shared = match (&self.shared, carries) {
            (Some(shared), Carries::Requests) => shared,
            _ => return self.own(place, lead, definition).await,
        };
        // Who comes while a connection is made waits for it: each would make one of its own.
        let _turn = match self.prefers_http1.load(Ordering::Relaxed) {
            true => None,
            false => {
                let most = definition.connect_timeout;
                let turn = timeout(most, shared.turn.lock()).await;
                Some(turn.map_err(|_| ConnectError::TimedOut(most))?)
            }
        };
        let patience = definition.response_timeout;
        if let Some(stream) = shared.take(patience) {
            return Ok(Carrier::Shared(stream));
        }
        let socket = self.socket(place, definition, None).await?;
        if !self.has_agreed(&socket, definition)? {
            return Self::begin(socket, lead, definition).await;
        }
        let scheme = match definition.tls {
            true => Scheme::HTTPS,
            false => Scheme::HTTP,
        };
        let most = definition.connect_timeout;
        let begun = timeout(most, Shared::begin(socket, lead, scheme)).await;
        let connection = begun.map_err(|_| ConnectError::TimedOut(most))??;
        Ok(Carrier::Shared(shared.add(connection, patience)))
    }

    async fn own(
        &self,
        place: Place<'_>,
        lead: Option<Lead>,
        definition: &EndpointDefinition,
    ) -> Result<Carrier, ConnectError> {
        let socket = self.socket(place, definition, Some(ALPN::H1)).await?;
        Self::begin(socket, lead, definition).await
    }

    async fn begin(
        socket: UpstreamSocket,
        lead: Option<Lead>,
        definition: &EndpointDefinition,
    ) -> Result<Carrier, ConnectError> {
        let connection = Connection::begin(socket, lead, definition).await?;
        Ok(Carrier::Own(Box::new(connection)))
    }

    async fn socket(
        &self,
        place: Place<'_>,
        definition: &EndpointDefinition,
        alpn: Option<ALPN>,
    ) -> Result<UpstreamSocket, ConnectError> {
        let most = definition.connect_timeout;
        match (place, &self.template) {
            (Place::Unix(path), _) => self.connector.unix(path, most).await,
            (Place::Address(address), None) => {
                // Many wait on one connection: that its other end is gone must not be found out by
                // each.
                let is_shared = definition.protocol == UpstreamProtocol::Http2Clear;
                let liveliness = is_shared.then_some(definition.response_timeout);
                self.connector.plain(address, most, liveliness).await
            }
            (Place::Address(address), Some(template)) => {
                let mut peer = at(template, address);
                if let Some(alpn) = alpn {
                    peer.options.alpn = alpn;
                }
                self.connector.tls(&peer, definition.minimum_tls).await
            }
        }
    }

    /// Whether this connection is to be spoken to by HTTP/2.
    fn has_agreed(
        &self,
        socket: &UpstreamSocket,
        definition: &EndpointDefinition,
    ) -> Result<bool, ConnectError> {
        let agreed = match socket {
            Socket::Tls(stream) => matches!(stream.selected_alpn_proto(), Some(ALPN::H2)),
            _ => return Ok(definition.protocol == UpstreamProtocol::Http2Clear),
        };
        self.prefers_http1.store(!agreed, Ordering::Relaxed);
        if !agreed && definition.protocol == UpstreamProtocol::Http2 {
            return Err(ConnectError::Unproven("it does not agree to HTTP/2 (ALPN)"));
        }
        Ok(agreed)
    }

    /// Takes back what is free again.
    pub(super) fn keep(&self, carrier: Carrier) {
        if let Carrier::Own(connection) = carrier {
            self.own.keep(connection);
        }
    }
}
