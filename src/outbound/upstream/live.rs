//! An upstream alive. It gives out peers to connect to, judges their TLS, and ends its own
//! background task when the last route that goes there is gone.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use pingora::protocols::tls::SslDigest;
use pingora::upstreams::peer::HttpPeer;
use tokio::task::AbortHandle;

use super::UpstreamDefinition;
use super::addresses::Addresses;
use super::peer::{check_tls, template};

/// Where routes go, alive. Shared by all that define the same.
#[derive(Debug)]
pub struct Upstream {
    definition: UpstreamDefinition,
    host_header: HeaderValue,
    addresses: Arc<Addresses>,
    resolving: Option<AbortHandle>,
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
    /// Makes the upstream and keeps its addresses fresh. A name needs a tokio runtime, a literal
    /// address needs none. With `tunnels`, a WebSocket may pass.
    pub fn start(definition: UpstreamDefinition, tunnels: bool) -> Result<Self, UpstreamError> {
        let literal = definition.address();
        let literal = literal.map(|address| SocketAddr::new(address, definition.port));
        let template = template(&definition, tunnels)?;
        let host_header = HeaderValue::from_str(&definition.authority());
        let host_header = host_header.map_err(|_| UpstreamError::Host)?;
        let addresses = Arc::new(Addresses::new(template, literal));
        let resolving = literal.is_none().then(|| {
            let (host, port) = (definition.host.clone(), definition.port);
            tokio::spawn(Arc::clone(&addresses).keep_resolved(host, port)).abort_handle()
        });
        Ok(Self {
            definition,
            host_header,
            addresses,
            resolving,
        })
    }

    pub fn definition(&self) -> &UpstreamDefinition {
        &self.definition
    }

    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// A peer for this attempt: addresses take turns, and a retry gets the next one. Whoever comes
    /// before a name was first resolved waits for that.
    pub async fn peer(&self) -> Option<Box<HttpPeer>> {
        self.addresses.peer(self.definition.connect_timeout).await
    }

    /// Whether a connection's TLS will do, before anything is sent over it.
    pub fn check_tls(&self, tls: Option<&SslDigest>) -> Result<(), &'static str> {
        if !self.definition.tls {
            return Ok(());
        }
        let tls = tls.ok_or("the connection is not encrypted")?;
        check_tls(&self.addresses.template, tls)
    }

    pub fn addresses(&self) -> usize {
        self.addresses.count()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(resolving) = &self.resolving {
            resolving.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::tests::definition;
    use super::*;

    #[test]
    fn an_encrypted_upstream_is_never_spoken_to_in_clear() {
        let plain = Upstream::start(definition("127.0.0.1"), true).unwrap();
        assert!(plain.check_tls(None).is_ok());
    }

    #[tokio::test]
    async fn an_encrypted_upstream_wants_tls_1_2_and_its_own_name() {
        for host in ["127.0.0.1", "api.internal"] {
            let mut encrypted = definition(host);
            encrypted.tls = true;
            let encrypted = Upstream::start(encrypted, true).unwrap();
            assert!(encrypted.check_tls(None).is_err());
            let digest = |version| SslDigest::new("", version, None, None, Vec::new());
            assert!(encrypted.check_tls(Some(&digest("TLSv1.1"))).is_err());
            let verified_by_name = host == "api.internal";
            assert_eq!(
                encrypted.check_tls(Some(&digest("TLSv1.2"))).is_ok(),
                verified_by_name
            );
        }
    }

    #[tokio::test]
    async fn the_last_one_that_is_dropped_ends_the_task() {
        let upstream = Upstream::start(definition("localhost"), true).unwrap();
        let addresses = Arc::downgrade(&upstream.addresses);
        assert!(upstream.peer().await.is_some(), "resolved, so at rest");
        drop(upstream);
        while addresses.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
