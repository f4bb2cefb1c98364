use openssl::sign::Verifier;
use serde_json::{Value, json};

use super::*;
use crate::fake::fixtures::PAIR;

const CLIENT: &str = "bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc";
const ENDPOINT: &str =
    "https://login.windows.net/5e0699a2-7e10-4d08-8ebb-4f7d7406ad09/oauth2/token";
const JTI: &str = "9ef089d9-b116-40d8-bbe2-57a756e32ea9";

fn certificate_key() -> CertificateKey {
    let (certificate, key) = (PAIR.certificate_pem(), PAIR.key_pem());
    CertificateKey::from_pem(&certificate.unwrap(), &key.unwrap(), None).unwrap()
}

fn sample() -> Assertion {
    let now = UnixTime::from_seconds(1_423_167_888);
    Assertion::new(CLIENT, ENDPOINT, JTI.to_owned(), now)
}

/// Header, claims, signing input and signature of a compact JWS; refuses padding and the wrong
/// alphabet.
fn parts(token: &str) -> (Value, Value, String, Vec<u8>) {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    (
        serde_json::from_slice(&decode(header)).unwrap(),
        serde_json::from_slice(&decode(claims)).unwrap(),
        input.to_owned(),
        decode(signature),
    )
}

#[test]
fn the_claims_are_those_of_the_first_published_sample() {
    let expected = json!({
        "aud": ENDPOINT,
        "iss": CLIENT,
        "sub": CLIENT,
        "jti": JTI,
        "nbf": 1_423_167_888,
        "iat": 1_423_167_888,
        "exp": 1_423_168_488,
    });
    assert_eq!(serde_json::to_value(sample()).unwrap(), expected);
}

#[test]
fn ps256_names_the_certificate_by_sha256_and_signs_with_pss() {
    let key = certificate_key();
    let token = sample().sign(&key, Algorithm::Ps256, false).unwrap();
    let (header, claims, input, signature) = parts(token.expose());
    assert_eq!(
        header,
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": key.certificate().thumbprint_sha256() })
    );
    assert_eq!(claims, serde_json::to_value(sample()).unwrap());

    let mut verifier = Verifier::new(MessageDigest::sha256(), PAIR.key()).unwrap();
    verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
    verifier.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
    verifier
        .set_rsa_pss_saltlen(RsaPssSaltlen::custom(32))
        .unwrap();
    assert!(
        verifier
            .verify_oneshot(&signature, input.as_bytes())
            .unwrap()
    );
}

#[test]
fn rs256_names_the_certificate_by_sha1_and_signs_with_pkcs1() {
    let key = certificate_key();
    let token = sample().sign(&key, Algorithm::Rs256, false).unwrap();
    let (header, _, input, signature) = parts(token.expose());
    assert_eq!(
        header,
        json!({ "alg": "RS256", "typ": "JWT", "x5t": key.certificate().thumbprint_sha1() })
    );
    let mut verifier = Verifier::new(MessageDigest::sha256(), PAIR.key()).unwrap();
    verifier.set_rsa_padding(Padding::PKCS1).unwrap();
    assert!(
        verifier
            .verify_oneshot(&signature, input.as_bytes())
            .unwrap()
    );
}

#[test]
fn the_chain_goes_along_in_standard_base64() {
    let key = certificate_key();
    let token = sample().sign(&key, Algorithm::Ps256, true).unwrap();
    let (header, ..) = parts(token.expose());
    let chain: Vec<Vec<u8>> = header["x5c"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| STANDARD.decode(one.as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(chain, key.certificate().chain());
}

#[test]
fn an_assertion_is_never_shown() {
    let signed = sample()
        .sign(&certificate_key(), Algorithm::Ps256, false)
        .unwrap();
    assert_eq!(format!("{signed:?}"), "[secret]");
}
