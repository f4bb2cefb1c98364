//! Rates that replicas share: what one lets through counts with the others; and whatever is wrong with what
//! they share by, nobody waits for it, nobody is refused for it, and each holds to the limit by itself.

use std::time::Duration;

use crate::support::{
    API_KEY, Answering, Gateway, Mood, NIGHT_KEY, Origin, Redis, Setup, eventually,
};

use super::{key, says_when, statuses};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TOLD: &str = "bearergate_limit_buckets_told_total{outcome=\"told\"}";
const UNTOLD: &str = "bearergate_limit_buckets_told_total{outcome=\"untold\"}";

/// Each caller may come ten times, and once an hour.
async fn sharing(redis: &Redis) -> (Answering, Setup) {
    let origin = Origin::open()
        .await
        .answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned());
    let setup = Setup::of("limits.yaml").fill("UPSTREAM", &*origin.url);
    let mut setup = setup.file("state.key", KEY);
    let state = format!(
        "{{ state: {{ key: {{ file: state.key }}, redis: {{ url: \"{}\" }} }} }}",
        redis.url()
    );
    setup.add("", &state);
    setup.set(
        "/routes/0/limits",
        "{ per_caller: { rate: 1/h, burst: 10, shared: true } }",
    );
    (origin, setup)
}

