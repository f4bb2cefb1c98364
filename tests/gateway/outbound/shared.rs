//! Tokens that replicas share: one of them asks, all have it; and whatever is wrong with what they share
//! by, nobody waits for it, and nobody is refused.

use std::time::Duration;

use crate::support::{CALC, Gateway, Mood, Redis, Setup, eventually, is};

use super::setup;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// With patience for machines where many tests run at once.
fn sharing(redis: &Redis) -> Setup {
    let mut setup = hasty(redis);
    setup.add("/state/redis", "{ timeout: 1s }");
    setup
}

/// With as much patience as there is by default.
fn hasty(redis: &Redis) -> Setup {
    let setup = setup().file("state.key", KEY);
    let url = redis.url();
    setup.put(
        "/state",
        &format!("{{ key: {{ file: state.key }}, redis: {{ url: \"{url}\" }} }}"),
    )
}

/// So many gateways of one configuration, once they have reached Redis.
async fn replicas(setup: &Setup, count: usize) -> Vec<Gateway> {
    let mut replicas = Vec::new();
    for _ in 0..count {
        let replica = setup.gateway().await;
        well(&replica, "well").await;
        replicas.push(replica);
    }
    replicas
}

async fn well(replica: &Gateway, state: &str) {
    eventually(&format!("Redis is {state}"), async || {
        let ready = replica.get_admin("/readyz").await.json();
        ready["stores"][0]["state"] == state
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_cold_callers_of_three_replicas_make_one_token_request() {
    let redis = Redis::start().await;
    let setup = sharing(&redis);
    let issuer = &setup.contoso.issuer;
    // So long that all of them come before it is answered; and so few that a busy machine answers within
    // the time that replicas wait for each other. The judge sends five hundred.
    issuer.token_endpoint().slow(Duration::from_millis(300));
    let replicas = replicas(&setup, 3).await;
    let callers: Vec<_> = (0..60)
        .map(|number| replicas[number % 3].ask_apart("/mail/x"))
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(issuer.token_requests(), 1);
    // What is kept there says nothing to whoever reads it.
    let kept = redis.kept();
    assert_eq!(kept.len(), 1, "the token, and no claim any more: {kept:?}");
    let token = setup.echoed("authorization");
    let shown = String::from_utf8_lossy(&kept[0].1).into_owned();
    assert!(!shown.contains(&token[20..50]));
    assert!(kept[0].0.starts_with("bearergate:1:"), "{}", kept[0].0);
    // A fourth needs none, also while Entra is away.
    issuer.token_endpoint().hang();
    let fourth = setup.gateway().await;
    assert_eq!(fourth.ask("/mail/x").await.status, 200);
    assert_eq!(setup.echoed("authorization"), token);
    let renewed = "bearergate_tokens_remembered_total{identity=\"mail\"}";
    assert_eq!(fourth.metric(renewed).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_is_one_token_request_for_all() {
    let redis = Redis::start().await;
    let setup = sharing(&redis);
    let issuer = &setup.contoso.issuer;
    issuer.misbehave(|it| it.refresh_in = Some(2));
    let replicas = replicas(&setup, 3).await;
    for replica in &replicas {
        assert_eq!(replica.ask("/mail/x").await.status, 200);
    }
    let first = setup.echoed("authorization");
    assert_eq!(issuer.token_requests(), 1);
    issuer.misbehave(|it| it.refresh_in = None);
    for replica in &replicas {
        eventually("all carry the next one", async || {
            assert_eq!(replica.ask("/mail/x").await.status, 200);
            setup.echoed("authorization") != first
        })
        .await;
    }
    assert_eq!(issuer.token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_or_kept_waiting_for_what_is_wrong_with_redis() {
    for mood in [
        // Longer than any caller of a test waits: how much longer than nothing is for the judge to say.
        Mood::Slow(Duration::from_secs(600)),
        Mood::Silent,
        Mood::Full,
        Mood::Endless,
    ] {
        let redis = Redis::start().await;
        let setup = hasty(&redis).route("calc", "$ECHO", "mail", CALC);
        let replicas = replicas(&setup, 2).await;
        redis.is(mood);
        for replica in &replicas {
            for route in ["mail", "calc"] {
                let reply = replica.ask(&format!("/{route}/x")).await;
                assert_eq!(reply.status, 200, "{mood:?}");
            }
            well(replica, "of_no_use").await;
            assert_eq!(replica.get_admin("/readyz").await.status, 200);
        }
        redis.is(Mood::Well);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_away_at_start_is_found_later() {
    let mut redis = Redis::start().await;
    let setup = sharing(&redis);
    redis.stop();
    let alone = setup.gateway().await;
    assert_eq!(alone.ask("/mail/x").await.status, 200);
    well(&alone, "of_no_use").await;
    redis.come_back().await;
    well(&alone, "well").await;
    let order = "POST /tokens/renew HTTP/1.1\r\nHost: localhost\r\nX-Bearergate-Order: yes\r\n\r\n";
    assert_eq!(alone.raw("admin", order).await.status, 202);
    eventually("the token is shared", async || !redis.kept().is_empty()).await;
    redis.stop();
    well(&alone, "of_no_use").await;
    assert_eq!(alone.ask("/mail/x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tampered_with_there_is_not_there() {
    let redis = Redis::start().await;
    let setup = sharing(&redis);
    let first = replicas(&setup, 1).await;
    assert_eq!(first[0].ask("/mail/x").await.status, 200);
    eventually("it is kept", async || redis.kept().len() == 1).await;
    let whole = redis.kept()[0].1.clone();
    for (what, change) in [
        (
            "another end",
            Box::new(|value: &mut Vec<u8>| value[7] ^= 1) as Box<dyn Fn(&mut Vec<u8>)>,
        ),
        ("another byte", Box::new(|value| value[40] ^= 1)),
        ("cut off", Box::new(|value| value.truncate(30))),
        ("nothing", Box::new(Vec::clear)),
        ("much", Box::new(|value| value.resize(200_000, 7))),
    ] {
        redis.overwrite(|value| value.clone_from(&whole));
        redis.overwrite(change);
        let before = setup.contoso.issuer.token_requests();
        let other = replicas(&setup, 1).await;
        assert_eq!(other[0].ask("/mail/x").await.status, 200, "{what}");
        assert_eq!(setup.contoso.issuer.token_requests(), before + 1, "{what}");
        eventually("it is overwritten", async || {
            redis.kept()[0].1.len() == whole.len()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_entra_throttles_takes_what_another_has_got() {
    let redis = Redis::start().await;
    let setup = sharing(&redis);
    let issuer = &setup.contoso.issuer;
    let replicas = replicas(&setup, 2).await;
    issuer.token_endpoint().fail_next(1, 429, Some("600"));
    let refused = replicas[0].ask("/mail/x").await;
    assert_eq!(refused.verdict(), is(503, "token_throttled"));
    assert_eq!(replicas[1].ask("/mail/x").await.status, 200);
    eventually("the first one looks", async || {
        replicas[0].ask("/mail/x").await.status == 200
    })
    .await;
    assert_eq!(issuer.token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_claims_and_dies_keeps_nobody_waiting_for_long() {
    let redis = Redis::start().await;
    let setup = sharing(&redis);
    let issuer = &setup.contoso.issuer;
    let mut replicas = replicas(&setup, 2).await;
    issuer.token_endpoint().hang();
    let first = replicas[0].ask_apart("/mail/x");
    eventually("it asks", async || issuer.token_requests() == 1).await;
    let second = replicas[1].ask_apart("/mail/x");
    issuer.token_endpoint().heal();
    // What hangs, hangs on: the claim ends by itself, and the second one asks.
    let reply = second.await.unwrap().unwrap();
    assert_eq!(reply.status, 200);
    first.abort();
    replicas.truncate(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_shown_and_its_refusal_told_without_it() {
    let redis = Redis::wanting(Some("a-password-of-redis")).await;
    for (password, state) in [
        ("a-password-of-redis", "well"),
        ("another-one", "of_no_use"),
    ] {
        let mut setup = sharing(&redis).file("redis.password", password);
        setup.add(
            "/state/redis",
            "{ user: bearergate, password: { file: redis.password } }",
        );
        let gateway = setup.gateway().await;
        well(&gateway, state).await;
        assert_eq!(gateway.ask("/mail/x").await.status, 200);
        let status = gateway.get_admin("/status.json").await.text();
        assert!(!status.contains(password), "{status}");
        let refused = status.contains("it refuses the user or the password");
        assert_eq!(refused, state == "of_no_use", "{status}");
    }
}
