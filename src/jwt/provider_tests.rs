use jsonwebtoken::{Header, Validation, crypto};
use serde_json::{Value, json};

use super::*;
use crate::fake::mint::{Mint, encode};

fn numbers(mint: &Mint) -> DecodingKey {
    let rsa = mint.key.rsa().unwrap();
    DecodingKey::from_rsa_raw_components(&rsa.n().to_vec(), &rsa.e().to_vec())
}

fn verify(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<bool> {
    install_provider();
    let (message, signature) = token.rsplit_once('.').unwrap();
    crypto::verify(signature, message.as_bytes(), key, algorithm)
}

#[test]
fn it_is_installed_once_by_whoever_comes_first() {
    let threads: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(install_provider))
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    install_provider();
    assert!(
        PROVIDER.install_default().is_err(),
        "someone installs a provider a second time"
    );
    let token = Mint::published().token(&json!({}));
    assert!(verify(&token, &numbers(Mint::published()), Algorithm::RS256).unwrap());
}

#[test]
fn a_context_verifies_again_after_a_failure() {
    let mint = Mint::published();
    let key = numbers(mint);
    let good = mint.token(&json!({ "n": 1 }));
    let other = mint.token(&json!({ "n": 2 }));
    let foreign = Mint::foreign().token(&json!({ "n": 1 }));
    let (message, _) = good.rsplit_once('.').unwrap();
    let (_, wrong) = other.rsplit_once('.').unwrap();
    for _ in 0..3 {
        assert!(verify(&good, &key, Algorithm::RS256).unwrap());
        assert!(!verify(&foreign, &key, Algorithm::RS256).unwrap());
        assert!(!verify(&format!("{message}.{wrong}"), &key, Algorithm::RS256).unwrap());
        for length in [1, 255, 257, 512] {
            let signature = encode(&vec![0xa5; length]);
            assert!(!verify(&format!("{message}.{signature}"), &key, Algorithm::RS256).unwrap());
        }
    }
    assert!(verify(&good, &key, Algorithm::RS256).unwrap());
}

#[test]
fn a_refused_signature_leaves_no_openssl_error_behind() {
    // A TLS session on the same thread would take it for its own.
    let key = numbers(Mint::published());
    let foreign = Mint::foreign().token(&json!({}));
    assert!(!verify(&foreign, &key, Algorithm::RS256).unwrap());
    assert!(ErrorStack::get().errors().is_empty());
}

#[test]
fn no_other_algorithm_and_no_other_form_of_key_verifies() {
    let token = Mint::published().token(&json!({}));
    let key = numbers(Mint::published());
    for algorithm in [
        Algorithm::HS256,
        Algorithm::HS384,
        Algorithm::HS512,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        assert!(verify(&token, &key, algorithm).is_err(), "{algorithm:?}");
        assert!(verify(&token, &DecodingKey::from_secret(b"s"), algorithm).is_err());
    }
    let der = Mint::published().key.public_key_to_der().unwrap();
    for key in [
        DecodingKey::from_secret(&der),
        DecodingKey::from_rsa_der(&der),
    ] {
        assert!(verify(&token, &key, Algorithm::RS256).is_err());
    }
}

#[test]
fn odd_numbers_are_refused_without_panic() {
    let token = Mint::published().token(&json!({}));
    let modulus = Mint::published().key.rsa().unwrap().n().to_vec();
    for exponent in [&[][..], &[0], &[1], &[3], &[0, 1, 0, 1], &[1, 0, 0]] {
        let key = DecodingKey::from_rsa_raw_components(&modulus, exponent);
        assert!(
            verify(&token, &key, Algorithm::RS256).is_err(),
            "{exponent:?}"
        );
    }
    for modulus in [&[][..], &[0], &[1], &[4], &[0xfe; 256]] {
        let key = DecodingKey::from_rsa_raw_components(modulus, EXPONENT);
        assert!(
            !verify(&token, &key, Algorithm::RS256).unwrap_or(false),
            "{modulus:?}"
        );
    }
}

#[test]
fn a_thread_keeps_a_bounded_number_of_keys() {
    for number in 0..=MOST_PREPARED as u16 {
        let mut modulus = vec![0xff; 256];
        modulus[1..3].copy_from_slice(&number.to_be_bytes());
        prepared(&modulus).unwrap();
        PREPARED.with(|keys| assert!(keys.borrow().len() <= MOST_PREPARED));
    }
    let token = Mint::published().token(&json!({}));
    assert!(verify(&token, &numbers(Mint::published()), Algorithm::RS256).unwrap());
}

#[test]
fn nothing_can_be_signed() {
    install_provider();
    for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::EdDSA] {
        let key = match algorithm {
            Algorithm::HS256 => EncodingKey::from_secret(b"secret"),
            _ => EncodingKey::from_rsa_der(b"der"),
        };
        assert!(jsonwebtoken::encode(&Header::new(algorithm), &json!({}), &key).is_err());
        assert!(crypto::sign(b"message", &key, algorithm).is_err());
    }
}

#[test]
fn utilities_for_keys_answer_with_an_error_and_do_not_panic() {
    let utilities = &PROVIDER.key_utils;
    assert!((utilities.rsa_pub_components_from_private_key)(b"").is_err());
    assert!((utilities.rsa_pub_components_from_public_key)(b"").is_err());
    assert!((utilities.ec_pub_components_from_private_key)(b"", Algorithm::ES256).is_err());
    let curve = jsonwebtoken::jwk::EllipticCurve::Ed25519;
    assert!((utilities.ed_pub_components_from_private_key)(b"", &curve).is_err());
    let hash = jsonwebtoken::jwk::ThumbprintHash::SHA256;
    assert!((utilities.compute_digest)(b"", hash).is_err());
}

#[test]
fn hmac_with_the_public_key_is_refused_by_the_library_too() {
    install_provider();
    let der = Mint::published().key.public_key_to_der().unwrap();
    let secret = openssl::pkey::PKey::hmac(&der).unwrap();
    let message = format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(b"{}"));
    let mut signer =
        openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &secret).unwrap();
    let mac = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
    let token = format!("{message}.{}", encode(&mac));
    for key in [numbers(Mint::published()), DecodingKey::from_secret(&der)] {
        for algorithm in [Algorithm::RS256, Algorithm::HS256] {
            let mut validation = Validation::new(algorithm);
            validation.validate_exp = false;
            validation.required_spec_claims.clear();
            assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_err());
        }
    }
}