async fn replicas(setup: &Setup, count: usize) -> Vec<Gateway> {
    let mut replicas = Vec::new();
    for _ in 0..count {
        let replica = setup.gateway().await;
        replica.ready().await;
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

/// All that was spent by now has been told, or could not be.
async fn settled(replica: &Gateway, spent: usize) {
    let spent = spent as f64;
    eventually(&format!("{spent} times something is told"), async || {
        let told = replica.metric(TOLD).await.unwrap();
        told + replica.metric(UNTOLD).await.unwrap() >= spent
    })
    .await;
}

async fn ask(replica: &Gateway, caller: &str, often: usize) -> Vec<u16> {
    statuses(replica, "/callers/a", &key(caller), often).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_lets_through_counts_with_the_others() {
    let redis = Redis::start().await;
    let (origin, setup) = sharing(&redis).await;
    let replicas = replicas(&setup, 3).await;
    for often in 1..=10 {
        assert_eq!(ask(&replicas[0], API_KEY, 1).await, [200]);
        settled(&replicas[0], often).await;
    }
    for (replica, hours) in replicas.iter().zip([1, 2, 3]) {
        // The first request is decided by what is known here: nothing. What it tells teaches it the rest.
        if hours > 1 {
            assert_eq!(ask(replica, API_KEY, 1).await, [200]);
            settled(replica, 1).await;
        }
        let refused = replica.get("apis", "/callers/a", &key(API_KEY)).await;
        says_when(&refused, r#""caller";q=10;w=36000"#);
        // Each hour lets one through: all that were too many are waited for.
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!(
            ((hours - 1) * 3600..=hours * 3600).contains(&wait),
            "{wait}"
        );
        // Another caller is another matter, and so is what is refused.
        assert_eq!(ask(replica, API_KEY, 3).await, [429; 3]);
    }
    assert_eq!(ask(&replicas[2], NIGHT_KEY, 1).await, [200]);
    assert_eq!(origin.heads().len(), 13);
    // Who it is cannot be read there, nor how much: one bucket, and when it is full again.
    let kept = redis.kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let (name, value) = &kept[0];
    let digest = name.strip_prefix("bearergate:1:limit:").unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit()));
    assert!(value.is_empty());
    let line = replicas[2].lines(6).await;
    let detail = line.iter().find_map(|line| line["detail"].as_str());
    let told =
        "the route's limit for a caller is 1/h, 10 at once, of all replicas together; one more in ";
    assert!(detail.unwrap().starts_with(told), "{detail:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_let_in_is_told_what_all_replicas_leave() {
    let redis = Redis::start().await;
    let (_origin, setup) = sharing(&redis).await;
    let replicas = replicas(&setup, 2).await;
    for often in 1..=5 {
        assert_eq!(ask(&replicas[0], API_KEY, 1).await, [200]);
        settled(&replicas[0], often).await;
    }
    assert_eq!(ask(&replicas[1], API_KEY, 1).await, [200]);
    settled(&replicas[1], 1).await;
    let reply = replicas[1].get("apis", "/callers/a", &key(API_KEY)).await;
    let left = reply.header("ratelimit").unwrap();
    assert!(left.starts_with(r#""caller";r=3;t="#), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_of_no_use_each_replica_holds_to_the_limit_by_itself() {
    for mood in [
        Mood::Slow(Duration::from_secs(20)),
        Mood::Silent,
        Mood::Full,
        Mood::Endless,
        Mood::Nonsense,
        Mood::Strict,
    ] {
        let redis = Redis::start().await;
        let (_origin, setup) = sharing(&redis).await;
        let replicas = replicas(&setup, 2).await;
        redis.is(mood);
        for replica in &replicas {
            assert_eq!(ask(replica, API_KEY, 11).await[..10], [200; 10], "{mood:?}");
            assert_eq!(ask(replica, API_KEY, 2).await, [429; 2], "{mood:?}");
            assert_eq!(replica.get_admin("/readyz").await.status, 200);
        }
        // Whoever has nothing left tells nothing, so that only another's request finds Redis well again.
        let replica = &replicas[0];
        eventually(&format!("{mood:?}: it could not be told"), async || {
            replica.metric(UNTOLD).await.unwrap() >= 1.0
        })
        .await;
        redis.is(Mood::Well);
        assert_eq!(ask(replica, API_KEY, 2).await, [429; 2], "{mood:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_told() {
    let redis = Redis::start().await;
    let (_origin, mut setup) = sharing(&redis).await;
    setup.set(
        "/routes/0/limits",
        "{ per_caller: { rate: 1/h, burst: 100000, shared: true } }",
    );
    let replica = &replicas(&setup, 1).await[0];
    redis.is(Mood::Strict);
    eventually("it is told", async || {
        assert_eq!(ask(replica, API_KEY, 1).await, [200]);
        let status = replica.get_admin("/status.json").await.json();
        let failure = status["stores"][0]["failure"].as_str().unwrap_or_default();
        failure.contains("for shared limits EVAL and PTTL")
    })
    .await;
    // It is left alone for a second, and then asked again.
    redis.is(Mood::Well);
    eventually("it is shared", async || {
        assert_eq!(ask(replica, API_KEY, 1).await, [200]);
        redis.kept().len() == 1
    })
    .await;
    well(replica, "well").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_goes_and_comes_back_loses_nothing_that_is_known() {
    let mut redis = Redis::start().await;
    let (_origin, setup) = sharing(&redis).await;
    let replicas = replicas(&setup, 2).await;
    assert_eq!(ask(&replicas[0], API_KEY, 1).await, [200]);
    settled(&replicas[0], 1).await;
    redis.stop();
    well(&replicas[0], "of_no_use").await;
    assert_eq!(ask(&replicas[0], API_KEY, 4).await, [200; 4]);
    redis.clear();
    redis.come_back().await;
    well(&replicas[0], "well").await;
    let told = replicas[0].metric(TOLD).await;
    assert_eq!(ask(&replicas[0], API_KEY, 1).await, [200]);
    eventually("it learns that nobody knows", async || {
        replicas[0].metric(TOLD).await > told
    })
    .await;
    assert_eq!(
        ask(&replicas[0], API_KEY, 6).await,
        [200, 200, 200, 200, 429, 429]
    );
    // Who knows nothing of it begins with what was told anew: one.
    well(&replicas[1], "well").await;
    let others = ask(&replicas[1], API_KEY, 12).await;
    assert_eq!(others[..9], [200; 9]);
    assert_eq!(others[10..], [429; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_there_cannot_keep_a_caller_out_for_long() {
    let redis = Redis::start().await;
    let (_origin, setup) = sharing(&redis).await;
    let replica = &replicas(&setup, 1).await[0];
    assert_eq!(ask(replica, API_KEY, 1).await, [200]);
    eventually("it is told", async || redis.kept().len() == 1).await;
    settled(replica, 1).await;
    redis.keep_for(Duration::from_secs(365 * 24 * 3600));
    assert_eq!(ask(replica, API_KEY, 1).await, [200]);
    settled(replica, 2).await;
    let refused = replica.get("apis", "/callers/a", &key(API_KEY)).await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    // Sixteen full buckets, of ten hours each, and no more.
    assert!(wait <= 16 * 10 * 3600, "{wait}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_same_limit_under_the_same_key_is_shared() {
    let redis = Redis::start().await;
    let (_origin, setup) = sharing(&redis).await;
    let first = replicas(&setup, 1).await;
    assert_eq!(ask(&first[0], API_KEY, 1).await, [200]);
    eventually("it is told", async || redis.kept().len() == 1).await;
    let limits = |rate: &str| format!("{{ per_caller: {{ {rate} }} }}");
    for (what, rate, key, kept) in [
        ("not shared", "rate: 1/h, burst: 10", KEY, 1),
        ("another limit", "rate: 1/h, burst: 9, shared: true", KEY, 2),
        (
            "another key",
            "rate: 1/h, burst: 10, shared: true",
            "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            3,
        ),
        ("the same", "rate: 1/h, burst: 10, shared: true", KEY, 3),
    ] {
        let (_origin, mut setup) = sharing(&redis).await;
        setup = setup.file("state.key", key);
        setup.set("/routes/0/limits", &limits(rate));
        let other = replicas(&setup, 1).await;
        assert_eq!(ask(&other[0], API_KEY, 1).await, [200], "{what}");
        if rate.contains("shared") {
            settled(&other[0], 1).await;
        }
        assert_eq!(redis.kept().len(), kept, "{what}");
    }
}
