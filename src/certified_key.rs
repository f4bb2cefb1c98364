//! Which key is whose? A certificate with its private key, out of PEM (PKCS#8, PKCS#1, encrypted PKCS#8)
//! or PKCS#12, of today or of old Windows, with its chain in order. No passphrase is ever asked for on
//! the terminal.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkcs12::{ParsedPkcs12_2, Pkcs12};
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::provider::Provider;
use openssl::x509::{X509, X509VerifyResult};

use crate::clock::UnixTime;
use crate::secret::Secret;

/// Certificates looked at in one file; a chain has a handful.
const MOST_CERTIFICATES: usize = 32;

/// A private key with the certificate to it.
#[derive(Clone)]
pub struct CertifiedKey {
    key: PKey<Private>,
    /// The key's certificate, then each one's issuer in turn.
    chain: Vec<X509>,
    /// The same in DER, by which two are told apart.
    written: Vec<Vec<u8>>,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl CertifiedKey {
    /// From PEM: a key and its certificate, in one or two files.
    pub fn from_pem(
        certificate: &[u8],
        key: &[u8],
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, CertifiedKeyError> {
        let certificates = X509::stack_from_pem(certificate).map_err(|_| {
            CertifiedKeyError::Unreadable("a certificate in it is damaged; PEM is expected")
        })?;
        Self::of(private_key(key, passphrase)?, certificates)
    }

    /// From PKCS#12, with today's ciphers or the old ones of Windows.
    pub fn from_pkcs12(
        bytes: &[u8],
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, CertifiedKeyError> {
        let sealed = Pkcs12::from_der(bytes)
            .map_err(|_| CertifiedKeyError::Unreadable("it is no PKCS#12 (PFX) file"))?;
        let opened = open(&sealed, passphrase)?;
        let key = opened
            .pkey
            .ok_or(CertifiedKeyError::Unreadable("it holds no private key"))?;
        let mut certificates: Vec<X509> = opened.cert.into_iter().collect();
        certificates.extend(opened.ca.into_iter().flatten());
        Self::of(key, certificates)
    }

    pub fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    /// The key's certificate, then each one's issuer in turn, as far as they are there.
    pub fn chain(&self) -> &[X509] {
        &self.chain
    }

    /// The same in DER.
    pub fn written(&self) -> &[Vec<u8>] {
        &self.written
    }

    /// The common name of its subject, for people.
    pub fn common_name(&self) -> Option<String> {
        let subject = self.chain.first()?.subject_name();
        let name = subject.entries_by_nid(Nid::COMMONNAME).next()?;
        name.data().to_string().ok()
    }

    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    fn of(key: PKey<Private>, certificates: Vec<X509>) -> Result<Self, CertifiedKeyError> {
        if certificates.is_empty() {
            return Err(CertifiedKeyError::Unreadable("it holds no certificate"));
        }
        if certificates.len() > MOST_CERTIFICATES {
            return Err(CertifiedKeyError::Unreadable(
                "it holds more certificates than any chain has",
            ));
        }
        if key.id() == Id::RSA && !key.rsa().and_then(|rsa| rsa.check_key()).unwrap_or(false) {
            return Err(CertifiedKeyError::Unreadable(
                "the private key in it is inconsistent",
            ));
        }
        let (leaf, issuers) = leaf_first(&key, certificates)?;
        let (not_before, not_after) = (unix_time(leaf.not_before())?, unix_time(leaf.not_after())?);
        let chain: Vec<_> = [leaf].into_iter().chain(issuers).collect();
        let written = chain.iter().map(|one| one.to_der().map_err(damaged));
        Ok(Self {
            written: written.collect::<Result<_, _>>()?,
            chain,
            key,
            not_before,
            not_after,
        })
    }
}

impl PartialEq for CertifiedKey {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written && self.key.public_eq(&other.key)
    }
}

impl Eq for CertifiedKey {}

impl Hash for CertifiedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

impl std::fmt::Debug for CertifiedKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CertifiedKey")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertifiedKeyError {
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    #[error("it is encrypted; give `passphrase`")]
    PassphraseMissing,
    #[error("{0}")]
    Unreadable(&'static str),
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

/// A key alone, from PEM.
pub fn private_key(
    pem: &[u8],
    passphrase: Option<&Secret<String>>,
) -> Result<PKey<Private>, CertifiedKeyError> {
    let encrypted = contains(pem, b"ENCRYPTED");
    let word = passphrase.map_or("", |secret| secret.expose().as_str());
    if encrypted && word.is_empty() {
        return Err(CertifiedKeyError::PassphraseMissing);
    }
    without_nul(word)?;
    // SECURITY: given a word, even an empty one, OpenSSL does not ask on the terminal.
    let read = || PKey::private_key_from_pem_passphrase(pem, word.as_bytes());
    with_old_ciphers(read).map_err(|_| {
        if encrypted {
            CertifiedKeyError::WrongPassphrase
        } else if contains(pem, b"PRIVATE KEY-----") {
            CertifiedKeyError::Unreadable("the private key in it is damaged")
        } else {
            CertifiedKeyError::Unreadable("it holds no private key in PEM")
        }
    })
}

fn open(
    sealed: &Pkcs12,
    passphrase: Option<&Secret<String>>,
) -> Result<ParsedPkcs12_2, CertifiedKeyError> {
    let word = passphrase.map_or("", |secret| secret.expose().as_str());
    without_nul(word)?;
    with_old_ciphers(|| sealed.parse2(word)).map_err(|errors| {
        let is = |reason| errors.errors().iter().any(|e| e.reason() == Some(reason));
        let closed =
            is("mac verify failure") || is("bad decrypt") || is("pkcs12 cipherfinal error");
        match (closed, word.is_empty()) {
            (true, true) => CertifiedKeyError::PassphraseMissing,
            (true, false) => CertifiedKeyError::WrongPassphrase,
            (false, _) => CertifiedKeyError::Unreadable(
                "it is damaged, or encrypted with a cipher that OpenSSL does not know",
            ),
        }
    })
}

/// The `openssl` crate panics on a passphrase with a NUL; no file can have been made with one.
fn without_nul(word: &str) -> Result<(), CertifiedKeyError> {
    if word.contains('\0') {
        return Err(CertifiedKeyError::WrongPassphrase);
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

/// The key's certificate, and apart from it each one's issuer in turn; what belongs to neither is
/// left out.
fn leaf_first(
    key: &PKey<Private>,
    mut certificates: Vec<X509>,
) -> Result<(X509, Vec<X509>), CertifiedKeyError> {
    let ours = |one: &X509| one.public_key().is_ok_and(|public| public.public_eq(key));
    // Of several certificates for one key (a renewal appended to the file) the last to end is meant.
    let mut leaf: Option<usize> = None;
    for (index, one) in certificates.iter().enumerate() {
        let later = |than: usize| one.not_after() > certificates[than].not_after();
        if ours(one) && leaf.is_none_or(later) {
            leaf = Some(index);
        }
    }
    let leaf = certificates.swap_remove(leaf.ok_or(CertifiedKeyError::Mismatch)?);
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

pub fn unix_time(time: &Asn1TimeRef) -> Result<UnixTime, CertifiedKeyError> {
    let since = Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .map_err(damaged)?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Ok(UnixTime::from_seconds(u64::try_from(seconds).unwrap_or(0)))
}

fn damaged(_: ErrorStack) -> CertifiedKeyError {
    CertifiedKeyError::Unreadable("the certificate in it is damaged")
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
