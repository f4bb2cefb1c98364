//! What holds when Entra is slow, refuses, or is gone: one fetch for many, the last good kept, an
//! outage never called 401, and health that comes back by itself.

use std::time::Duration;

use crate::support::{Reply, Setup, World, contoso, eventually, inbox, is};
use bearergate::fake::{Contoso, ExpiresIn, KeyAnswer, KeyPair, bind, serve};

fn calc() -> Setup {
    Setup::of("calc.yaml")
}

/// A header line with a token that is let in.
fn bearer(world: &World) -> String {
    let token = world.token().role(Contoso::CALC_ROLE).mint();
    format!("Authorization: Bearer {token}")
}

/// Adds one and one, with this header line.
async fn add(world: &World, header: &str) -> Reply {
    let headers = [header.to_owned()];
    world
        .gateway
        .get("apis", "/calc/v1/add/1/1", &headers)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_cold_callers_make_one_token_request_even_when_the_first_leaves() {
    let world = Setup::mail(contoso()).start().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .slow(Duration::from_millis(300));
    let first = world.gateway.ask_apart("/any/thing");
    eventually("the fetch is in flight", async || {
        world.contoso.issuer.token_requests() == 1
    })
    .await;
    first.abort();
    assert!(first.await.is_err(), "the first has left");
    let callers: Vec<_> = (0..500)
        .map(|_| world.gateway.ask_apart("/any/thing"))
        .collect();
    for caller in callers {
        let reply = caller.await.unwrap();
        assert_eq!(reply.map(|reply| reply.status), Some(200));
    }
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_issuer_after_start_leaves_both_legs_working() {
    let mut inbound = calc().ready().await;
    let bearer = bearer(&inbound);
    inbound.stop_issuer().await;
    assert_eq!(
        add(&inbound, &bearer).await.status,
        200,
        "never seen before the outage"
    );
    assert_eq!(add(&inbound, &bearer).await.status, 200, "seen before");
    assert_eq!(
        inbound.gateway.get_admin("/readyz").await.status,
        200,
        "once ready, it stays"
    );

    let mut outbound = Setup::mail(contoso()).start().await;
    assert_eq!(outbound.gateway.ask(&inbox("")).await.status, 200);
    outbound.stop_issuer().await;
    assert_eq!(
        outbound.gateway.ask(&inbox("")).await.status,
        200,
        "the token in hand goes on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_without_the_issuer_answers_503_says_so_and_heals_by_itself() {
    let mut setup = calc().put("/issuers/contoso", "keys: { cool_down: 1s }");
    let port = setup.stop_issuer().await;
    let world = setup.start().await;
    let bearer = bearer(&world);
    let reply = add(&world, &bearer).await;
    assert_eq!(reply.verdict(), is(503, "keys_unavailable"));
    // The cool-down, and what of a second the fetch itself took.
    let wait = reply.header("retry-after").unwrap();
    assert!(["1", "2"].contains(&wait), "{wait}");
    assert_eq!(
        reply.header("www-authenticate"),
        None,
        "an outage is not a bad token"
    );
    let health = world.gateway.get_admin("/readyz").await;
    assert_eq!(health.status, 503);
    assert!(health.text().contains("contoso"), "{}", health.text());
    assert_eq!(world.gateway.get_admin("/livez").await.status, 200);

    let socket = bind(port).unwrap();
    assert_eq!(socket.local_addr().unwrap().port(), port);
    let _issuer = serve(
        socket,
        None,
        std::sync::Arc::new(world.contoso.issuer.clone()),
    )
    .unwrap();
    eventually("the issuer's keys are fetched", async || {
        add(&world, &bearer).await.status == 200
    })
    .await;
    world.gateway.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_is_fetched_once_and_the_old_one_loses_its_verdicts() {
    let keys = "keys: { cool_down: 1s }";
    let world = calc().put("/issuers/contoso", keys).ready().await;
    let old = bearer(&world);
    assert_eq!(add(&world, &old).await.status, 200);
    let before = world.contoso.issuer.key_fetches();
    world.contoso.issuer.rotate_keys().unwrap();
    let new = bearer(&world);
    eventually("the new key is fetched", async || {
        add(&world, &new).await.status == 200
    })
    .await;
    assert!(world.contoso.issuer.key_fetches() > before);
    let reply = add(&world, &old).await;
    assert_eq!(
        reply.status, 401,
        "the old key left, and its verdicts with it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_kids_makes_one_fetch_a_cool_down() {
    let world = calc().ready().await;
    let before = world.contoso.issuer.key_fetches();
    let present = async |kid: String| {
        let token = world.token().kid(&kid).mint();
        add(&world, &format!("Authorization: Bearer {token}")).await
    };
    let first = present("flood-0".to_owned()).await;
    assert_eq!(first.verdict(), is(401, "unknown_key"));
    for number in 1..50 {
        let reply = present(format!("flood-{number}")).await;
        assert_eq!(reply.verdict(), is(503, "keys_unavailable"));
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
    }
    let again = present("flood-0".to_owned()).await;
    assert_eq!(again.verdict(), is(401, "unknown_key"), "it was looked for");
    assert!(world.contoso.issuer.key_fetches() - before <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_kids_never_turn_a_rollover_into_401() {
    let world = calc()
        .put("/issuers/contoso", "keys: { cool_down: 2s }")
        .ready()
        .await;
    let junk = async |number: u32| {
        let token = world.token().kid(&format!("junk-{number}")).mint();
        add(&world, &format!("Authorization: Bearer {token}")).await;
    };
    junk(0).await;
    world.contoso.issuer.rotate_keys().unwrap();
    let new = bearer(&world);
    let reply = add(&world, &new).await;
    assert_eq!(reply.verdict(), is(503, "keys_unavailable"));
    assert_eq!(reply.header("www-authenticate"), None);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    // The junk goes on, and takes each fetch for itself.
    let mut number = 1;
    eventually("the new key is known", async || {
        junk(number).await;
        number += 1;
        let (status, reason) = add(&world, &new).await.verdict();
        assert!([200, 503].contains(&status), "{status} {reason}");
        status == 200
    })
    .await;
    let lines = world.gateway.lines(3).await;
    let told = lines[1]["detail"].as_str().unwrap();
    assert!(told.contains("fetched again in"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_what_is_left_of_the_cool_down() {
    let keys = "keys: { cool_down: 90s }";
    let world = calc().put("/issuers/contoso", keys).ready().await;
    let before = world.contoso.issuer.key_fetches();
    let down = world.contoso.issuer.key_endpoint();
    // Were it obeyed, the wait would be another: the cool-down is ours.
    down.fail_next(9, 503, Some("7"));
    for number in 0..3 {
        let token = world.token().kid(&format!("never-seen-{number}")).mint();
        let reply = add(&world, &format!("Authorization: Bearer {token}")).await;
        assert_eq!(reply.verdict(), is(503, "keys_unavailable"));
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((60..=91).contains(&wait), "{wait}");
    }
    assert_eq!(world.contoso.issuer.key_fetches() - before, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_keys_are_never_replaced_by_garbage_or_by_none() {
    for spoil in [
        |c: &Contoso| c.issuer.misbehave(|it| it.keys = KeyAnswer::Garbage),
        |c: &Contoso| c.issuer.misbehave(|it| it.keys = KeyAnswer::Empty),
    ] {
        let keys = "keys: { refresh: 1s, cool_down: 1s }";
        let world = calc().put("/issuers/contoso", keys).ready().await;
        let bearer = bearer(&world);
        spoil(&world.contoso);
        let before = world.contoso.issuer.key_fetches();
        eventually("a refresh", async || {
            world.contoso.issuer.key_fetches() > before
        })
        .await;
        assert_eq!(add(&world, &bearer).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_credential_is_502_and_throttling_503_and_neither_is_passed_on() {
    let world = Setup::mail(contoso())
        .put("/identities/mail-daemon", "tokens: { cool_down: 1s }")
        .start()
        .await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(1, 429, Some("7"));
    let reply = world.gateway.ask(&inbox("")).await;
    assert_eq!(reply.verdict(), is(503, "token_throttled"));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=7).contains(&wait));
    let reply = world.gateway.ask(&inbox("")).await;
    assert_eq!(reply.status, 503, "Retry-After is honoured");
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    assert_eq!(
        world.contoso.mailbox.last().map(|_| ()),
        None,
        "nothing went on without a token"
    );

    let refused = Setup::mail(contoso())
        .put("/identities/mail-daemon", "tokens: { cool_down: 1s }")
        .start()
        .await;
    // Another certificate is registered: the one in hand is unknown.
    let other = KeyPair::generate("other").unwrap();
    refused.contoso.register_mail_certificate(&other).unwrap();
    let reply = refused.gateway.ask(&inbox("")).await;
    assert_eq!(reply.verdict(), is(502, "token_refused"));
    assert!(!reply.text().contains("AADSTS"), "{}", reply.text());
    let lines = refused.gateway.lines(1).await;
    assert!(
        lines[0]["detail"]
            .as_str()
            .unwrap()
            .contains("AADSTS700027"),
        "{}",
        lines[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_token_is_a_failure_and_nothing_is_forwarded() {
    let world = Setup::mail(contoso()).start().await;
    world.contoso.issuer.misbehave(|it| it.without_token = true);
    let reply = world.gateway.ask(&inbox("")).await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    assert!(world.contoso.mailbox.last().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expires_in_may_be_a_string_or_missing() {
    for change in [
        |c: &Contoso| c.issuer.misbehave(|it| it.expires_in = ExpiresIn::String),
        |c: &Contoso| c.issuer.misbehave(|it| it.expires_in = ExpiresIn::Missing),
    ] {
        let world = Setup::mail(contoso()).start().await;
        change(&world.contoso);
        assert_eq!(world.gateway.ask(&inbox("")).await.status, 200);
        assert_eq!(world.gateway.ask(&inbox("")).await.status, 200);
        assert_eq!(world.contoso.issuer.token_requests(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_refuses_our_token_is_502_and_its_challenge_stays_here() {
    let world = Setup::mail(contoso()).start().await;
    let reply = world.gateway.ask("/any/thing?status=401").await;
    assert_eq!(reply.verdict(), is(502, "upstream_refused_token"));
    assert_eq!(reply.header("www-authenticate"), None);
}
