//! An upstream alive. It gives out peers to connect to and judges their TLS.

use http::HeaderValue;
use pingora::protocols::tls::SslDigest;
use pingora::upstreams::peer::HttpPeer;

use super::addresses::Addresses;
use super::peer::{at, check_tls, template};
use super::{Names, UpstreamDefinition};

/// Where routes go, alive. Shared by all that define the same.
#[derive(Debug)]
pub struct Upstream {
    definition: UpstreamDefinition,
    host_header: HeaderValue,
    template: HttpPeer,
    addresses: Addresses,
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
    /// address needs none. With `tunnels`, a WebSocket may pass.
    pub fn start(
        definition: UpstreamDefinition,
        tunnels: bool,
        names: &Names,
    ) -> Result<Self, UpstreamError> {
        let template = template(&definition, tunnels)?;
        let host_header = HeaderValue::from_str(&definition.authority());
        let host_header = host_header.map_err(|_| UpstreamError::Host)?;
        let addresses = Addresses::of(&definition, names);
        Ok(Self {
            definition,
            host_header,
            template,
            addresses,
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
        let most = self.definition.connect_timeout;
        let address = self.addresses.next(most).await?;
        Some(Box::new(at(&self.template, address)))
    }

    /// Whether a connection's TLS will do, before anything is sent over it.
    pub fn check_tls(&self, tls: Option<&SslDigest>) -> Result<(), &'static str> {
        if !self.definition.tls {
            return Ok(());
        }
        let tls = tls.ok_or("the connection is not encrypted")?;
        check_tls(&self.template, tls)
    }

    pub fn addresses(&self) -> usize {
        self.addresses.count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::tests::definition;
    use super::*;

    #[test]
    fn an_encrypted_upstream_is_never_spoken_to_in_clear() {
        let plain = Upstream::start(definition("127.0.0.1"), true, &Names::new()).unwrap();
        assert!(plain.check_tls(None).is_ok());
    }

    #[tokio::test]
    async fn an_encrypted_upstream_wants_tls_1_2_and_its_own_name() {
        for host in ["127.0.0.1", "api.internal"] {
            let mut encrypted = definition(host);
            encrypted.tls = true;
            let encrypted = Upstream::start(encrypted, true, &Names::new()).unwrap();
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
}
