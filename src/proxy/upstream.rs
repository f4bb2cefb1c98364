//! Where a route goes: prebuilt Pingora peers, one for each address, resolved off the request path
//! and refreshed in the background.

use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use openssl::x509::{X509, X509Ref};
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::routing::UpstreamDefinition;

/// Between two resolutions of a name.
const REFRESH: Duration = Duration::from_secs(30);
/// After a resolution that failed.
const RETRY: Duration = Duration::from_secs(2);
/// Idle connections are closed before most servers close them.
const IDLE: Duration = Duration::from_secs(55);

/// One route's upstream, alive.
#[derive(Debug)]
pub struct Upstream {
    definition: UpstreamDefinition,
    template: HttpPeer,
    peers: ArcSwap<Vec<HttpPeer>>,
    next: AtomicUsize,
    /// Whether there was an answer, good or bad, to the first question for the name.
    asked: watch::Sender<bool>,
    host_header: http::HeaderValue,
}

/// In a connection's TLS digest: its certificate is for the address that we meant.
struct ForThisAddress;

/// Why an upstream cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// `ca_file` does not hold certificates.
    #[error("the upstream's ca_file: {0}")]
    Certificates(#[from] openssl::error::ErrorStack),
    /// The host is no header value; ruled out at load.
    #[error("the upstream's host is not a valid Host header")]
    Host,
}

impl Upstream {
    /// Makes the upstream. A literal address is ready at once; a name after its first resolution.
    /// With `tunnels`, a WebSocket may pass.
    ///
    /// # Errors
    /// When its certificates cannot be read.
    pub fn new(definition: UpstreamDefinition, tunnels: bool) -> Result<Self, UpstreamError> {
        let unspecified = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), definition.port);
        let sni = if definition.tls {
            definition.host.clone()
        } else {
            String::new()
        };
        let mut template = HttpPeer::new(unspecified, definition.tls, sni);
        let options = &mut template.options;
        options.connection_timeout = Some(definition.connect_timeout);
        options.total_connection_timeout = Some(definition.connect_timeout);
        options.read_timeout = Some(definition.response_timeout);
        options.write_timeout = Some(definition.response_timeout);
        options.idle_timeout = Some(IDLE);
        options.alpn = pingora::upstreams::peer::ALPN::H1;
        if !tunnels {
            options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        }
        let literal = definition.host.parse::<IpAddr>().ok();
        if let Some(address) = literal.filter(|_| definition.tls) {
            // Pingora compares the host with DNS names only, and an address is none (RFC 9110
            // §4.3.5). Who signed is verified by OpenSSL all the same; `check_tls` wants the proof.
            options.verify_hostname = false;
            options.upstream_tls_handshake_complete_hook =
                Some(Arc::new(move |ssl| proof_of(ssl, address)));
        }
        if let Some(pem) = &definition.ca_pem {
            options.ca = Some(Arc::new(X509::stack_from_pem(pem)?.into_boxed_slice()));
        }
        template.group_key = tls_identity(&definition);
        let peers = literal.map(|address| at(&template, SocketAddr::new(address, definition.port)));
        let peers: Vec<HttpPeer> = peers.into_iter().collect();
        let host_header = http::HeaderValue::from_str(&authority(&definition))
            .map_err(|_| UpstreamError::Host)?;
        Ok(Self {
            definition,
            template,
            asked: watch::Sender::new(!peers.is_empty()),
            peers: ArcSwap::from_pointee(peers),
            next: AtomicUsize::new(0),
            host_header,
        })
    }

    /// As the file defines it.
    pub fn definition(&self) -> &UpstreamDefinition {
        &self.definition
    }

    /// The `Host` of the url.
    pub(super) fn host_header(&self) -> &http::HeaderValue {
        &self.host_header
    }

    /// A peer for this attempt: addresses take turns, and a retry gets the next one. Whoever comes
    /// before a name was first resolved waits for that.
    pub(super) async fn peer(&self) -> Option<Box<HttpPeer>> {
        if !*self.asked.borrow() {
            let mut asked = self.asked.subscribe();
            let _ = timeout(
                self.definition.connect_timeout,
                asked.wait_for(|asked| *asked),
            )
            .await;
        }
        let peers = self.peers.load();
        if peers.len() == 1 {
            return peers.first().cloned().map(Box::new);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        peers
            .get(turn.checked_rem(peers.len())?)
            .cloned()
            .map(Box::new)
    }

    /// Whether a connection's TLS will do, before anything is sent over it.
    pub(super) fn check_tls(&self, tls: Option<&SslDigest>) -> Result<(), &'static str> {
        if !self.definition.tls {
            return Ok(());
        }
        let tls = tls.ok_or("the connection is not encrypted")?;
        // Pingora's own floor is TLS 1.0 and cannot be raised.
        if !["TLSv1.2", "TLSv1.3"].contains(&&*tls.version) {
            return Err("older than TLS 1.2");
        }
        if self.template.options.verify_hostname || tls.extension.get::<ForThisAddress>().is_some()
        {
            return Ok(());
        }
        Err("the certificate does not name the address")
    }

    /// How many addresses there are to try.
    pub(super) fn addresses(&self) -> usize {
        self.peers.load().len()
    }

    /// Keeps the addresses fresh until the upstream is dropped. Literal addresses need none.
    pub fn keep_resolved(self: &Arc<Self>) {
        if self.definition.host.parse::<IpAddr>().is_ok() {
            return;
        }
        let (host, port) = (self.definition.host.clone(), self.definition.port);
        let upstream = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let resolved = tokio::net::lookup_host((host.as_str(), port)).await;
                let Some(upstream) = upstream.upgrade() else {
                    return;
                };
                let pause = match resolved {
                    Ok(found) => upstream.adopt(found.collect()),
                    Err(error) => {
                        tracing::warn!(%host, %error, "upstream name not resolved");
                        RETRY
                    }
                };
                upstream.asked.send_replace(true);
                drop(upstream);
                tokio::time::sleep(pause).await;
            }
        });
    }

    /// Takes over new addresses; an empty answer never replaces good ones.
    fn adopt(&self, mut found: Vec<SocketAddr>) -> Duration {
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return RETRY;
        }
        let known = self.peers.load();
        if !known
            .iter()
            .map(|peer| peer._address.as_inet().copied())
            .eq(found.iter().map(|a| Some(*a)))
        {
            self.peers.store(Arc::new(
                found.iter().map(|a| at(&self.template, *a)).collect(),
            ));
        }
        REFRESH
    }
}

