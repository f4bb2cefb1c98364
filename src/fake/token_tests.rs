use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};
use serde_json::{Value, json};

use crate::fake::fixtures::{NOW, OTHER_KEY, contoso, decoded};
use crate::fake::issuer::{BearerError, SigningKey};
use crate::fake::{Algorithm, Contoso, Issuer, TokenBuilder};

const TENANT: &str = Contoso::CALC_TENANT;
const AUDIENCE: &[&str] = &[
    Contoso::CALC_API,
    "api://06b2a484-141c-42d3-9d73-32bec5910b06",
];

fn fresh(issuer: &Issuer) -> TokenBuilder {
    issuer
        .token(TENANT)
        .issued_at(NOW)
        .expires_at(NOW.plus(std::time::Duration::from_secs(3600)))
}

fn verified(token: &str, digest: MessageDigest, pss: bool) -> bool {
    let key = PKey::public_key_from_pem(SigningKey::shared().unwrap().public_pem()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut verifier = Verifier::new(digest, &key).unwrap();
    if pss {
        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        verifier
            .set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)
            .unwrap();
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    verifier
        .verify_oneshot(&signature, message.as_bytes())
        .unwrap_or(false)
}

#[test]
fn a_token_is_genuine_until_it_is_bent() {
    let issuer = contoso().issuer;
    let good = || fresh(&issuer).role("invokeRole");
    let check = |token: &str| issuer.check(token, AUDIENCE, NOW).map(|_| ());
    assert_eq!(check(&good().mint()), Ok(()));
    assert_eq!(check(&good().v1().mint()), Ok(()));
    assert_eq!(check(&good().for_graph().mint()), Ok(()));
    assert!(verified(&good().mint(), MessageDigest::sha256(), false));

    let (head, _) = good()
        .mint()
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let borrowed = good()
        .without("roles")
        .mint()
        .rsplit_once('.')
        .unwrap()
        .1
        .to_owned();
    for (name, token, why) in [
        ("no JWT", "abc".to_owned(), BearerError::Malformed),
        ("unsigned", good().unsigned().mint(), BearerError::Malformed),
        (
            "HMAC",
            good().hs256_with_public_key().mint(),
            BearerError::Malformed,
        ),
        (
            "PS256",
            good().algorithm(Algorithm::Ps256).mint(),
            BearerError::Malformed,
        ),
        (
            "HMAC called RS256",
            good().hs256_with_public_key().header("alg", "RS256").mint(),
            BearerError::Signature,
        ),
        (
            "signature of another",
            format!("{head}.{borrowed}"),
            BearerError::Signature,
        ),
        (
            "another key",
            good().signed_by(&OTHER_KEY).mint(),
            BearerError::Signature,
        ),
        (
            "another key under our kid",
            good()
                .signed_by(&OTHER_KEY)
                .kid(issuer.signing_key().kid())
                .mint(),
            BearerError::Signature,
        ),
        (
            "no kid",
            good().without_header("kid").mint(),
            BearerError::Signature,
        ),
        (
            "a nonce that is not hashed",
            good().header("nonce", "n").mint(),
            BearerError::Signature,
        ),
        (
            "another issuer",
            good().claim("iss", "https://evil.example/").mint(),
            BearerError::Issuer,
        ),
        (
            "another tenant",
            good().claim("tid", Contoso::MAIL_TENANT).mint(),
            BearerError::Issuer,
        ),
        (
            "no exp",
            good().without("exp").mint(),
            BearerError::Lifetime,
        ),
        (
            "expired",
            good().expires_at(NOW).mint(),
            BearerError::Lifetime,
        ),
        (
            "not yet",
            good().claim("nbf", NOW.seconds() + 1).mint(),
            BearerError::Lifetime,
        ),
        (
            "another audience",
            good().audience("api://x").mint(),
            BearerError::Audience,
        ),
    ] {
        assert_eq!(check(&token), Err(why), "{name}");
    }
    issuer.rotate_keys().unwrap();
    let old = good().signed_by(&SigningKey::shared().unwrap()).mint();
    assert_eq!(
        check(&old),
        Err(BearerError::Signature),
        "a key that left the set"
    );
}

#[test]
fn app_tokens_and_users_tokens_look_like_entras() {
    let issuer = contoso().issuer;
    let (header, claims) = decoded(&issuer.token(TENANT).mint());
    let names = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&header), ["alg", "kid", "typ"]);
    assert_eq!(
        names(&claims),
        [
            "aio", "aud", "azp", "azpacr", "exp", "iat", "iss", "nbf", "oid", "rh", "sub", "tid",
            "uti", "ver"
        ]
    );
    assert_eq!(claims["oid"], claims["sub"]);
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 3600);
    let (_, again) = decoded(&issuer.token(TENANT).mint());
    assert_eq!(claims["oid"], again["oid"], "a principal keeps its id");
    assert_ne!(claims["uti"], again["uti"], "a token does not");

    let user = issuer
        .token(TENANT)
        .user("ann@contoso.example")
        .scope("Calc.Add")
        .scope("Calc.Read");
    let (_, claims) = decoded(&user.clone().mint());
    assert_eq!(claims["scp"], "Calc.Add Calc.Read");
    assert_eq!(claims["preferred_username"], "ann@contoso.example");
    assert_ne!(claims["oid"], claims["sub"]);
    let (_, elsewhere) = decoded(&user.clone().client("another").mint());
    assert_eq!(elsewhere["oid"], claims["oid"]);
    assert_ne!(elsewhere["sub"], claims["sub"], "pairwise");
    let (header, claims) = decoded(&user.v1().mint());
    assert_eq!(header["x5t"], header["kid"]);
    assert_eq!(claims["upn"], "ann@contoso.example");
    assert_eq!(claims["aud"], "api://06b2a484-141c-42d3-9d73-32bec5910b06");
    assert_eq!(claims.get("azp"), None);
}

