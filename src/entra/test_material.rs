//! Keys and certificates for unit tests, made once for each run.

use std::sync::LazyLock;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::{X509, X509Name};

use super::CertificateKey;

/// `notAfter` of every certificate made here.
pub(crate) const NOT_AFTER: u64 = 1_893_456_000;

/// A key of 2048 bits.
pub(crate) static KEY: LazyLock<PKey<Private>> = LazyLock::new(|| rsa(2048));

/// Another one.
pub(crate) static OTHER_KEY: LazyLock<PKey<Private>> = LazyLock::new(|| rsa(2048));

/// A new RSA key.
pub(crate) fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

/// [`KEY`] with a certificate of its own.
pub(crate) fn certificate_key() -> CertificateKey {
    let certificate = certificate("gate", &KEY, "gate", &KEY, NOT_AFTER);
    let key = KEY.private_key_to_pem_pkcs8().unwrap();
    CertificateKey::from_pem(&certificate.to_pem().unwrap(), &key, None).unwrap()
}

/// A certificate of `subject`, signed by `issuer`.
pub(crate) fn certificate(
    subject: &str,
    key: &PKey<Private>,
    issuer: &str,
    issuer_key: &PKey<Private>,
    not_after: u64,
) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_issuer_name(&name(issuer)).unwrap();
    builder.set_pubkey(key).unwrap();
    let not_after = i64::try_from(not_after).unwrap();
    builder
        .set_not_before(&Asn1Time::from_unix(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::from_unix(not_after).unwrap())
        .unwrap();
    let constraints = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(constraints).unwrap();
    builder.sign(issuer_key, MessageDigest::sha256()).unwrap();
    builder.build()
}

fn name(common: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", common).unwrap();
    name.build()
}
