//! Which certificate is an application known by? What Entra, and an assertion's header, need of one: never its
//! key. Entra takes RSA only.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Public};
use openssl::rsa::Padding;
use openssl::sha::{sha1, sha256};
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;

use super::CertificateKeyError;
use super::assertion::Algorithm;
use crate::certified_key::{CertifiedKeyError, unix_time};
use crate::clock::UnixTime;

const LEAST_BITS: u32 = 2048;

/// Certificates looked at in one file; a chain has a handful.
const MOST_CERTIFICATES: usize = 32;

#[derive(Clone)]
pub struct Certificate {
    /// DER, leaf first.
    written: Vec<Vec<u8>>,
    public: PKey<Public>,
    thumbprint_sha1: String,
    thumbprint_sha256: String,
    not_after: UnixTime,
}

impl Certificate {
    /// From PEM, for a key that is elsewhere: the certificate stands first, its chain behind it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateKeyError> {
        let unreadable = |why| CertificateKeyError::Pair(CertifiedKeyError::Unreadable(why));
        let damaged = |_| unreadable("a certificate in it is damaged; PEM is expected");
        let chain = X509::stack_from_pem(pem).map_err(damaged)?;
        if chain.len() > MOST_CERTIFICATES {
            return Err(unreadable("it holds more certificates than any chain has"));
        }
        let leaf = chain.first();
        let leaf = leaf.ok_or_else(|| unreadable("it holds no certificate"))?;
        let key = leaf.public_key().map_err(damaged)?;
        let not_after = unix_time(leaf.not_after())?;
        let written = chain.iter().map(|one| one.to_der());
        let written: Result<_, _> = written.collect();
        Self::of(written.map_err(damaged)?, &key, not_after)
    }

    pub(super) fn of(
        written: Vec<Vec<u8>>,
        key: &PKeyRef<impl HasPublic>,
        not_after: UnixTime,
    ) -> Result<Self, CertificateKeyError> {
        suitable(key)?;
        let own = written.first().map_or(&[][..], Vec::as_slice);
        Ok(Self {
            thumbprint_sha1: URL_SAFE_NO_PAD.encode(sha1(own)),
            thumbprint_sha256: URL_SAFE_NO_PAD.encode(sha256(own)),
            public: PKey::public_key_from_der(&key.public_key_to_der()?)?,
            not_after,
            written,
        })
    }

    /// `x5t`: base64url of the certificate's SHA-1.
    pub fn thumbprint_sha1(&self) -> &str {
        &self.thumbprint_sha1
    }

    /// `x5t#S256`: base64url of the certificate's SHA-256.
    pub fn thumbprint_sha256(&self) -> &str {
        &self.thumbprint_sha256
    }

    /// The SHA-1 as Entra's pages show it: hexadecimal, in capitals.
    pub fn thumbprint_hex(&self) -> String {
        let digest = sha1(self.der());
        digest.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The SHA-1 as a registration's manifest has it (`customKeyIdentifier`).
    pub fn thumbprint_base64(&self) -> String {
        STANDARD.encode(sha1(self.der()))
    }

    pub fn der(&self) -> &[u8] {
        self.written.first().map_or(&[], Vec::as_slice)
    }

    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The certificate and its chain, DER, leaf first.
    pub(super) fn chain(&self) -> &[Vec<u8>] {
        &self.written
    }

    /// Whether its key made this signature.
    pub(super) fn verifies(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
        let verified = || {
            let mut verifier = Verifier::new(MessageDigest::sha256(), &self.public)?;
            match algorithm {
                Algorithm::Ps256 => {
                    verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                    verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
                    verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                }
                Algorithm::Rs256 => verifier.set_rsa_padding(Padding::PKCS1)?,
            }
            verifier.verify_oneshot(signature, input)
        };
        let verified: Result<bool, openssl::error::ErrorStack> = verified();
        verified.unwrap_or(false)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Certificate")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn suitable(key: &PKeyRef<impl HasPublic>) -> Result<(), CertificateKeyError> {
    let what = match key.id() {
        Id::RSA if key.bits() >= LEAST_BITS => return Ok(()),
        Id::RSA => &format!("RSA of {} bits", key.bits()),
        Id::RSA_PSS => "an RSA key restricted to PSS",
        Id::EC => "an EC key",
        Id::ED25519 | Id::ED448 => "an EdDSA key",
        _ => "another kind of key",
    };
    Err(CertificateKeyError::UnsuitableKey(what.to_owned()))
}
