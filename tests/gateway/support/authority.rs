//! Certificates as a bank's authority makes them, and as it should not.

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};

/// Signs what it is told to.
pub struct Authority(Issued);

/// A certificate with its key, and what stands between it and its root.
#[derive(Clone)]
pub struct Issued {
    pub certificate: X509,
    pub key: PKey<Private>,
    pub above: Vec<X509>,
}

/// Whom a certificate is for, by its `extendedKeyUsage`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Server,
    Client,
    /// It does not say.
    Unsaid,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self(issue(name, &[], None, Use::Unsaid, true, (-1, 1)))
    }

    /// An authority of its own below this one.
    pub fn below(&self, name: &str) -> Self {
        let mut own = issue(name, &[], Some(&self.0), Use::Unsaid, true, (-1, 1));
        own.above = vec![own.certificate.clone()];
        Self(own)
    }

    pub fn pem(&self) -> Vec<u8> {
        self.0.certificate.to_pem().unwrap()
    }

    /// For servers of these names.
    pub fn server(&self, names: &[&str]) -> Issued {
        let name = names.first().unwrap_or(&"nobody");
        self.issue(name, names, Use::Server, (-1, 90))
    }

    /// For a client of this name.
    pub fn client(&self, name: &str) -> Issued {
        self.issue(name, &[], Use::Client, (-1, 90))
    }

    /// `days`: from when, and until when, counted from now.
    pub fn issue(&self, name: &str, names: &[&str], usage: Use, days: (i64, i64)) -> Issued {
        let mut issued = issue(name, names, Some(&self.0), usage, false, days);
        issued.above = self.0.above.clone();
        issued
    }
}

impl Issued {
    /// The certificate and what stands above it.
    pub fn chain(&self) -> Vec<u8> {
        let all = [&self.certificate].into_iter().chain(&self.above);
        all.flat_map(|one| one.to_pem().unwrap()).collect()
    }

    pub fn key(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// Both in one file.
    pub fn whole(&self) -> Vec<u8> {
        [self.chain(), self.key()].concat()
    }
}

fn issue(
    name: &str,
    names: &[&str],
    by: Option<&Issued>,
    usage: Use,
    is_authority: bool,
    (from, until): (i64, i64),
) -> Issued {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let subject = subject(name);
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    let issuer = by.map_or(&*subject, |by| by.certificate.subject_name());
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&days(from)).unwrap();
    builder.set_not_after(&days(until)).unwrap();
    if is_authority {
        let constraints = BasicConstraints::new().critical().ca().build().unwrap();
        builder.append_extension(constraints).unwrap();
    }
    let mut extended = ExtendedKeyUsage::new();
    let said = match usage {
        Use::Server => Some(extended.server_auth()),
        Use::Client => Some(extended.client_auth()),
        Use::Unsaid => None,
    };
    if let Some(said) = said {
        builder.append_extension(said.build().unwrap()).unwrap();
    }
    if !names.is_empty() {
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            alternatives.dns(name);
        }
        let extension = alternatives.build(&builder.x509v3_context(None, None));
        builder.append_extension(extension.unwrap()).unwrap();
    }
    let signer = by.map_or(&key, |by| &by.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    Issued {
        certificate: builder.build(),
        key,
        above: Vec::new(),
    }
}

fn days(from_now: i64) -> Asn1Time {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Asn1Time::from_unix(i64::try_from(now).unwrap() + from_now * 86_400).unwrap()
}

fn subject(name: &str) -> X509Name {
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    subject.build()
}
