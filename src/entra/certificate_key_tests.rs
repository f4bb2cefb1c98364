use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::symm::Cipher;

use super::*;
use crate::fake::fixtures::{NOT_AFTER, PAIR, STRANGER, certificate, rsa};

/// RSA 2048 and a self-signed certificate, made by `openssl pkcs12 -export -legacy`: the
/// certificate under RC2-40, the key under 3DES, the MAC with SHA-1. Passphrase: `korrekt häst`.
const LEGACY: &[u8] = include_bytes!("testdata/legacy-rc2-40.pfx");
const LEGACY_PASSPHRASE: &str = "korrekt häst";

fn secret(word: &str) -> Secret<String> {
    Secret::new(word.to_owned())
}

fn pem() -> Vec<u8> {
    PAIR.certificate_pem().unwrap()
}

fn certificate_key() -> CertificateKey {
    CertificateKey::from_pem(&pem(), &PAIR.key_pem().unwrap(), None).unwrap()
}

fn pkcs12(word: &str) -> Vec<u8> {
    let mut builder = Pkcs12::builder();
    builder.pkey(PAIR.key());
    builder.cert(PAIR.certificate());
    builder
        .key_algorithm(Nid::AES_256_CBC)
        .cert_algorithm(Nid::AES_256_CBC);
    builder.mac_md(MessageDigest::sha256());
    builder.build2(word).unwrap().to_der().unwrap()
}

#[test]
fn every_form_of_pem_key_is_read() {
    let word = secret("open sesame");
    let encrypted = PAIR
        .key()
        .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"open sesame")
        .unwrap();
    let traditional = PAIR
        .key()
        .rsa()
        .unwrap()
        .private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"open sesame")
        .unwrap();
    let plain = PAIR.key().private_key_to_pem_pkcs8().unwrap();
    let pkcs1 = PAIR.key().rsa().unwrap().private_key_to_pem().unwrap();
    #[allow(clippy::type_complexity, reason = "a table reads best with its type")]
    let forms: [(&str, &[u8], Option<&Secret<String>>); 5] = [
        ("BEGIN PRIVATE KEY", &plain, None),
        ("BEGIN PRIVATE KEY", &plain, Some(&word)),
        ("BEGIN RSA PRIVATE KEY", &pkcs1, None),
        ("BEGIN ENCRYPTED PRIVATE KEY", &encrypted, Some(&word)),
        ("Proc-Type: 4,ENCRYPTED", &traditional, Some(&word)),
    ];
    for (label, key, passphrase) in forms {
        assert!(String::from_utf8_lossy(key).contains(label), "{label}");
        let read = CertificateKey::from_pem(&pem(), key, passphrase).unwrap();
        assert_eq!(read, certificate_key(), "{label}");
        // One file may hold both, in either order.
        for both in [[&pem(), key].concat(), [key, &pem()].concat()] {
            let read = CertificateKey::from_pem(&both, &both, passphrase).unwrap();
            assert_eq!(read, certificate_key(), "{label}");
        }
    }
}

