//! TLS towards the peer: one certificate, TLS 1.2 or newer, ALPN by what is spoken.

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{AlpnError, SslAcceptor, SslMethod, SslVersion, select_next_proto};
use openssl::x509::X509;
use pingora::protocols::IO;
use pingora::protocols::tls::{SslStream, server};

use super::Protocols;

#[derive(Clone)]
pub struct Tls {
    acceptor: SslAcceptor,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(#[from] ErrorStack),
}

impl Tls {
    /// Reads a PEM chain, the server's own certificate first, and the PEM key to it.
    pub fn from_pem(chain: &[u8], key: &[u8], protocols: Protocols) -> Result<Self, TlsError> {
        let mut certificates = X509::stack_from_pem(chain)?.into_iter();
        let own = certificates.next().ok_or(TlsError::NoCertificate)?;
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        acceptor.set_certificate(&own)?;
        for issuer in certificates {
            acceptor.add_extra_chain_cert(issuer)?;
        }
        let key = PKey::private_key_from_pem(key)?;
        acceptor.set_private_key(&key)?;
        acceptor.check_private_key()?;
        acceptor.set_alpn_select_callback(move |_, offered| {
            // A peer that offers only others is told so now, not by an answer it cannot read.
            select_next_proto(protocols.alpn(), offered).ok_or(AlpnError::ALERT_FATAL)
        });
        Ok(Self {
            acceptor: acceptor.build(),
        })
    }

    /// The handshake; its time is the caller's to bound.
    pub(super) async fn accept<S: IO>(&self, stream: S) -> pingora::Result<SslStream<S>> {
        server::handshake(&self.acceptor, stream).await
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
