//! An upstream that refuses what was exchanged: another is asked for of the same user, and what Entra wants of
//! the user first goes up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Setup, Told, World, contoso, is};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearergate::fake::{Response, UserState};
use http::StatusCode;
use serde_json::json;

use super::{ANN, BOB, ask, claims, user};

const CHALLENGE: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"}}}"#;

/// An upstream that takes only what was issued after the first of each user. From then on, Ann is like that.
async fn minding(challenge: bool, turns: UserState) -> (World, Arc<AtomicBool>) {
    let contoso = contoso();
    let issuer = contoso.issuer.clone();
    let stubborn = Arc::new(AtomicBool::new(false));
    let (minds, seen) = (Arc::clone(&stubborn), parking_lot::Mutex::new(Vec::new()));
    let (_, upstream) = Told::open(move |request| {
        let sent = claims(request.header("authorization").unwrap_or_default());
        let mut seen = seen.lock();
        let knows = seen
            .iter()
            .any(|(oid, uti)| *oid == sent["oid"] && *uti != sent["uti"]);
        seen.push((sent["oid"].clone(), sent["uti"].clone()));
        issuer.register(|registry| registry.with_user(ANN, turns));
        if knows && !minds.load(Ordering::SeqCst) {
            let oid = sent["oid"].as_str().unwrap_or_default().to_owned();
            return Response::of(StatusCode::OK, "text/plain", oid.into_bytes());
        }
        let said = match challenge {
            true => format!(
                r#"Bearer realm="", error="insufficient_claims", claims="{}""#,
                STANDARD.encode(CHALLENGE)
            ),
            false => r#"Bearer error="invalid_token""#.to_owned(),
        };
        Response::empty(StatusCode::UNAUTHORIZED).with("www-authenticate", &said)
    });
    let setup = Setup::among(contoso, "on-behalf-of.yaml").fill("UPSTREAM", upstream.base());
    // It lives as long as the test.
    std::mem::forget(upstream);
    (setup.ready().await, stubborn)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_is_replaced_for_its_user_and_the_request_sent_again() {
    for challenge in [false, true] {
        let (world, stubborn) = minding(challenge, UserState::Well).await;
        let (ann, bob) = (user(&world, ANN).mint(), user(&world, BOB).mint());
        for token in [&ann, &bob, &ann] {
            let reply = ask(&world, "/mine/x", token).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert_eq!(json!(reply.text()), claims(token)["oid"]);
        }
        let issuer = &world.contoso.issuer;
        assert_eq!(issuer.token_requests(), 4, "each once more");
        let asked = issuer.last_token_request().unwrap();
        assert_eq!(asked.field("assertion"), Some(bob.as_str()));
        let demanded = asked
            .field("claims")
            .map(|text| text.contains("1790000123"));
        assert_eq!(demanded, challenge.then_some(true));
        // Refused again within the minute: nobody asks.
        stubborn.store(true, Ordering::SeqCst);
        for _ in 0..5 {
            let reply = ask(&world, "/mine/x", &ann).await;
            assert_eq!(reply.verdict(), is(502, "upstream_refused_token"));
        }
        assert_eq!(issuer.token_requests(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_entra_wants_of_the_user_instead_goes_up_as_a_challenge() {
    let (world, _) = minding(true, UserState::SecondFactor).await;
    let token = user(&world, ANN).mint();
    let reply = ask(&world, "/mine/x", &token).await;
    assert_eq!(reply.verdict(), is(401, "interaction_required"));
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_claims""#),
        "{challenge}"
    );
    assert!(challenge.contains("claims=\""), "{challenge}");
}
