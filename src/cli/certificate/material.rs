//! A new RSA key and its self-signed certificate, in every form that Entra or the gateway takes.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Name};
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::entra::CertificateKey;
use crate::secret::Secret;

/// The longest common name (`ub-common-name`, RFC 5280 appendix A).
const LONGEST_NAME: usize = 64;

/// How far a certificate begins in the past, for clocks behind this one.
const HEAD_START: Duration = Duration::from_secs(300);

/// Rounds that turn the passphrase into a key.
const ROUNDS: u32 = 100_000;

pub(super) struct Material {
    key: PKey<Private>,
    pub(super) certificate: X509,
    pub(super) passphrase: Secret<String>,
    /// Key and certificate, PKCS#12.
    pub(super) sealed: Zeroizing<Vec<u8>>,
    pub(super) read_back: CertificateKey,
}

impl Material {
    /// Makes it. The PKCS#12 form is read back at once, so that what is handed out does work.
    pub(super) fn new(
        name: &CommonName,
        bits: u32,
        days: u32,
        passphrase: Secret<String>,
        now: UnixTime,
    ) -> anyhow::Result<Self> {
        let key = PKey::from_rsa(Rsa::generate(bits)?)?;
        let certificate = self_signed(name, &key, days, now)?;
        let sealed = seal(name, &key, &certificate, &passphrase)?;
        let read_back = CertificateKey::from_pkcs12(&sealed, Some(&passphrase))
            .context("the new PKCS#12 file cannot be read back")?;
        Ok(Self {
            key,
            certificate,
            passphrase,
            sealed,
            read_back,
        })
    }

    /// The key, encrypted PKCS#8 in PEM.
    pub(super) fn key_pem(&self) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let word = self.passphrase.expose().as_bytes();
        let pem = self
            .key
            .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), word)?;
        Ok(Zeroizing::new(pem))
    }

    /// `keyCredentials` as an app registration's manifest has it.
    pub(super) fn manifest(&self) -> anyhow::Result<Value> {
        let thumbprint = self.certificate.digest(MessageDigest::sha1())?;
        Ok(json!({
            "keyCredentials": [{
                "customKeyIdentifier": STANDARD.encode(thumbprint),
                "keyId": Uuid::new_v4().hyphenated().to_string(),
                "type": "AsymmetricX509Cert",
                "usage": "Verify",
                "value": STANDARD.encode(self.certificate.to_der()?),
            }]
        }))
    }

    /// The SHA-1 thumbprint in hex, as the portal shows it.
    pub(super) fn thumbprint_hex(&self) -> anyhow::Result<String> {
        let thumbprint = self.certificate.digest(MessageDigest::sha1())?;
        let pairs = thumbprint.iter().map(|byte| format!("{byte:02X}"));
        Ok(pairs.collect())
    }
}

/// A certificate's common name; also what its files are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommonName(String);

impl CommonName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a file name and as a key in YAML: other signs than letters, digits, `.`, `_`
    /// and `-` become `-`.
    pub(super) fn stem(&self) -> String {
        let odd = |sign: char| !sign.is_ascii_alphanumeric() && !"._-".contains(sign);
        self.0.replace(odd, "-").trim_matches(['.', '-']).to_owned()
    }
}

impl FromStr for CommonName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let name = text.trim();
        let name = name.strip_prefix("CN=").unwrap_or(name).trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err("a common name has 1 to 64 characters");
        }
        if name.chars().any(char::is_control) {
            return Err("a common name has no control characters");
        }
        let name = Self(name.to_owned());
        if name.stem().is_empty() {
            return Err("a common name needs a letter or digit that a file name can have");
        }
        Ok(name)
    }
}

/// A passphrase nobody has to remember: 256 random bits.
pub(super) fn random_passphrase() -> anyhow::Result<Secret<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    openssl::rand::rand_bytes(&mut *bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

fn self_signed(
    name: &CommonName,
    key: &PKey<Private>,
    days: u32,
    now: UnixTime,
) -> anyhow::Result<X509> {
    let mut subject = X509Name::builder()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, name.as_str())?;
    let subject = subject.build();
    let mut serial = BigNum::new()?;
    // RFC 5280 §4.1.2.2: positive, at most 20 octets.
    serial.rand(159, MsbOption::ONE, false)?;
    let serial = serial.to_asn1_integer()?;
    let life = Duration::from_secs(u64::from(days) * 24 * 60 * 60);

    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(&subject)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*asn1_time(now.minus(HEAD_START))?)?;
    builder.set_not_after(&*asn1_time(now.plus(life))?)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn asn1_time(time: UnixTime) -> anyhow::Result<Asn1Time> {
    Ok(Asn1Time::from_unix(i64::try_from(time.seconds())?)?)
}

fn seal(
    name: &CommonName,
    key: &PKey<Private>,
    certificate: &X509,
    passphrase: &Secret<String>,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    // The `openssl` crate panics on a NUL.
    anyhow::ensure!(
        !passphrase.expose().contains('\0'),
        "the passphrase holds a NUL character"
    );
    let sealed: Result<Vec<u8>, ErrorStack> = Pkcs12::builder()
        .name(name.as_str())
        .pkey(key)
        .cert(certificate)
        .key_algorithm(Nid::AES_256_CBC)
        .cert_algorithm(Nid::AES_256_CBC)
        .mac_md(MessageDigest::sha256())
        .key_iter(ROUNDS)
        .mac_iter(ROUNDS)
        .build2(passphrase.expose())
        .and_then(|sealed| sealed.to_der());
    Ok(Zeroizing::new(sealed?))
}
