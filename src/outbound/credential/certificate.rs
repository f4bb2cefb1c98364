//! A certificate: every token request carries a fresh signed assertion.

use crate::entra::{Algorithm, CertificateKey};

/// `certificate:` of the file, its material read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateCredential {
    /// Key and certificate.
    pub key: CertificateKey,
    /// `assertion: PS256 | RS256`.
    pub algorithm: Algorithm,
    /// `x5c: true`: the chain goes into the header.
    pub with_chain: bool,
}
