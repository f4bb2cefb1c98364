//! Which certificates do the fakes use? A fresh authority whose PEM clients are told to trust, a server
//! certificate for loopback, and self-signed pairs as applications register them in Entra.

use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameRef};

use crate::clock::UnixTime;

const DAY: Duration = Duration::from_secs(86_400);
/// How long what is made here is valid; it dies with the process.
const LIFE: Duration = Duration::from_secs(30 * 86_400);

/// A private key, its certificate, and the certificates above that.
#[derive(Clone)]
pub struct KeyPair {
    key: PKey<Private>,
    certificate: X509,
    above: Option<X509>,
}

impl KeyPair {
    /// RSA of 2048 bits, self-signed, as applications register them; valid from yesterday for a month.
    pub fn generate(common_name: &str) -> Result<Self, ErrorStack> {
        Self::generate_until(common_name, UnixTime::now().plus(LIFE))
    }

    pub fn generate_expired(common_name: &str, now: UnixTime) -> Result<Self, ErrorStack> {
        Self::generate_until(common_name, now.minus(Duration::from_secs(3600)))
    }

    pub fn generate_until(common_name: &str, not_after: UnixTime) -> Result<Self, ErrorStack> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let name = name(common_name)?;
        let mut builder = begin(&name, &name, &key)?;
        builder.set_not_after(&*asn1(not_after)?)?;
        Self::signed(builder, [], key, None)
    }

    /// Signed by itself, or by an authority.
    fn signed<const MANY: usize>(
        mut builder: X509Builder,
        extensions: [X509Extension; MANY],
        key: PKey<Private>,
        authority: Option<&Self>,
    ) -> Result<Self, ErrorStack> {
        for extension in extensions {
            builder.append_extension(extension)?;
        }
        let signer = authority.map_or(&key, |authority| &authority.key);
        builder.sign(signer, MessageDigest::sha256())?;
        Ok(Self {
            certificate: builder.build(),
            above: authority.map(|authority| authority.certificate.clone()),
            key,
        })
    }

    pub fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    pub fn certificate(&self) -> &X509 {
        &self.certificate
    }

    /// Unencrypted PKCS#8.
    pub fn key_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.key.private_key_to_pem_pkcs8()
    }

    pub fn certificate_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.certificate.to_pem()
    }

    /// Leaf first.
    pub fn chain(&self) -> impl Iterator<Item = &X509> {
        [&self.certificate].into_iter().chain(&self.above)
    }

    pub fn pkcs12(&self, passphrase: &str) -> Result<Vec<u8>, ErrorStack> {
        Pkcs12::builder()
            .name("bearergate dev")
            .pkey(&self.key)
            .cert(&self.certificate)
            .build2(passphrase)?
            .to_der()
    }
}

#[derive(Clone)]
pub struct CertificateAuthority(KeyPair);

impl CertificateAuthority {
    pub fn generate() -> Result<Self, ErrorStack> {
        let key = elliptic_key()?;
        let name = name("bearergate dev CA (trust nowhere else)")?;
        let builder = begin(&name, &name, &key)?;
        let extensions = [
            BasicConstraints::new().critical().ca().pathlen(0).build()?,
            KeyUsage::new()
                .critical()
                .key_cert_sign()
                .crl_sign()
                .build()?,
            SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?,
        ];
        Ok(Self(KeyPair::signed(builder, extensions, key, None)?))
    }

    pub fn certificate_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.0.certificate_pem()
    }

    /// A server certificate for `127.0.0.1`, `::1` and `localhost`.
    pub fn issue_for_loopback(&self) -> Result<KeyPair, ErrorStack> {
        let Self(ours) = self;
        let key = elliptic_key()?;
        let issuer = ours.certificate.subject_name();
        let builder = begin(&*name("localhost")?, issuer, &key)?;
        let context = builder.x509v3_context(Some(&ours.certificate), None);
        let extensions = [
            BasicConstraints::new().critical().build()?,
            KeyUsage::new().critical().digital_signature().build()?,
            ExtendedKeyUsage::new().server_auth().build()?,
            SubjectKeyIdentifier::new().build(&context)?,
            AuthorityKeyIdentifier::new().keyid(true).build(&context)?,
            SubjectAlternativeName::new()
                .ip("127.0.0.1")
                .ip("::1")
                .dns("localhost")
                .build(&context)?,
        ];
        KeyPair::signed(builder, extensions, key, Some(ours))
    }
}

fn elliptic_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

pub(super) fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

/// Version 3, with a random serial number, valid from yesterday for a month, not signed yet.
pub(super) fn begin<T: HasPublic>(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKeyRef<T>,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let now = UnixTime::now();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*asn1(now.minus(DAY))?)?;
    builder.set_not_after(&*asn1(now.plus(LIFE))?)?;
    Ok(builder)
}

pub(super) fn asn1(time: UnixTime) -> Result<Asn1Time, ErrorStack> {
    Asn1Time::from_unix(i64::try_from(time.seconds()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
