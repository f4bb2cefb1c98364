//! Attempts to act as somebody else, or to have the gateway ask Entra for what a caller thinks fit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Setup, Told, World, is};
use bearergate::fake::{Request, Response, Running};
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinSet;

use super::{ANN, BOB, ask, carried, claims, setup, user};

/// The user that a request's token is for.
fn acted_for(request: &Request) -> String {
    let token = request.header("authorization").unwrap_or_default();
    let oid = claims(token)["oid"].as_str().unwrap_or_default().to_owned();
    assert!(!oid.is_empty());
    oid
}

/// An upstream that tells for whom it is asked, with the body that it was sent.
fn telling(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Setup, Running) {
    let (_, upstream) = Told::open(answer);
    let setup = setup().fill("UPSTREAM", upstream.base());
    (setup, upstream)
}

fn told(text: String) -> Response {
    Response::of(StatusCode::OK, "text/plain", text.into_bytes())
}

fn refused(challenge: &str) -> Response {
    Response::empty(StatusCode::UNAUTHORIZED).with("www-authenticate", challenge)
}

async fn purge(world: &World) {
    let order = "POST /tokens/purge HTTP/1.1\r\nHost: localhost\r\nX-Bearergate-Order: yes\r\n\r\n";
    assert_eq!(world.gateway.raw("admin", order).await.status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_given_anothers_while_tokens_are_purged_and_configurations_change() {
    let (setup, _upstream) = telling(|request| told(acted_for(request)));
    let mut world = setup.ready().await;
    let users: Vec<(String, String)> = (0..8)
        .map(|number| {
            let name = format!("user{number}@contoso.example");
            let token = user(&world, &name).mint();
            let oid = claims(&token)["oid"].as_str().unwrap().to_owned();
            (token, oid)
        })
        .collect();
    let world_over = Arc::new(AtomicBool::new(false));
    let mut configurations = Vec::new();
    for seconds in [1, 2] {
        world.add(
            "/identities/api",
            &format!("tokens: {{ cool_down: {seconds}s }}"),
        );
        configurations.push(world.text());
    }
    let folder = world.folder().to_owned();
    let world = Arc::new(world);
    let mut callers = JoinSet::new();
    for (number, (token, oid)) in users.into_iter().cycle().take(24).enumerate() {
        let (world, over) = (Arc::clone(&world), Arc::clone(&world_over));
        callers.spawn(async move {
            let mut served = 0;
            while !over.load(Ordering::SeqCst) {
                let route = ["/mine/x", "/others/x", "/both/x"][(number + served) % 3];
                let reply = ask(&world, route, &token).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
                assert_eq!(reply.text(), oid, "somebody else's");
                served += 1;
            }
            served
        });
    }
    for turn in 0..12 {
        let text = &configurations[turn % 2];
        let config = bearergate::config::Config::parse(text, "test.yaml", &folder).unwrap();
        world.gateway.reload(config).await.unwrap();
        purge(&world).await;
    }
    world_over.store(true, Ordering::SeqCst);
    let served = callers.join_all().await;
    assert!(served.iter().sum::<usize>() >= 24, "{served:?}");
    assert!(world.contoso.issuer.token_requests() > 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_post_that_is_sent_again_is_the_same_users_with_the_same_body() {
    let refused_once = Mutex::new(Vec::new());
    let (setup, _upstream) = telling(move |request| {
        let token = request.header("authorization").unwrap_or_default();
        let (oid, uti) = (acted_for(request), claims(token)["uti"].clone());
        let mut seen = refused_once.lock();
        // The first token of each user is taken by nobody.
        let first: &(String, serde_json::Value) = match seen.iter().find(|(of, _)| *of == oid) {
            Some(known) => known,
            None => {
                seen.push((oid.clone(), uti.clone()));
                &seen[seen.len() - 1]
            }
        };
        if first.1 == uti {
            return refused(r#"Bearer error="invalid_token""#);
        }
        let body = String::from_utf8_lossy(&request.body.kept).into_owned();
        told(format!("{oid} {body}"))
    });
    let world = Arc::new(setup.ready().await);
    let mut callers = JoinSet::new();
    for number in 0..40 {
        let world = Arc::clone(&world);
        callers.spawn(async move {
            let name = format!("user{}@contoso.example", number % 5);
            let token = user(&world, &name).mint();
            let body = format!("{name} wrote {number} ").repeat(200);
            let request = format!(
                "POST /mine/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let reply = world.gateway.raw("apis", request).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            let oid = claims(&token)["oid"].as_str().unwrap().to_owned();
            assert!(reply.text() == format!("{oid} {body}"), "crossed");
        });
    }
    callers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_says_of_claims_reaches_nobody() {
    let stubborn = AtomicBool::new(true);
    let (setup, _upstream) = telling(move |request| {
        // It refuses each first token, and repeats nothing of what it was asked.
        match stubborn.fetch_not(Ordering::SeqCst) {
            true => refused(r#"Bearer error="invalid_token""#),
            false => told(acted_for(request)),
        }
    });
    let world = setup.ready().await;
    let wanted = "eyJhY2Nlc3NfdG9rZW4iOnsicm9sZXMiOnsidmFsdWVzIjpbIkFkbWluIl19fX0=";
    let injected = format!("Bearer error=\"insufficient_claims\", claims=\"{wanted}\"");
    for (number, (target, lines)) in [
        (format!("/mine/x?claims={wanted}"), vec![]),
        (
            "/mine/x".into(),
            vec![format!("WWW-Authenticate: {injected}")],
        ),
        ("/mine/x".into(), vec![format!("Claims: {wanted}")]),
        (
            "/mine/x".into(),
            vec![format!("Authentication-Info: {injected}")],
        ),
        (
            "/mine/x".into(),
            vec![
                format!("X-Ms-Claims: {wanted}"),
                format!("Cookie: claims={wanted}"),
            ],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let token = user(&world, &format!("user{number}@contoso.example")).mint();
        let mut headers = vec![format!("Authorization: Bearer {token}")];
        headers.extend(lines);
        let reply = world.gateway.get("apis", &target, &headers).await;
        assert_eq!(reply.status, 200, "{headers:?} {}", reply.text());
        let issuer = &world.contoso.issuer;
        assert_eq!(issuer.token_requests() as usize, 2 * (number + 1));
        let asked = issuer.last_token_request().unwrap();
        assert_eq!(asked.field("claims"), None, "{headers:?}");
        assert_eq!(
            asked.field("scope"),
            Some("https://graph.microsoft.com/Mail.Read")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_differs_in_anything_is_another_ones() {
    let world = setup().ready().await;
    let ann = user(&world, ANN).mint();
    assert_eq!(ask(&world, "/mine/x", &ann).await.status, 200);
    let issuer = &world.contoso.issuer;
    let (head, rest) = ann.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let bobs = user(&world, BOB).mint();
    let bobs: Vec<_> = bobs.split('.').collect();
    for forged in [
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}="),
        format!("{head}.{body}.{signature}A"),
        format!("{head}.{}.{signature}", bobs[1]),
        format!("{head}.{body}.{}", bobs[2]),
        format!("{}.{body}.{signature}", bobs[0].to_lowercase()),
        format!("{ann} {ann}"),
        format!("{ann},{ann}"),
    ] {
        let reply = ask(&world, "/mine/x", &forged).await;
        assert!([400, 401].contains(&reply.status), "{}", reply.text());
    }
    assert_eq!(issuer.token_requests(), 1);
    assert_eq!(world.contoso.echo.count(), 1);
    // The scheme's spelling is no part of it (RFC 9110 §11.1).
    let header = format!("authorization: bEARER {ann}");
    let reply = world.gateway.get("apis", "/mine/x", &[header]).await;
    assert_eq!((reply.status, issuer.token_requests()), (200, 1));
    assert_eq!(carried(&world)["oid"], claims(&ann)["oid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_store_ever_holds_a_users() {
    let redis = crate::support::Redis::start().await;
    let setup = setup().file("state.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let state = "{ key: { file: state.key }, file: state, redis: { url: $REDIS } }";
    let setup = setup.fill("REDIS", redis.url()).put("/state", state);
    let mut world = setup.ready().await;
    let ann = user(&world, ANN).mint();
    for route in ["/mine/x", "/others/x", "/both/x"] {
        assert_eq!(ask(&world, route, &ann).await.status, 200);
    }
    let app = super::app(&world).mint();
    assert_eq!(ask(&world, "/both/x", &app).await.status, 200);
    crate::support::eventually("the application's own is kept", async || {
        let kept = std::fs::read_to_string(world.path("state")).unwrap_or_default();
        kept.lines().count() == 2 && redis.kept().len() == 1
    })
    .await;
    world.gateway.drain().await;
    let kept = std::fs::read_to_string(world.path("state")).unwrap();
    assert_eq!(
        kept.lines().count(),
        2,
        "a line for its format, and one token"
    );
    assert_eq!(redis.kept().len(), 1);

    // What is there serves applications after a restart without Entra, and nobody as a user.
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(u32::MAX, 500, None);
    let again = world.setup.gateway().await;
    again.ready().await;
    let by = |token: &str| [format!("Authorization: Bearer {token}")];
    assert_eq!(again.get("apis", "/both/x", &by(&app)).await.status, 200);
    assert_eq!(carried(&world)["scp"], json!(null));
    let reply = again.get("apis", "/both/x", &by(&ann)).await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
}
