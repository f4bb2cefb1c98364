//! How is an upstream spoken to? The Pingora peer that every connection to it is made by, and
//! whether a connection's TLS will do.

use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::upstreams::peer::{ALPN, HttpPeer, HttpUpstreamRequestPolicy};

use super::UpstreamDefinition;

/// Idle connections are closed before most servers close them.
const IDLE: Duration = Duration::from_secs(55);

/// In a connection's TLS digest: its certificate is for the address that we meant.
struct ForThisAddress;

/// The peer of an upstream, but for its address.
pub(super) fn template(
    definition: &UpstreamDefinition,
    tunnels: bool,
) -> Result<HttpPeer, ErrorStack> {
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
    options.alpn = ALPN::H1;
    if !tunnels {
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    }
    if let Some(address) = definition.address().filter(|_| definition.tls) {
        // Pingora compares the host with DNS names only, and an address is none (RFC 9110
        // §4.3.5). Who signed is verified by OpenSSL all the same; `check_tls` wants the proof.
        options.verify_hostname = false;
        options.upstream_tls_handshake_complete_hook =
            Some(Arc::new(move |ssl| proof_of(ssl, address)));
    }
    if let Some(pem) = &definition.ca_pem {
        options.ca = Some(Arc::new(X509::stack_from_pem(pem)?.into_boxed_slice()));
    }
    template.group_key = tls_identity(definition);
    Ok(template)
}

pub(super) fn at(template: &HttpPeer, address: SocketAddr) -> HttpPeer {
    let mut peer = template.clone();
    peer._address = address.into();
    peer
}

pub(super) fn check_tls(template: &HttpPeer, tls: &SslDigest) -> Result<(), &'static str> {
    // Pingora's own floor is TLS 1.0 and cannot be raised.
    if !["TLSv1.2", "TLSv1.3"].contains(&&*tls.version) {
        return Err("older than TLS 1.2");
    }
    if template.options.verify_hostname || tls.extension.get::<ForThisAddress>().is_some() {
        return Ok(());
    }
    Err("the certificate does not name the address")
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

#[cfg(test)]
mod tests {
    use super::super::definition::tests::definition;
    use super::*;

    #[test]
    fn other_authorities_never_share_a_pool() {
        let mut trusting_a = definition("api.internal");
        trusting_a.tls = true;
        let mut trusting_b = trusting_a.clone();
        trusting_a.ca_pem = Some(Arc::new(b"a".to_vec()));
        trusting_b.ca_pem = Some(Arc::new(b"b".to_vec()));
        assert_ne!(tls_identity(&trusting_a), tls_identity(&trusting_b));
    }
}
