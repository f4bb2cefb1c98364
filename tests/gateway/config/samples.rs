//! The samples and the reference's examples load, and `full.yaml` shows the defaults.

use std::fs;
use std::time::Duration;

use bearergate::config::{Config, ShutdownDefinition};
use bearergate::inbound::KeyTimes;
use bearergate::outbound::TokenTimes;
use bearergate::telemetry::LogDefinition;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::{X509, X509Name};
use serde_json::Value;

use super::{as_json, one_route, parsed};

#[test]
fn the_samples_load() {
    for name in ["protect-api", "graph-mail", "dev", "full"] {
        let config = sample(name);
        assert!(!config.routes.is_empty(), "{name}");
    }
}

/// A block is a part of a file: its top-level keys take the places of a whole one's.
#[test]
fn every_block_of_the_reference_loads() {
    let whole = as_json(&fs::read_to_string("config/dev.yaml").unwrap());
    let reference = fs::read_to_string("docs/config.md").unwrap();
    let blocks: Vec<_> = reference
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 9, "{} blocks", blocks.len());
    for block in blocks {
        let mut file = whole.clone();
        for (key, part) in as_json(block).as_object().unwrap() {
            match (&mut file[key], part) {
                // Routes are replaced, definitions that they refer to are added to.
                (Value::Object(old), Value::Object(new)) => old.extend(new.clone()),
                (old, new) => *old = new.clone(),
            }
        }
        for route in file["routes"].as_array_mut().unwrap() {
            let bearer = route.pointer_mut("/callers/0/bearer");
            if let Some(Value::Object(bearer)) = bearer {
                bearer
                    .entry("audiences")
                    .or_insert_with(|| vec!["api://orders"].into());
            }
        }
        with_files(&file.to_string(), block);
    }
}

#[test]
fn full_yaml_shows_the_defaults() {
    let full = sample("full");
    let bare = parsed(&one_route("bearer: { issuer: contoso, roles: [r] }"));
    assert_eq!(full.listeners[0].limits, bare.listeners[0].limits);
    assert_eq!(full.listeners[0].timeouts, bare.listeners[0].timeouts);
    assert_eq!(
        full.listeners[0].trusted_proxies,
        bare.listeners[0].trusted_proxies
    );
    assert_eq!(full.fetch.timeout, bare.fetch.timeout);
    assert_eq!(full.log, LogDefinition::default());
    assert_eq!(full.shutdown, ShutdownDefinition::default());
    assert_eq!(full.issuers[0].leeway, bare.issuers[0].leeway);
    assert_eq!(full.issuers[0].leeway, Duration::from_secs(60));
    assert_eq!(full.issuers[0].keys, KeyTimes::default());
    assert_eq!(full.issuers[0].authority, bare.issuers[0].authority);
    assert_eq!(full.identities[0].tokens, TokenTimes::default());
    assert_eq!(full.identities[0].tokens, full.identities[1].tokens);
    assert_eq!(full.identities[0].endpoint, full.identities[1].endpoint);
    assert_eq!(full.identities[0].authority, full.identities[1].authority);
    let (shown, default) = (&full.routes[0].upstream, &bare.routes[0].upstream);
    assert_eq!(shown.connect_timeout, default.connect_timeout);
    assert_eq!(shown.response_timeout, default.response_timeout);
}

/// A sample as it would load where it is meant to.
fn sample(name: &str) -> Config {
    let text = fs::read_to_string(format!("config/{name}.yaml"))
        .unwrap()
        .replace("/run/secrets/", "")
        .replace("{ env: MAIL_CLIENT_SECRET }", "{ file: mail.secret }");
    with_files(&text, name)
}

/// Loads a text beside all the files that samples name, made for this test.
fn with_files(text: &str, name: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    let (key, certificate) = self_signed();
    let passphrase = "a passphrase of the test";
    let pem_key =
        key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), passphrase.as_bytes());
    let pfx = Pkcs12::builder()
        .pkey(&key)
        .cert(&certificate)
        .build2(passphrase)
        .unwrap();
    write("ca.pem", &certificate.to_pem().unwrap());
    write("mail.pem", &certificate.to_pem().unwrap());
    write("mail.key.pem", &pem_key.unwrap());
    write(
        "payroll.key",
        b"another-key-of-the-test-32-bytes-and-more\n",
    );
    write("mail.secret", b"a secret of the test\n");
    for stem in ["mail", "mail-daemon"] {
        write(&format!("{stem}.pfx"), &pfx.to_der().unwrap());
        write(&format!("{stem}.pass"), passphrase.as_bytes());
    }
    Config::parse(text, name, folder.path()).unwrap_or_else(|why| panic!("{why}"))
}

fn self_signed() -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "bearergate test").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    certificate
        .set_not_after(&Asn1Time::days_from_now(1).unwrap())
        .unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, certificate.build())
}
