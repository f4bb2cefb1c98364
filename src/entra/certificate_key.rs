//! Is this key and certificate one an application can prove itself with? Reads PEM (PKCS#8, PKCS#1,
//! encrypted PKCS#8) and PKCS#12, of today or of old Windows, and puts the chain in order.
//! No passphrase is ever asked for on the terminal.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::pkcs12::{ParsedPkcs12_2, Pkcs12};
use openssl::pkey::{Id, PKey, Private};
use openssl::provider::Provider;
use openssl::sha::{sha1, sha256};
use openssl::x509::{X509, X509VerifyResult};

use crate::clock::UnixTime;
use crate::secret::Secret;

const LEAST_BITS: u32 = 2048;

/// Certificates looked at in one file; a chain has a handful.
const MOST_CERTIFICATES: usize = 32;

/// An RSA key with its certificate, ready to sign.
#[derive(Clone)]
pub struct CertificateKey {
    pub(super) key: PKey<Private>,
    /// The certificate and its chain, DER, leaf first.
    pub(super) chain: Vec<Vec<u8>>,
    thumbprint_sha1: String,
    thumbprint_sha256: String,
    not_after: UnixTime,
}

impl CertificateKey {
    /// From PEM: an RSA key (PKCS#8, PKCS#1 or encrypted PKCS#8) and its certificate, in one or two files.
    pub fn from_pem(
        certificate: &[u8],
        key: &[u8],
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, CertificateKeyError> {
        let certificates = X509::stack_from_pem(certificate).map_err(|_| {
            CertificateKeyError::Unreadable("a certificate in it is damaged; PEM is expected")
        })?;
        Self::of(private_key(key, passphrase)?, certificates)
    }

    /// From PKCS#12, with today's ciphers or the old ones of Windows.
    pub fn from_pkcs12(
        bytes: &[u8],
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, CertificateKeyError> {
        let sealed = Pkcs12::from_der(bytes)
            .map_err(|_| CertificateKeyError::Unreadable("it is no PKCS#12 (PFX) file"))?;
        let opened = open(&sealed, passphrase)?;
        let key = opened
            .pkey
            .ok_or(CertificateKeyError::Unreadable("it holds no private key"))?;
        let mut certificates: Vec<X509> = opened.cert.into_iter().collect();
        certificates.extend(opened.ca.into_iter().flatten());
        Self::of(key, certificates)
    }

    /// `x5t`: base64url of the certificate's SHA-1.
    pub fn thumbprint_sha1(&self) -> &str {
        &self.thumbprint_sha1
    }

    /// `x5t#S256`: base64url of the certificate's SHA-256.
    pub fn thumbprint_sha256(&self) -> &str {
        &self.thumbprint_sha256
    }

    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    fn of(key: PKey<Private>, certificates: Vec<X509>) -> Result<Self, CertificateKeyError> {
        suitable(&key)?;
        if certificates.is_empty() {
            return Err(CertificateKeyError::Unreadable("it holds no certificate"));
        }
        if certificates.len() > MOST_CERTIFICATES {
            return Err(CertificateKeyError::Unreadable(
                "it holds more certificates than any chain has",
            ));
        }
        let (leaf, issuers) = leaf_first(&key, certificates)?;
        let mut chain = vec![leaf.to_der().map_err(damaged)?];
        for issuer in issuers {
            chain.push(issuer.to_der().map_err(damaged)?);
        }
        Ok(Self {
            thumbprint_sha1: URL_SAFE_NO_PAD.encode(sha1(&chain[0])),
            thumbprint_sha256: URL_SAFE_NO_PAD.encode(sha256(&chain[0])),
            not_after: unix_time(leaf.not_after())?,
            chain,
            key,
        })
    }
}

impl PartialEq for CertificateKey {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.key.public_eq(&other.key)
    }
}

impl Eq for CertificateKey {}

impl std::fmt::Debug for CertificateKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CertificateKey")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateKeyError {
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    #[error("it is encrypted; give `passphrase`")]
    PassphraseMissing,
    #[error("{0}")]
    Unreadable(&'static str),
    #[error("Entra takes RSA keys of at least 2048 bits; this is {0}")]
    UnsuitableKey(String),
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    #[error("signing failed: {0}")]
    Signing(#[from] ErrorStack),
}

fn private_key(
    pem: &[u8],
    passphrase: Option<&Secret<String>>,
) -> Result<PKey<Private>, CertificateKeyError> {
    let encrypted = contains(pem, b"ENCRYPTED");
    let word = passphrase.map_or("", |secret| secret.expose().as_str());
    if encrypted && word.is_empty() {
        return Err(CertificateKeyError::PassphraseMissing);
    }
    without_nul(word)?;
    // SECURITY: given a word, even an empty one, OpenSSL does not ask on the terminal.
    let read = || PKey::private_key_from_pem_passphrase(pem, word.as_bytes());
    with_old_ciphers(read).map_err(|_| {
        if encrypted {
            CertificateKeyError::WrongPassphrase
        } else if contains(pem, b"PRIVATE KEY-----") {
            CertificateKeyError::Unreadable("the private key in it is damaged")
        } else {
            CertificateKeyError::Unreadable("it holds no private key in PEM")
        }
    })
}

fn open(
    sealed: &Pkcs12,
    passphrase: Option<&Secret<String>>,
) -> Result<ParsedPkcs12_2, CertificateKeyError> {
    let word = passphrase.map_or("", |secret| secret.expose().as_str());
    without_nul(word)?;
    with_old_ciphers(|| sealed.parse2(word)).map_err(|errors| {
        let is = |reason| errors.errors().iter().any(|e| e.reason() == Some(reason));
        let closed =
            is("mac verify failure") || is("bad decrypt") || is("pkcs12 cipherfinal error");
        match (closed, word.is_empty()) {
            (true, true) => CertificateKeyError::PassphraseMissing,
            (true, false) => CertificateKeyError::WrongPassphrase,
            (false, _) => CertificateKeyError::Unreadable(
                "it is damaged, or encrypted with a cipher that OpenSSL does not know",
            ),
        }
    })
}

/// The `openssl` crate panics on a passphrase with a NUL; no file can have been made with one.
fn without_nul(word: &str) -> Result<(), CertificateKeyError> {
    if word.contains('\0') {
        return Err(CertificateKeyError::WrongPassphrase);
    }
    Ok(())
}

/// Reads; once more with OpenSSL's legacy provider where a cipher was missing (RC2-40 in PKCS#12
/// files of old Windows, single DES). It is loaded for the process, but only when it is needed.
fn with_old_ciphers<T>(read: impl Fn() -> Result<T, ErrorStack>) -> Result<T, ErrorStack> {
    static LEGACY: OnceLock<Option<Provider>> = OnceLock::new();

    let outcome = read().or_else(|errors| {
        let missing = errors.errors().iter().any(|error| {
            let reason = error.reason().unwrap_or_default();
            error.library() == Some("digital envelope routines")
                && reason.starts_with("unsupported")
        });
        let loaded = || LEGACY.get_or_init(|| Provider::try_load(None, "legacy", true).ok());
        if missing && loaded().is_some() {
            read()
        } else {
            Err(errors)
        }
    });
    // A reader that succeeds may leave errors of its attempts in the thread's queue, where the next
    // TLS connection would find them.
    drop(ErrorStack::get());
    outcome
}

fn suitable(key: &PKey<Private>) -> Result<(), CertificateKeyError> {
    let what = match key.id() {
        Id::RSA if key.bits() >= LEAST_BITS => {
            return match key.rsa().and_then(|rsa| rsa.check_key()) {
                Ok(true) => Ok(()),
                _ => Err(CertificateKeyError::Unreadable(
                    "the private key in it is inconsistent",
                )),
            };
        }
        Id::RSA => &format!("RSA of {} bits", key.bits()),
        Id::RSA_PSS => "an RSA key restricted to PSS",
        Id::EC => "an EC key",
        Id::ED25519 | Id::ED448 => "an EdDSA key",
        _ => "another kind of key",
    };
    Err(CertificateKeyError::UnsuitableKey(what.to_owned()))
}

/// The key's certificate, and apart from it each one's issuer in turn; what belongs to neither is
/// left out.
fn leaf_first(
    key: &PKey<Private>,
    mut certificates: Vec<X509>,
) -> Result<(X509, Vec<X509>), CertificateKeyError> {
    let ours = |one: &X509| one.public_key().is_ok_and(|public| public.public_eq(key));
    // Of several certificates for one key (a renewal appended to the file) the last to end is meant.
    let mut leaf: Option<usize> = None;
    for (index, one) in certificates.iter().enumerate() {
        let later = |than: usize| one.not_after() > certificates[than].not_after();
        if ours(one) && leaf.is_none_or(later) {
            leaf = Some(index);
        }
    }
    let leaf = certificates.swap_remove(leaf.ok_or(CertificateKeyError::Mismatch)?);
    certificates.retain(|one| !ours(one));
    let mut issuers: Vec<X509> = Vec::new();
    loop {
        let last = issuers.last().unwrap_or(&leaf);
        let next = certificates
            .iter()
            .position(|one| one.issued(last) == X509VerifyResult::OK);
        match next {
            Some(index) => issuers.push(certificates.swap_remove(index)),
            None => return Ok((leaf, issuers)),
        }
    }
}

fn unix_time(time: &Asn1TimeRef) -> Result<UnixTime, CertificateKeyError> {
    let since = Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .map_err(damaged)?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Ok(UnixTime::from_seconds(u64::try_from(seconds).unwrap_or(0)))
}

fn damaged(_: ErrorStack) -> CertificateKeyError {
    CertificateKeyError::Unreadable("the certificate in it is damaged")
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
#[path = "certificate_key_tests.rs"]
mod tests;
