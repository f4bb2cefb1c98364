//! What holds when Entra is slow, refuses, or is gone: one flight for many, the last good kept, an
//! outage never called 401, and health that comes back by itself.

use std::time::Duration;

use crate::support::calc::CalcWorld;
use crate::support::mail::{MailWorld, mailbox};
use crate::support::{Connection, eventually};
use bearergate::fake::{Contoso, Neighbourhood, Ports, SigningKey, bind, serve};

fn contoso() -> Contoso {
    Contoso::with_key(SigningKey::shared().unwrap())
}

/// Ends the issuer; the organisation's other doors stay open.
async fn kill_issuer(
    doors: Neighbourhood,
) -> (u16, bearergate::fake::Running, bearergate::fake::Running) {
    let Neighbourhood {
        issuer,
        echo,
        mailbox,
    } = doors;
    let port = issuer.address().port();
    issuer.stop().await;
    (port, echo, mailbox)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_cold_callers_make_one_token_request_even_when_the_first_leaves() {
    let world = MailWorld::start("").await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .slow(Duration::from_millis(300));
    let request = format!(
        "GET /any/thing HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n\r\n",
        crate::support::API_KEY
    );
    let mut first = Connection::open(world.gateway.address("legacy")).await;
    first.send(&request).await;
    eventually("the flight is under way", async || {
        world.contoso.issuer.token_requests() == 1
    })
    .await;
    drop(first);
    let callers: Vec<_> = (0..500)
        .map(|_| {
            let (address, request) = (world.gateway.address("legacy"), request.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                connection.send(request).await;
                connection.reply().await.map(|reply| reply.status)
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Some(200));
    }
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_issuer_after_start_leaves_both_legs_working() {
    let mut inbound = CalcWorld::start().await;
    let bearer = inbound.bearer();
    let doors = std::mem::replace(
        &mut inbound.doors,
        contoso().open(Ports::default(), None).unwrap(),
    );
    let (_, _echo, _mailbox) = kill_issuer(doors).await;
    assert_eq!(
        inbound.add(&bearer).await.status,
        200,
        "never seen before the outage"
    );
    assert_eq!(inbound.add(&bearer).await.status, 200, "seen before");
    assert_eq!(
        inbound.gateway.get_admin("/readyz").await.status,
        200,
        "once ready, it stays"
    );

    let mut outbound = MailWorld::start("").await;
    assert_eq!(outbound.read(mailbox(), "").await.status, 200);
    let doors = std::mem::replace(
        &mut outbound.doors,
        contoso().open(Ports::default(), None).unwrap(),
    );
    let (_, _echo, _mailbox) = kill_issuer(doors).await;
    assert_eq!(
        outbound.read(mailbox(), "").await.status,
        200,
        "the token in hand goes on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_without_the_issuer_answers_503_says_so_and_heals_by_itself() {
    let contoso = contoso();
    let doors = contoso.open(Ports::default(), None).unwrap();
    let base = doors.issuer.base();
    let (port, echo, mailbox) = kill_issuer(doors).await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        r#"
version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0 }} }}
admin: {{ address: 127.0.0.1:0 }}
issuers:
  contoso: {{ entra: {{ tenant: {}, authority: "{base}" }}, keys: {{ cool_down: 1s }} }}
routes:
  - id: calc
    listener: apis
    match: {{ path: /calc/v1/** }}
    callers: [{{ bearer: {{ issuer: contoso, audiences: [{}], roles: [invokeRole] }} }}]
    upstream: {{ url: "{}" }}
"#,
        Contoso::CALC_TENANT,
        Contoso::CALC_API,
        echo.base(),
    );
    let gateway = crate::support::Gateway::start(&yaml, folder.path()).await;
    let elsewhere = self::contoso().open(Ports::default(), None).unwrap();
    let doors = Neighbourhood {
        issuer: elsewhere.issuer,
        echo,
        mailbox,
    };
    let world = CalcWorld {
        contoso,
        doors,
        gateway,
        _folder: folder,
    };
    let bearer = world.bearer();
    let reply = world.add(&bearer).await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "keys_unavailable")
    );
    assert_eq!(reply.header("retry-after"), Some("1"), "the cool-down");
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
        world.add(&bearer).await.status == 200
    })
    .await;
    world.gateway.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_is_fetched_once_and_the_old_one_loses_its_verdicts() {
    let contoso = contoso();
    let doors = contoso.open(Ports::default(), None).unwrap();
    let world = CalcWorld::with(contoso, doors, "cool_down: 1s").await;
    world.gateway.ready().await;
    let old = world.bearer();
    assert_eq!(world.add(&old).await.status, 200);
    let before = world.contoso.issuer.key_fetches();
    world.contoso.issuer.rotate_keys().unwrap();
    let new = world.bearer();
    eventually("the new key is fetched", async || {
        world.add(&new).await.status == 200
    })
    .await;
    assert!(world.contoso.issuer.key_fetches() > before);
    let reply = world.add(&old).await;
    assert_eq!(
        reply.status, 401,
        "the old key left, and its verdicts with it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_kids_makes_one_fetch_a_cool_down() {
    let world = CalcWorld::start().await;
    let before = world.contoso.issuer.key_fetches();
    for number in 0..200 {
        let token = world
            .contoso
            .issuer
            .token(Contoso::CALC_TENANT)
            .audience(Contoso::CALC_API);
        let token = token
            .client(Contoso::CALC_CLIENT)
            .kid(&format!("flood-{number}"))
            .mint();
        let reply = world.add(&format!("Authorization: Bearer {token}")).await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (401, "unknown_key")
        );
    }
    assert!(world.contoso.issuer.key_fetches() - before <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_what_is_left_of_the_cool_down() {
    let contoso = contoso();
    let doors = contoso.open(Ports::default(), None).unwrap();
    let world = CalcWorld::with(contoso, doors, "cool_down: 90s").await;
    world.gateway.ready().await;
    let before = world.contoso.issuer.key_fetches();
    let down = world.contoso.issuer.key_endpoint();
    // Were it obeyed, the wait would be another: the cool-down is ours.
    down.fail_next(9, 503, Some("7"));
    for number in 0..3 {
        let token = world
            .contoso
            .issuer
            .token(Contoso::CALC_TENANT)
            .audience(Contoso::CALC_API)
            .client(Contoso::CALC_CLIENT)
            .kid(&format!("never-seen-{number}"))
            .mint();
        let reply = world.add(&format!("Authorization: Bearer {token}")).await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (503, "keys_unavailable")
        );
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((60..=90).contains(&wait), "{wait}");
    }
    assert_eq!(world.contoso.issuer.key_fetches() - before, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_keys_are_never_replaced_by_garbage_or_by_none() {
    for spoil in [
        |c: &Contoso| c.issuer.answer_garbage_keys(),
        |c: &Contoso| c.issuer.answer_empty_keys(),
    ] {
        let contoso = contoso();
        let doors = contoso.open(Ports::default(), None).unwrap();
        let world = CalcWorld::with(contoso, doors, "refresh: 1s, cool_down: 1s").await;
        world.gateway.ready().await;
        let bearer = world.bearer();
        spoil(&world.contoso);
        let before = world.contoso.issuer.key_fetches();
        eventually("a refresh", async || {
            world.contoso.issuer.key_fetches() > before
        })
        .await;
        assert_eq!(world.add(&bearer).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_credential_is_502_and_throttling_503_and_neither_is_passed_on() {
    let world = MailWorld::start("||tokens: { cool_down: 1s }").await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(1, 429, Some("7"));
    let reply = world.read(mailbox(), "").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "token_throttled")
    );
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=7).contains(&wait));
    let reply = world.read(mailbox(), "").await;
    assert_eq!(reply.status, 503, "Retry-After is honoured");
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    assert_eq!(
        world.contoso.mailbox.last().map(|_| ()),
        None,
        "nothing went on without a token"
    );

    let refused = MailWorld::start("||tokens: { cool_down: 1s }").await;
    // Another certificate is registered: the one in hand is unknown.
    let other = bearergate::fake::KeyPair::generate("other").unwrap();
    refused.contoso.register_mail_certificate(&other).unwrap();
    let reply = refused.read(mailbox(), "").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (502, "token_refused")
    );
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
    let world = MailWorld::start("").await;
    world.contoso.issuer.answer_without_token();
    let reply = world.read(mailbox(), "").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "token_unavailable")
    );
    assert!(world.contoso.mailbox.last().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expires_in_may_be_a_string_or_missing() {
    for change in [
        |c: &Contoso| c.issuer.expires_in_as_string(),
        |c: &Contoso| c.issuer.omit_expires_in(),
    ] {
        let world = MailWorld::start("").await;
        change(&world.contoso);
        assert_eq!(world.read(mailbox(), "").await.status, 200);
        assert_eq!(world.read(mailbox(), "").await.status, 200);
        assert_eq!(world.contoso.issuer.token_requests(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_refuses_our_token_is_502_and_its_challenge_stays_here() {
    let world = MailWorld::start("").await;
    let reply = world
        .gateway
        .get(
            "legacy",
            "/any/thing?status=401",
            &[format!("X-Api-Key: {}", crate::support::API_KEY)],
        )
        .await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (502, "upstream_refused_token")
    );
    assert_eq!(reply.header("www-authenticate"), None);
}