fn at(template: &HttpPeer, address: SocketAddr) -> HttpPeer {
    let mut peer = template.clone();
    peer._address = address.into();
    peer
}

/// Looks for an address among a certificate's own, byte by byte.
fn proof_of(ssl: &TlsRef, address: IpAddr) -> Option<Arc<dyn Any + Send + Sync>> {
    let certificate = ssl.peer_certificate()?;
    names(&certificate, address).then(|| Arc::new(ForThisAddress) as Arc<dyn Any + Send + Sync>)
}

fn names(certificate: &X509Ref, address: IpAddr) -> bool {
    let wanted = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let named = certificate.subject_alt_names();
    named.is_some_and(|all| all.iter().any(|name| name.ipaddress() == Some(&wanted)))
}

/// SECURITY: Pingora's pool key leaves out the trusted CAs, so connections verified by one set
/// would serve routes that trust another. The group key carries the whole TLS identity.
fn tls_identity(definition: &UpstreamDefinition) -> u64 {
    let mut hasher = DefaultHasher::new();
    (
        definition.tls,
        &definition.host,
        definition.port,
        &definition.ca_pem,
    )
        .hash(&mut hasher);
    hasher.finish()
}

fn authority(definition: &UpstreamDefinition) -> String {
    let host = if definition.host.contains(':') {
        format!("[{}]", definition.host)
    } else {
        definition.host.clone()
    };
    let default_port = if definition.tls { 443 } else { 80 };
    if definition.port == default_port {
        host
    } else {
        format!("{host}:{}", definition.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(host: &str) -> UpstreamDefinition {
        UpstreamDefinition {
            tls: false,
            host: host.to_owned(),
            port: 8080,
            base_path: String::new(),
            strip_segments: 0,
            preserve_host: false,
            ca_pem: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
        }
    }

    fn named(host: &str) -> Upstream {
        Upstream::new(definition(host), true).unwrap()
    }

    #[tokio::test]
    async fn a_literal_address_is_ready_at_once_and_a_name_is_waited_for() {
        assert!(named("127.0.0.1").peer().await.is_some());
        let upstream = named("api.internal");
        let (peer, ()) = tokio::join!(upstream.peer(), async {
            tokio::task::yield_now().await;
            upstream.adopt(vec!["10.0.0.1:8080".parse().unwrap()]);
            upstream.asked.send_replace(true);
        });
        assert!(peer.is_some());
    }

    #[tokio::test]
    async fn a_name_that_was_asked_for_in_vain_is_not_waited_for() {
        let upstream = named("api.internal");
        upstream.asked.send_replace(true);
        assert!(upstream.peer().await.is_none());
    }

    #[test]
    fn an_encrypted_upstream_is_never_spoken_to_in_clear() {
        let plain = Upstream::new(definition("127.0.0.1"), true).unwrap();
        assert!(plain.check_tls(None).is_ok());
        for host in ["127.0.0.1", "api.internal"] {
            let mut encrypted = definition(host);
            encrypted.tls = true;
            let encrypted = Upstream::new(encrypted, true).unwrap();
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
    async fn an_empty_answer_never_replaces_good_addresses() {
        let upstream = named("api.internal");
        upstream.asked.send_replace(true);
        upstream.adopt(vec![
            "10.0.0.1:8080".parse().unwrap(),
            "10.0.0.2:8080".parse().unwrap(),
        ]);
        upstream.adopt(Vec::new());
        assert_eq!(upstream.addresses(), 2);
        let first = upstream.peer().await.unwrap()._address.clone();
        assert_ne!(
            upstream.peer().await.unwrap()._address,
            first,
            "addresses take turns"
        );
    }

    #[test]
    fn other_authorities_never_share_a_pool() {
        let mut trusting_a = definition("api.internal");
        trusting_a.tls = true;
        let mut trusting_b = trusting_a.clone();
        trusting_a.ca_pem = Some(Arc::new(b"a".to_vec()));
        trusting_b.ca_pem = Some(Arc::new(b"b".to_vec()));
        assert_ne!(tls_identity(&trusting_a), tls_identity(&trusting_b));
    }

    #[test]
    fn the_host_header_leaves_out_a_default_port_only() {
        assert_eq!(authority(&definition("api.internal")), "api.internal:8080");
        assert_eq!(authority(&definition("::1")), "[::1]:8080");
        let plain = UpstreamDefinition {
            port: 80,
            ..definition("api.internal")
        };
        assert_eq!(authority(&plain), "api.internal");
    }
}
