//! What does the file say of TLS? Everything is read: a certificate that was replaced is another
//! definition.

use std::sync::Arc;

use crate::certified_key::CertifiedKey;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsDefinition {
    /// The first is shown to whoever asks by no name, or by one that none of them has.
    pub certificates: Vec<CertifiedKey>,
    /// `None`: no certificate is asked for.
    pub clients: Option<ClientCertificates>,
    pub minimum: TlsVersion,
}

/// The certificates that callers show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// PEM of those that may have signed them.
    pub ca_pem: Arc<Vec<u8>>,
    /// Who shows none gets no connection. One that is shown must be good either way.
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}
