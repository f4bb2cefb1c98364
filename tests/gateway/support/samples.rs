//! The files that the samples and the pages name, made for real.

use std::fs;
use std::path::Path;

use bearergate::fake::{CertificateAuthority, KeyPair};
use openssl::symm::Cipher;

use super::Authority;

const PASSPHRASE: &str = "sample-passphrase";
/// `{"alg":"RS256"}`, `{"sub":"x"}`, `sig`.
const ASSERTION: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";

pub fn sample_files(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    let pair = KeyPair::generate("sample").unwrap();
    let key = pair.key();
    let key = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), PASSPHRASE.as_bytes());
    write("mail.pem", &pair.certificate_pem().unwrap());
    write("mail.key.pem", &key.unwrap());
    for name in ["mail", "mail-daemon"] {
        write(&format!("{name}.pfx"), &pair.pkcs12(PASSPHRASE).unwrap());
        write(&format!("{name}.pass"), PASSPHRASE.as_bytes());
    }
    let ca = CertificateAuthority::generate().unwrap();
    write("gateway.pass", PASSPHRASE.as_bytes());
    write("shops.pass", PASSPHRASE.as_bytes());
    let shown = ca.issue_for_loopback().unwrap();
    write("shops.pfx", &shown.pkcs12(PASSPHRASE).unwrap());
    write("gateway.pem", &shown.certificate_pem().unwrap());
    write("gateway.key.pem", &shown.key_pem().unwrap());
    let partners = Authority::new("partners").server(&["partners.example"]);
    write("partners.pem", &partners.chain());
    write("partners.key.pem", &partners.key());
    write("partners.pass", PASSPHRASE.as_bytes());
    let ca = ca.certificate_pem().unwrap();
    for name in [
        "ca",
        "corporate-ca",
        "upstream-ca",
        "internal-ca",
        "clients-ca",
    ] {
        write(&format!("{name}.pem"), &ca);
    }
    for name in ["payroll.key", "archive.key", "scanner.key", "secret"] {
        write(name, name[..1].repeat(40).as_bytes());
    }
    for name in ["workload.jwt", "assertion.jwt"] {
        write(name, ASSERTION.as_bytes());
    }
    write("state.key", b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    write("pkcs11.so", b"no module, and never loaded");
    write("hsm.pin", b"97531864");
    for name in [
        "client-secret",
        "mail.secret",
        "client.secret",
        "calc-api.secret",
    ] {
        write(name, b"a-client-secret");
    }
}
