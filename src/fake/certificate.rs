//! Which certificates do the fakes use? A fresh authority whose PEM clients are told to trust, a server
//! certificate for loopback, and self-signed pairs as applications register them in Entra.

use std::fmt;
use std::time::Duration;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
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
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};

use crate::clock::UnixTime;

/// How long what is made here is valid; it dies with the process.
const DAYS: u32 = 30;

/// An RSA key of 2048 bits and a certificate that it signed itself, as applications register them.
#[derive(Clone)]
pub struct KeyPair {
    key: PKey<Private>,
    certificate: X509,
}

impl KeyPair {
    /// A fresh pair, valid from yesterday for a month.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn generate(common_name: &str) -> Result<Self, ErrorStack> {
        Self::generate_until(common_name, &*Asn1Time::days_from_now(DAYS)?)
    }

    /// A fresh pair whose certificate ended an hour ago.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn generate_expired(common_name: &str, now: UnixTime) -> Result<Self, ErrorStack> {
        let ended = i64::try_from(now.seconds()).unwrap_or(i64::MAX) - 3600;
        Self::generate_until(common_name, &*Asn1Time::from_unix(ended)?)
    }

    fn generate_until(common_name: &str, not_after: &Asn1TimeRef) -> Result<Self, ErrorStack> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let name = name(common_name)?;
        let mut builder = begin(&name, &name, &key)?;
        builder.set_not_after(not_after)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self {
            certificate: builder.build(),
            key,
        })
    }

    /// The private key.
    pub fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    /// The certificate.
    pub fn certificate(&self) -> &X509 {
        &self.certificate
    }

    /// The private key as unencrypted PKCS#8 PEM.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn key_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.key.private_key_to_pem_pkcs8()
    }

    /// The certificate as PEM.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.certificate.to_pem()
    }

    /// Both as PKCS#12.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn pkcs12(&self, passphrase: &str) -> Result<Vec<u8>, ErrorStack> {
        Pkcs12::builder()
            .name("bearergate dev")
            .pkey(&self.key)
            .cert(&self.certificate)
            .build2(passphrase)?
            .to_der()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeyPair").finish_non_exhaustive()
    }
}

/// An authority that exists as long as the process.
#[derive(Clone)]
pub struct CertificateAuthority {
    key: PKey<Private>,
    certificate: X509,
}

impl CertificateAuthority {
    /// A fresh one.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn generate() -> Result<Self, ErrorStack> {
        let key = elliptic_key()?;
        let name = name("bearergate dev CA (trust nowhere else)")?;
        let mut builder = begin(&name, &name, &key)?;
        let constraints = BasicConstraints::new().critical().ca().pathlen(0).build()?;
        builder.append_extension(constraints)?;
        let usage = KeyUsage::new()
            .critical()
            .key_cert_sign()
            .crl_sign()
            .build()?;
        builder.append_extension(usage)?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self {
            certificate: builder.build(),
            key,
        })
    }

    /// The certificate that clients must trust, as PEM.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.certificate.to_pem()
    }

    /// A server certificate for `127.0.0.1`, `::1` and `localhost`.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn issue_for_loopback(&self) -> Result<ServerCertificate, ErrorStack> {
        let key = elliptic_key()?;
        let subject = name("localhost")?;
        let mut builder = begin(&subject, self.certificate.subject_name(), &key)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        let extensions = {
            let context = builder.x509v3_context(Some(&self.certificate), None);
            [
                SubjectKeyIdentifier::new().build(&context)?,
                AuthorityKeyIdentifier::new().keyid(true).build(&context)?,
                SubjectAlternativeName::new()
                    .ip("127.0.0.1")
                    .ip("::1")
                    .dns("localhost")
                    .build(&context)?,
            ]
        };
        for extension in extensions {
            builder.append_extension(extension)?;
        }
        builder.sign(&self.key, MessageDigest::sha256())?;
        let mut chain_pem = builder.build().to_pem()?;
        chain_pem.extend(self.certificate.to_pem()?);
        Ok(ServerCertificate { chain_pem, key })
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CertificateAuthority")
            .finish_non_exhaustive()
    }
}

/// What a TLS listener needs.
#[derive(Clone)]
pub struct ServerCertificate {
    /// The certificate and those above it, PEM, leaf first.
    pub chain_pem: Vec<u8>,
    key: PKey<Private>,
}

impl ServerCertificate {
    /// The private key.
    pub fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    /// The private key as unencrypted PKCS#8 PEM.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn key_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.key.private_key_to_pem_pkcs8()
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ServerCertificate")
            .finish_non_exhaustive()
    }
}

fn elliptic_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

/// A version 3 certificate with a random serial number, valid from yesterday for a month, not signed yet.
fn begin<T: HasPublic>(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKeyRef<T>,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let yesterday = i64::try_from(UnixTime::now().minus(Duration::from_secs(86_400)).seconds())
        .unwrap_or_default();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(yesterday)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(DAYS)?)?;
    Ok(builder)
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
