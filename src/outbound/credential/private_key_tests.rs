use openssl::ec::{EcGroup, EcKey};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;

use super::*;
use crate::fake::fixtures::PAIR;

fn curve(nid: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(nid).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn rsa() -> PKey<Private> {
    PAIR.key().to_owned()
}

/// Whether a signature is the key's, by the other half of OpenSSL.
fn is_good(algorithm: SigningAlgorithm, key: &PKey<Private>, signature: &[u8]) -> bool {
    let public = PKey::public_key_from_pem(&key.public_key_to_pem().unwrap()).unwrap();
    let digest = match algorithm {
        EdDsa => {
            let mut verifier = Verifier::new_without_digest(&public).unwrap();
            return verifier.verify_oneshot(signature, b"a.b").unwrap();
        }
        Rs256 | Ps256 | Es256 => MessageDigest::sha256(),
        Rs384 | Ps384 | Es384 => MessageDigest::sha384(),
        Rs512 | Ps512 | Es512 => MessageDigest::sha512(),
    };
    let mut verifier = Verifier::new(digest, &public).unwrap();
    if matches!(algorithm, Ps256 | Ps384 | Ps512) {
        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        let length = RsaPssSaltlen::DIGEST_LENGTH;
        verifier.set_rsa_pss_saltlen(length).unwrap();
        verifier.set_rsa_mgf1_md(digest).unwrap();
    }
    let whole;
    let signature = match algorithm {
        Es256 | Es384 | Es512 => {
            let (r, s) = signature.split_at(signature.len() / 2);
            let number = |half| openssl::bn::BigNum::from_slice(half).unwrap();
            let pair = EcdsaSig::from_private_components(number(r), number(s)).unwrap();
            whole = pair.to_der().unwrap();
            &whole
        }
        _ => signature,
    };
    verifier.verify_oneshot(signature, b"a.b").unwrap()
}

#[test]
fn each_algorithm_signs_as_its_name_says() {
    let p256 = curve(Nid::X9_62_PRIME256V1);
    let p384 = curve(Nid::SECP384R1);
    let p521 = curve(Nid::SECP521R1);
    let edwards = PKey::generate_ed25519().unwrap();
    for (word, algorithm) in SigningAlgorithm::ALL {
        let (key, length) = match algorithm {
            Es256 => (p256.clone(), 64),
            Es384 => (p384.clone(), 96),
            Es512 => (p521.clone(), 132),
            EdDsa => (edwards.clone(), 64),
            _ => (rsa(), 256),
        };
        // R and S may begin with zeros, which must stay.
        for _ in 0..16 {
            let signature = algorithm.sign(&key, b"a.b").unwrap();
            assert_eq!(signature.len(), length, "{word}");
            assert!(is_good(*algorithm, &key, &signature), "{word}");
        }
        let credential = PrivateKeyCredential::new(key, Some(*algorithm), None).unwrap();
        assert_eq!(credential.algorithm.word(), *word);
    }
}

#[test]
fn a_key_has_a_usual_algorithm_and_none_that_is_not_its_own() {
    for (key, usual, other) in [
        (rsa(), Rs256, Es256),
        (curve(Nid::X9_62_PRIME256V1), Es256, Es384),
        (curve(Nid::SECP384R1), Es384, Es256),
        (curve(Nid::SECP521R1), Es512, EdDsa),
        (PKey::generate_ed25519().unwrap(), EdDsa, Ps256),
    ] {
        let credential = PrivateKeyCredential::new(key.clone(), None, None).unwrap();
        assert_eq!(credential.algorithm, usual);
        let refused = PrivateKeyCredential::new(key, Some(other), None).unwrap_err();
        assert!(
            matches!(refused, PrivateKeyError::Mismatch { .. }),
            "{refused}"
        );
    }
}

#[test]
fn keys_that_are_weak_or_of_no_standard_are_refused() {
    let weak = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    for key in [weak, curve(Nid::SECP256K1), PKey::generate_ed448().unwrap()] {
        let refused = PrivateKeyCredential::new(key, None, None);
        assert_eq!(refused, Err(PrivateKeyError::Unsuitable));
    }
}

#[test]
fn two_credentials_are_the_same_by_key_algorithm_and_kid() {
    let of = |key: PKey<Private>, algorithm, kid: Option<&str>| {
        PrivateKeyCredential::new(key, algorithm, kid.map(str::to_owned)).unwrap()
    };
    let one = of(rsa(), None, Some("1"));
    assert_eq!(one, of(rsa(), Some(Rs256), Some("1")));
    assert_ne!(one, of(rsa(), Some(Ps256), Some("1")));
    assert_ne!(one, of(rsa(), None, Some("2")));
    let other = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    assert_ne!(one, of(other, None, Some("1")));
    assert!(!format!("{one:?}").contains("PRIVATE"), "{one:?}");
}