#[test]
fn every_part_can_be_bent() {
    let issuer = contoso().issuer;
    let bent = fresh(&issuer)
        .claim("aud", json!(["a", "b"]))
        .without("oid")
        .header("crit", json!(["x"]))
        .without_header("typ")
        .kid("../../etc/passwd")
        .mint();
    let (header, claims) = decoded(&bent);
    assert_eq!(header["crit"], json!(["x"]));
    assert_eq!(header.get("typ"), None);
    assert_eq!(header["kid"], "../../etc/passwd");
    assert_eq!(claims["aud"], json!(["a", "b"]));
    assert_eq!(claims.get("oid"), None);
    assert!(
        verified(&bent, MessageDigest::sha256(), false),
        "bent, yet signed"
    );

    let doubled = fresh(&issuer).payload(r#"{"aud":"a","aud":"b"}"#).mint();
    let payload = doubled.split('.').nth(1).unwrap();
    assert_eq!(
        URL_SAFE_NO_PAD.decode(payload).unwrap(),
        br#"{"aud":"a","aud":"b"}"#
    );

    assert!(fresh(&issuer).unsigned().mint().ends_with('.'));
    let token = fresh(&issuer).algorithm(Algorithm::Rs384).mint();
    assert!(verified(&token, MessageDigest::sha384(), false));
    let token = fresh(&issuer).algorithm(Algorithm::Rs512).mint();
    assert!(verified(&token, MessageDigest::sha512(), false));
    let token = fresh(&issuer).algorithm(Algorithm::Ps256).mint();
    assert!(verified(&token, MessageDigest::sha256(), true));

    let token = fresh(&issuer).hs256_with_public_key().mint();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let secret = PKey::hmac(issuer.signing_key().public_pem()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &secret).unwrap();
    let expected = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), expected);
    assert_eq!(decoded(&token).0["alg"], "HS256");
}

#[test]
fn nobody_but_graph_can_verify_a_token_for_graph() {
    let issuer = contoso().issuer;
    let token = fresh(&issuer)
        .audience("https://graph.microsoft.com")
        .for_graph()
        .mint();
    assert!(!verified(&token, MessageDigest::sha256(), false));
    assert!(
        issuer
            .check(&token, &["https://graph.microsoft.com"], NOW)
            .is_ok()
    );
}
