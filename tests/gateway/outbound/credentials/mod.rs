//! How an identity proves itself, through the real gateway: each kind against an issuer that verifies it, and
//! what happens when one of several is refused.

mod exec;
mod failover;
mod federated;
mod on_behalf_of;
mod signers;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::clock::UnixTime;
use bearergate::fake::{Contoso, KeyPair};
use openssl::hash::MessageDigest;
use openssl::sign::Signer;
use serde_json::Value;

use crate::support::{Setup, World};

/// A token as a cluster's API server makes it for a pod.
fn signed(claims: &Value, by: &KeyPair) -> String {
    let part = |json: String| URL_SAFE_NO_PAD.encode(json);
    let header = r#"{"alg":"RS256","kid":"cluster"}"#.to_owned();
    let input = format!("{}.{}", part(header), part(claims.to_string()));
    let mut signer = Signer::new(MessageDigest::sha256(), by.key()).unwrap();
    let signature = signer.sign_oneshot_to_vec(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn in_an_hour() -> u64 {
    UnixTime::now().seconds() + 3600
}

/// Lets the application trust tokens of this issuer, for this subject and audience.
fn trust(setup: &Setup, names: (&str, &str, &str), signer: &KeyPair) {
    let der = signer.certificate().to_der().unwrap();
    setup.contoso.issuer.register(|registry| {
        registry.with_app_changed(Contoso::MAIL_CLIENT, |app| {
            app.federated(names, &der).unwrap()
        })
    });
}

/// What the last token request proved itself by: `client_secret` or `client_assertion`.
fn proof(world: &World) -> &'static str {
    let request = world.contoso.issuer.last_token_request().unwrap();
    let kinds = ["client_secret", "client_assertion"];
    let mut given = kinds
        .into_iter()
        .filter(|name| request.field(name).is_some());
    let kind = given.next().unwrap();
    assert_eq!(given.next(), None);
    kind
}
