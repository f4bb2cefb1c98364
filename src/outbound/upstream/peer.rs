//! What must an `https` upstream prove? The Pingora peer that every connection to it is made by,
//! and whether a connection's TLS will do.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};
use pingora::protocols::TcpKeepalive;
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::upstreams::peer::{ALPN, HttpPeer};
use pingora::utils::tls::CertKey;

use super::through_proxy::ThroughProxy;
use super::{EndpointDefinition, UpstreamProtocol};
use crate::edge::TlsVersion;

/// In a connection's TLS digest: its certificate is for the address that we meant.
struct ForThisAddress;

/// After which idle time, and how often then, a shared connection is tried.
const LIVELINESS: Duration = Duration::from_secs(20);

/// The peer of an upstream, but for its address.
pub(super) fn template(definition: &EndpointDefinition) -> Result<HttpPeer, ErrorStack> {
    let unspecified = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), definition.port);
    let mut template = HttpPeer::new(unspecified, true, definition.host.clone());
    let options = &mut template.options;
    options.connection_timeout = Some(definition.connect_timeout);
    options.total_connection_timeout = Some(definition.connect_timeout);
    options.alpn = match definition.protocol {
        UpstreamProtocol::Http1 | UpstreamProtocol::Http2Clear => ALPN::H1,
        UpstreamProtocol::Http2 => ALPN::H2,
        UpstreamProtocol::Auto => ALPN::H2H1,
    };
    if definition.protocol != UpstreamProtocol::Http1 {
        // Many wait on one connection: that its other end is gone must not be found out by each.
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: LIVELINESS,
            interval: LIVELINESS,
            count: 3,
            user_timeout: definition.response_timeout,
        });
    }
    if let Some(proxy) = &definition.proxy {
        // The tunnel is bounded by itself, so that its failure is told as the proxy's.
        options.total_connection_timeout = Some(definition.connect_timeout * 2);
        options.custom_l4 = Some(Arc::new(ThroughProxy::of(proxy, definition)));
    }
    if let Some(address) = definition.address() {
        // Pingora compares the host with DNS names only, and an address is none (RFC 9110
        // §4.3.5). Who signed is verified by OpenSSL all the same; `check_tls` wants the proof.
        options.verify_hostname = false;
        options.upstream_tls_handshake_complete_hook =
            Some(Arc::new(move |ssl| proof_of(ssl, address)));
    }
    if let Some(pair) = &definition.client_certificate {
        // SECURITY: Pingora's pool would tell two of one serial number apart by nothing; ours is the
        // endpoint's.
        let pair = CertKey::new(pair.chain().to_vec(), pair.key().to_owned());
        template.client_cert_key = Some(Arc::new(pair));
    }
    let options = &mut template.options;
    if let Some(pem) = &definition.ca_pem {
        options.ca = Some(Arc::new(X509::stack_from_pem(pem)?.into_boxed_slice()));
    }
    Ok(template)
}

pub(super) fn at(template: &HttpPeer, address: SocketAddr) -> HttpPeer {
    let mut peer = template.clone();
    peer._address = address.into();
    peer
}

pub(super) fn check_tls(
    template: &HttpPeer,
    tls: &SslDigest,
    oldest: TlsVersion,
) -> Result<(), &'static str> {
    // Pingora's own floor is TLS 1.0 and cannot be raised.
    match (&*tls.version, oldest) {
        ("TLSv1.3", _) | ("TLSv1.2", TlsVersion::V1_2) => {}
        (_, TlsVersion::V1_2) => return Err("older than TLS 1.2"),
        (_, TlsVersion::V1_3) => return Err("older than TLS 1.3"),
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

#[cfg(test)]
mod tests {
    use super::super::definition::tests::definition;
    use super::*;

    #[test]
    fn tls_1_2_and_the_own_name_are_wanted() {
        for (host, verified_by_name) in [("127.0.0.1", false), ("api.internal", true)] {
            let template = template(&definition(host)).unwrap();
            let digest = |version| SslDigest::new("", version, None, None, Vec::new());
            for (version, oldest, new_enough) in [
                ("TLSv1.1", TlsVersion::V1_2, false),
                ("TLSv1.2", TlsVersion::V1_2, true),
                ("TLSv1.3", TlsVersion::V1_2, true),
                ("TLSv1.1", TlsVersion::V1_3, false),
                ("TLSv1.2", TlsVersion::V1_3, false),
                ("TLSv1.3", TlsVersion::V1_3, true),
            ] {
                assert_eq!(
                    check_tls(&template, &digest(version), oldest).is_ok(),
                    new_enough && verified_by_name,
                    "{host} {version}"
                );
            }
        }
    }
}