#[test]
fn passphrases_of_pem_keys_are_told_apart() {
    let encrypted = PAIR
        .key()
        .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"open sesame")
        .unwrap();
    let cases = [
        (None, "it is encrypted; give `passphrase`"),
        (Some(""), "it is encrypted; give `passphrase`"),
        (Some("open barley"), "the passphrase does not open it"),
        (Some("open\0sesame"), "the passphrase does not open it"),
    ];
    for (word, expected) in cases {
        let word = word.map(secret);
        let error = CertificateKey::from_pem(&pem(), &encrypted, word.as_ref()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_modern_pkcs12_is_read_and_its_passphrase_told_apart() {
    let sealed = pkcs12("open sesame");
    let read = |word: Option<&str>| {
        let word = word.map(secret);
        CertificateKey::from_pkcs12(&sealed, word.as_ref())
    };
    assert_eq!(read(Some("open sesame")).unwrap(), certificate_key());
    for word in [None, Some("")] {
        assert!(matches!(
            read(word),
            Err(CertificateKeyError::Pair(
                CertifiedKeyError::PassphraseMissing
            ))
        ));
    }
    for word in ["open barley", "open\0sesame", "open sesame "] {
        assert!(matches!(
            read(Some(word)),
            Err(CertificateKeyError::Pair(
                CertifiedKeyError::WrongPassphrase
            ))
        ));
    }
    let open = pkcs12("");
    assert_eq!(
        CertificateKey::from_pkcs12(&open, None).unwrap(),
        certificate_key()
    );
}

#[test]
fn a_pkcs12_of_old_windows_is_read() {
    let read = CertificateKey::from_pkcs12(LEGACY, Some(&secret(LEGACY_PASSPHRASE))).unwrap();
    assert_eq!(
        read.certificate().thumbprint_sha1(),
        "DcVlBntVQpOE5xaYvu_89rkHn_U"
    );
    assert_eq!(
        read.certificate().thumbprint_sha256(),
        "XsITU-g5sBijsVtkkY2xhrloc5Vc1Ecso9NCkRoxmUo"
    );
    assert_eq!(read.key().bits(), 2048);
    let wrong = CertificateKey::from_pkcs12(LEGACY, Some(&secret("korrekt hast")));
    assert!(matches!(
        wrong,
        Err(CertificateKeyError::Pair(
            CertifiedKeyError::WrongPassphrase
        ))
    ));
    // The default provider is still there.
    assert!(openssl::hash::hash(MessageDigest::sha256(), b"test").is_ok());
    assert!(CertificateKey::from_pkcs12(&pkcs12("w"), Some(&secret("w"))).is_ok());
}

#[test]
fn only_rsa_keys_of_2048_bits_and_more_will_do() {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let ec = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let ed = PKey::generate_ed25519().unwrap();
    for (key, what) in [
        (rsa(1024), "RSA of 1024 bits"),
        (ec, "an EC key"),
        (ed, "an EdDSA key"),
    ] {
        let certificate = certificate("gate", &key, "root", STRANGER.key(), NOT_AFTER);
        let certificate = certificate.to_pem().unwrap();
        let key = key.private_key_to_pem_pkcs8().unwrap();
        let error = CertificateKey::from_pem(&certificate, &key, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Entra takes RSA keys of at least 2048 bits; this is {what}")
        );
    }
}

#[test]
fn a_key_and_another_keys_certificate_do_not_go_together() {
    let other = STRANGER.key().private_key_to_pem_pkcs8().unwrap();
    let error = CertificateKey::from_pem(&pem(), &other, None).unwrap_err();
    assert!(matches!(
        error,
        CertificateKeyError::Pair(CertifiedKeyError::Mismatch)
    ));
}

#[test]
fn what_is_neither_is_refused_with_a_sentence() {
    let key = PAIR.key().private_key_to_pem_pkcs8().unwrap();
    let cut = &key[..key.len() / 2];
    let broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&key, &key, "it holds no certificate"),
        (b"", &key, "it holds no certificate"),
        (&pem(), &pem(), "it holds no private key in PEM"),
        (
            &pem(),
            b"\x30\x82\x01\x0a",
            "it holds no private key in PEM",
        ),
        (&pem(), broken, "the private key in it is damaged"),
        (&pem(), cut, "the private key in it is damaged"),
    ];
    for (certificate, key, expected) in cases {
        let error = CertificateKey::from_pem(certificate, key, None).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    for bytes in [&b""[..], b"\x30\x03\x02\x01\x03", &pem()] {
        let error = CertificateKey::from_pkcs12(bytes, None).unwrap_err();
        assert!(
            matches!(
                error,
                CertificateKeyError::Pair(CertifiedKeyError::Unreadable(_))
            ),
            "{error}"
        );
    }
}

#[test]
fn damaged_files_never_panic() {
    let sealed = pkcs12("open sesame");
    let word = secret("open sesame");
    for position in (0..sealed.len()).step_by(97) {
        let mut damaged = sealed.clone();
        damaged[position] ^= 0x55;
        if let Ok(read) = CertificateKey::from_pkcs12(&damaged, Some(&word)) {
            assert_eq!(read, certificate_key());
        }
        assert!(CertificateKey::from_pkcs12(&sealed[..position], Some(&word)).is_err());
    }
}

#[test]
fn the_chain_is_put_leaf_first() {
    let root = certificate("root", STRANGER.key(), "root", STRANGER.key(), NOT_AFTER);
    let middle_key = rsa(2048);
    let middle = certificate("middle", &middle_key, "root", STRANGER.key(), NOT_AFTER);
    let leaf = certificate("gate", PAIR.key(), "middle", &middle_key, NOT_AFTER);
    let stranger = certificate("stranger", STRANGER.key(), "nobody", &middle_key, NOT_AFTER);
    let expected: Vec<_> = [&leaf, &middle, &root]
        .map(|one| one.to_der().unwrap())
        .to_vec();

    let shuffled = [&root, &stranger, &leaf, &middle]
        .map(|one| one.to_pem().unwrap())
        .concat();
    let key = PAIR.key().private_key_to_pem_pkcs8().unwrap();
    let read = CertificateKey::from_pem(&shuffled, &key, None).unwrap();
    assert_eq!(read.certificate().chain(), expected);

    let mut builder = Pkcs12::builder();
    builder.pkey(PAIR.key()).cert(&leaf);
    let mut others = Stack::new().unwrap();
    others.push(root).unwrap();
    others.push(middle).unwrap();
    builder.ca(others);
    let sealed = builder.build2("w").unwrap().to_der().unwrap();
    let read = CertificateKey::from_pkcs12(&sealed, Some(&secret("w"))).unwrap();
    assert_eq!(read.certificate().chain(), expected);
}

#[test]
fn of_two_certificates_for_one_key_the_later_counts() {
    let early = certificate("gate", PAIR.key(), "gate", PAIR.key(), NOT_AFTER - 1000);
    let late = certificate("gate", PAIR.key(), "gate", PAIR.key(), NOT_AFTER);
    let key = PAIR.key().private_key_to_pem_pkcs8().unwrap();
    for order in [[&early, &late], [&late, &early]] {
        let both = order.map(|one| one.to_pem().unwrap()).concat();
        let read = CertificateKey::from_pem(&both, &key, None).unwrap();
        assert_eq!(read.not_after(), UnixTime::from_seconds(NOT_AFTER));
        assert_eq!(read.certificate().chain(), [late.to_der().unwrap()]);
    }
}

#[test]
fn an_expired_certificate_loads_and_says_when_it_ended() {
    let expired = certificate("gate", PAIR.key(), "gate", PAIR.key(), 86_400 + 5);
    let key = PAIR.key().private_key_to_pem_pkcs8().unwrap();
    let read = CertificateKey::from_pem(&expired.to_pem().unwrap(), &key, None).unwrap();
    assert_eq!(read.not_after(), UnixTime::from_seconds(86_405));
}

#[test]
fn nothing_is_left_in_the_error_queue() {
    let key = PAIR.key().private_key_to_pem_pkcs8().unwrap();
    CertificateKey::from_pem(&pem(), &key, None).unwrap();
    let _ = CertificateKey::from_pem(&pem(), b"nothing", None);
    assert!(ErrorStack::get().errors().is_empty());
}

#[test]
fn the_key_is_never_shown() {
    assert_eq!(
        format!("{:?}", certificate_key()),
        format!("CertificateKey {{ not_after: UnixTime({NOT_AFTER}), .. }}")
    );
}
