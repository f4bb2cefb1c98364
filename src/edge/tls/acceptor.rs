//! TLS as a listener speaks it: versions and ciphers, certificates by name, whose certificates are
//! accepted, protocols, and keys of session tickets that do not grow old.

use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, NameType, SniError, Ssl, SslAcceptor, SslAcceptorBuilder, SslContext, SslMethod,
    SslMode, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion, select_next_proto,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use parking_lot::Mutex;

use super::definition::{ClientCertificates, TlsDefinition, TlsVersion};
use super::names::{ByName, server_names};
use crate::certified_key::CertifiedKey;
use crate::clock::UnixTime;
use crate::edge::Protocols;

/// How long the keys that seal session tickets are used: what was sealed is as safe as they are, and
/// whoever resumes is not asked for a certificate again.
const TICKET_KEYS: Duration = Duration::from_secs(60 * 60);
/// What tells sessions of this server from others; resumption with client certificates wants it.
const SESSIONS: &[u8] = b"bearergate";

/// One listener's.
pub struct Tls {
    definition: TlsDefinition,
    protocols: Protocols,
    current: ArcSwap<Contexts>,
    making: Mutex<()>,
}

/// What connections are made of, with ticket keys of their own.
struct Contexts {
    /// Of the first certificate, with the way to the others.
    first: SslContext,
    made: Instant,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("there is none")]
    NoCertificate,
    #[error("{}", reason(.0))]
    Unusable(#[from] ErrorStack),
}

/// What OpenSSL says, without its file names and numbers.
fn reason(errors: &ErrorStack) -> String {
    let mut reasons = errors.errors().iter().filter_map(|error| error.reason());
    let last = reasons.next_back();
    let said = match last.unwrap_or("OpenSSL does not say why") {
        "ee key too small" => "its key is too short; RSA of 2048 bits is the least",
        "ca key too small" => "the key of a certificate above it is too short",
        "ee md too weak" | "ca md too weak" => "it is signed with a hash that is broken",
        other => other,
    };
    said.to_owned()
}

impl Tls {
    pub fn new(definition: &TlsDefinition, protocols: Protocols) -> Result<Self, TlsError> {
        let contexts = Contexts::new(definition, protocols)?;
        Ok(Self {
            definition: definition.clone(),
            protocols,
            current: ArcSwap::from_pointee(contexts),
            making: Mutex::default(),
        })
    }

    /// Whether callers have to prove the same.
    pub(in crate::edge) fn asks_the_same(&self, other: &Self) -> bool {
        let asked = |tls: &Self| (tls.definition.clients.clone(), tls.definition.minimum);
        asked(self) == asked(other)
    }

    /// Whether it would be made the same of these.
    pub fn is_defined_by(&self, definition: &TlsDefinition, protocols: Protocols) -> bool {
        self.definition == *definition && self.protocols == protocols
    }

    /// When the first of its certificates to end does.
    pub(in crate::edge) fn ends_at(&self) -> Option<UnixTime> {
        let certificates = self.definition.certificates.iter();
        certificates.map(CertifiedKey::not_after).min()
    }

    /// Of one connection.
    pub(super) fn connection(&self) -> Result<Ssl, ErrorStack> {
        let current = self.current.load();
        if current.made.elapsed() >= TICKET_KEYS {
            self.renew(TICKET_KEYS);
            return Ssl::new(&self.current.load().first);
        }
        Ssl::new(&current.first)
    }

    /// Makes keys of tickets anew where they are so old. Tickets of before are worth nothing then:
    /// their holders shake hands in full.
    fn renew(&self, age: Duration) {
        let Some(_only) = self.making.try_lock() else {
            return;
        };
        if self.current.load().made.elapsed() < age {
            return;
        }
        match Contexts::new(&self.definition, self.protocols) {
            Ok(contexts) => self.current.store(contexts.into()),
            // INVARIANT: it was made of the same before.
            Err(why) => tracing::error!(%why, "TLS cannot be made anew"),
        }
    }
}

impl Contexts {
    fn new(definition: &TlsDefinition, protocols: Protocols) -> Result<Self, TlsError> {
        let mut certificates = definition.certificates.iter();
        let first = certificates.next().ok_or(TlsError::NoCertificate)?;
        let builder = |certificate| acceptor(definition, protocols, certificate);
        let mut acceptor = builder(first)?;
        let others = certificates.map(|certificate| {
            let context = builder(certificate)?.build().into_context();
            Ok((server_names(certificate), context))
        });
        let others = others.collect::<Result<Vec<_>, TlsError>>()?;
        if !others.is_empty() {
            // The first has its own names before the others' wildcards.
            let own = builder(first)?.build().into_context();
            let by_name = ByName::new([(server_names(first), own)].into_iter().chain(others));
            acceptor.set_servername_callback(move |ssl, _| {
                let asked = ssl.servername(NameType::HOST_NAME);
                let Some(context) = asked.and_then(|asked| by_name.find(asked)) else {
                    return Err(SniError::NOACK);
                };
                ssl.set_ssl_context(context)
                    .map_err(|_| SniError::ALERT_FATAL)
            });
        }
        Ok(Self {
            first: acceptor.build().into_context(),
            made: Instant::now(),
        })
    }
}

fn acceptor(
    definition: &TlsDefinition,
    protocols: Protocols,
    certificate: &CertifiedKey,
) -> Result<SslAcceptorBuilder, TlsError> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_min_proto_version(Some(match definition.minimum {
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }))?;
    acceptor.set_options(SslOptions::NO_RENEGOTIATION);
    // Whoever resumes brings a ticket: sessions that are kept here would be kept for anybody.
    acceptor.set_session_cache_mode(SslSessionCacheMode::OFF);
    acceptor.set_session_id_context(SESSIONS)?;
    acceptor.set_mode(SslMode::RELEASE_BUFFERS | SslMode::NO_AUTO_CHAIN);
    acceptor.set_alpn_select_callback(move |_, offered| {
        // A peer that offers only others is told so now, not by an answer it cannot read.
        select_next_proto(protocols.alpn(), offered).ok_or(AlpnError::ALERT_FATAL)
    });
    let mut chain = certificate.chain().iter();
    acceptor.set_certificate(chain.next().ok_or(TlsError::NoCertificate)?)?;
    for issuer in chain {
        acceptor.add_extra_chain_cert(issuer.clone())?;
    }
    acceptor.set_private_key(certificate.key())?;
    acceptor.check_private_key()?;
    if let Some(clients) = &definition.clients {
        accept_clients(&mut acceptor, clients)?;
    }
    Ok(acceptor)
}

/// Asks for certificates, and says whose are accepted.
fn accept_clients(
    acceptor: &mut SslAcceptorBuilder,
    clients: &ClientCertificates,
) -> Result<(), TlsError> {
    let mut store = X509StoreBuilder::new()?;
    // Whom the file names is trusted, be it an intermediate.
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    for authority in X509::stack_from_pem(&clients.ca_pem)? {
        acceptor.add_client_ca(&authority)?;
        store.add_cert(authority)?;
    }
    acceptor.set_verify_cert_store(store.build())?;
    let mut mode = SslVerifyMode::PEER;
    if clients.required {
        mode |= SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    }
    acceptor.set_verify(mode);
    Ok(())
}

#[cfg(test)]
#[path = "acceptor_tests.rs"]
mod tests;
