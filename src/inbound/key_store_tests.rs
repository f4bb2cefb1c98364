use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const TIMES: KeyTimes = KeyTimes {
    refresh: HOUR,
    cool_down: HOUR,
    max_stale: HOUR,
};
/// A wait that is always over: each miss may fetch.
const NO_COOL_DOWN: KeyTimes = KeyTimes {
    cool_down: Duration::ZERO,
    ..TIMES
};

type Kids = Vec<&'static str>;

/// What the issuer answers next.
enum Next {
    Keys(&'static [&'static str]),
    Fails,
    Panics,
}

/// An issuer that answers what it is told, when it is told.
#[derive(Clone)]
struct Fake(Arc<FakeState>);

struct FakeState {
    answers: Mutex<VecDeque<Next>>,
    calls: AtomicUsize,
    allowed: Semaphore,
}

impl Fake {
    /// Answers in this order, the first so many of them at once.
    fn new(allowed: usize, answers: impl IntoIterator<Item = Next>) -> Self {
        Self(Arc::new(FakeState {
            answers: Mutex::new(answers.into_iter().collect()),
            calls: AtomicUsize::new(0),
            allowed: Semaphore::new(allowed),
        }))
    }

    fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn allow(&self, count: usize) {
        self.0.allowed.add_permits(count);
    }
}

impl KeySource for Fake {
    type Keys = Kids;

    async fn fetch(&self) -> Result<Fetched<Kids>, KeysError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        self.0.allowed.acquire().await.unwrap().forget();
        let next = self.0.answers.lock().pop_front();
        match next.expect("a fetch that nobody expected") {
            Next::Keys(kids) => Ok(fetched(kids)),
            Next::Fails => Err(KeysError::Status(503)),
            Next::Panics => panic!("a bug in the source"),
        }
    }
}

fn fetched(kids: &[&'static str]) -> Fetched<Kids> {
    Fetched {
        keys: kids.to_vec(),
        count: kids.len(),
        digest: openssl::sha::sha256(kids.join(",").as_bytes()),
    }
}

type Store = Arc<KeyStore<Fake>>;

fn start(times: KeyTimes, fake: &Fake) -> Store {
    Arc::new(KeyStore::start("contoso".into(), times, fake.clone()))
}

async fn look_at(store: &Store, now: UnixTime, kid: &str) -> Result<Generation, Missing> {
    let found = store
        .look(now, |kids| {
            kids.iter().find(|known| **known == kid).copied()
        })
        .await?;
    assert_eq!(found.item, kid);
    Ok(found.generation)
}

async fn look(store: &Store, kid: &str) -> Result<Generation, Missing> {
    look_at(store, UnixTime::now(), kid).await
}

/// Lets the other tasks go on until this holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        yield_now().await;
    }
    panic!("never came: {what}");
}

/// How many callers wait for a flight, beside the background task.
fn waiting(store: &Store) -> usize {
    store.shared.landings.receiver_count().saturating_sub(1)
}

fn crowd(store: &Store, kids: impl IntoIterator<Item = String>) -> JoinSet<Result<(), Missing>> {
    let mut crowd = JoinSet::new();
    for kid in kids {
        let store = Arc::clone(store);
        crowd.spawn(async move { look(&store, &kid).await.map(|_| ()) });
    }
    crowd
}

#[tokio::test]
async fn many_unknown_keys_make_one_refetch() {
    let fake = Fake::new(1, [Next::Keys(&["a"]), Next::Keys(&["a"])]);
    let store = start(TIMES, &fake);
    look(&store, "a").await.unwrap();
    let callers = crowd(&store, (0..500).map(|number| format!("unknown-{number}")));
    until("all wait", || waiting(&store) == 500).await;
    assert_eq!(fake.calls(), 2, "the start's and one for all of them");
    fake.allow(1);
    for outcome in callers.join_all().await {
        assert_eq!(outcome, Err(Missing::Unknown));
    }
    for number in 500..600 {
        let outcome = look(&store, &format!("unknown-{number}")).await;
        assert_eq!(outcome, Err(Missing::Unknown));
    }
    assert_eq!(fake.calls(), 2, "within the cool-down nothing is fetched");
    look(&store, "a").await.unwrap();
}

#[tokio::test]
async fn a_new_key_is_found_by_all_who_waited() {
    let fake = Fake::new(1, [Next::Keys(&["a"]), Next::Keys(&["b"])]);
    let store = start(TIMES, &fake);
    look(&store, "a").await.unwrap();
    let callers = crowd(&store, (0..50).map(|_| "b".to_owned()));
    until("all wait", || waiting(&store) == 50).await;
    fake.allow(1);
    for outcome in callers.join_all().await {
        assert_eq!(outcome, Ok(()));
    }
    assert_eq!(look(&store, "a").await, Err(Missing::Unknown), "it left");
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_end_the_flight() {
    let fake = Fake::new(1, [Next::Keys(&["a"]), Next::Keys(&["a", "b"])]);
    let store = start(TIMES, &fake);
    look(&store, "a").await.unwrap();
    let mut first = crowd(&store, ["b".to_owned()]);
    until("the first fetches", || fake.calls() == 2).await;
    let others = crowd(&store, (0..20).map(|_| "b".to_owned()));
    until("the others wait", || waiting(&store) == 21).await;
    first.shutdown().await;
    assert_eq!(waiting(&store), 20);
    fake.allow(1);
    for outcome in others.join_all().await {
        assert_eq!(outcome, Ok(()));
    }
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn good_keys_outlive_broken_answers() {
    for broken in [Next::Fails, Next::Keys(&[]), Next::Panics] {
        let fake = Fake::new(2, [Next::Keys(&["a"]), broken]);
        let store = start(TIMES, &fake);
        let generation = look(&store, "a").await.unwrap();
        assert_eq!(look(&store, "b").await, Err(Missing::Unavailable));
        assert_eq!(look(&store, "a").await, Ok(generation));
        assert_eq!(look(&store, "c").await, Err(Missing::Unavailable));
        assert_eq!(fake.calls(), 2, "a failure cools down too");
        let status = store.status(UnixTime::now());
        assert_eq!((status.keys, status.fetches, status.failures), (1, 1, 1));
        assert!(status.last_error.is_some());
    }
}

#[tokio::test]
async fn keys_too_old_are_no_keys() {
    let fake = Fake::new(2, [Next::Keys(&["a"]), Next::Fails]);
    let store = start(TIMES, &fake);
    let generation = look(&store, "a").await.unwrap();
    let fetched_at = store.status(UnixTime::now()).fetched_at.unwrap();
    let last = fetched_at.plus(HOUR);
    assert_eq!(look_at(&store, last, "a").await, Ok(generation));
    assert_eq!(store.status(last).keys, 1);
    let late = last.plus(Duration::from_secs(1));
    assert_eq!(store.generation(late), None);
    assert_eq!(store.status(late).keys, 0);
    assert_eq!(look_at(&store, late, "a").await, Err(Missing::Unavailable));
    assert_eq!(look_at(&store, late, "b").await, Err(Missing::Unavailable));
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn keys_too_old_are_unavailable_even_within_a_cool_down() {
    let fake = Fake::new(2, [Next::Keys(&["a"]), Next::Keys(&["a"])]);
    let store = start(TIMES, &fake);
    assert_eq!(look(&store, "b").await, Err(Missing::Unknown));
    let late = UnixTime::now().plus(HOUR * 2);
    assert_eq!(look_at(&store, late, "b").await, Err(Missing::Unavailable));
}

#[tokio::test]
async fn the_first_request_waits_for_the_flight_under_way() {
    let fake = Fake::new(0, [Next::Keys(&["a"])]);
    let store = start(TIMES, &fake);
    assert_eq!(store.generation(UnixTime::now()), None);
    let callers = crowd(&store, (0..10).map(|_| "a".to_owned()));
    until("all wait", || waiting(&store) == 10).await;
    fake.allow(1);
    for outcome in callers.join_all().await {
        assert_eq!(outcome, Ok(()));
    }
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn an_outage_at_the_start_is_unavailable_and_heals() {
    for broken in [Next::Fails, Next::Panics] {
        let fake = Fake::new(2, [broken, Next::Keys(&["a"])]);
        let store = start(TIMES, &fake);
        assert_eq!(look(&store, "a").await, Err(Missing::Unavailable));
        assert_eq!(fake.calls(), 1);
        // The same failure, but long enough ago for the background task to try again.
        let before = Instant::now() - Duration::from_secs(2);
        {
            let mut state = store.shared.state.lock();
            state.schedule = Schedule::new(NO_COOL_DOWN, before);
            state.schedule.land(false, 0, before);
        }
        store.shared.landings.send_replace(());
        until("keys", || store.generation(UnixTime::now()).is_some()).await;
        assert_eq!(look(&store, "a").await, Ok(Generation(0)));
        assert!(store.status(UnixTime::now()).last_error.is_none());
    }
}

#[tokio::test]
async fn an_unchanged_document_keeps_its_generation() {
    let answers = [&["a"][..], &["a"], &["a", "b"]].map(Next::Keys);
    let fake = Fake::new(3, answers);
    let store = start(NO_COOL_DOWN, &fake);
    let first = look(&store, "a").await.unwrap();
    // Waits for two flights: the first brings the same document, the second a new one.
    let second = look(&store, "b").await.unwrap();
    assert_eq!(fake.calls(), 3);
    assert_ne!(first, second);
    assert_eq!(look(&store, "a").await, Ok(second));

    let fake = Fake::new(3, [&["a"][..], &["a"], &["a"]].map(Next::Keys));
    let store = start(NO_COOL_DOWN, &fake);
    let first = look(&store, "a").await.unwrap();
    assert_eq!(look(&store, "b").await, Err(Missing::Unknown));
    assert_eq!(fake.calls(), 3, "a caller waits for two flights at most");
    assert_eq!(look(&store, "a").await, Ok(first));
    assert_eq!(store.status(UnixTime::now()).fetches, 3);
}

#[tokio::test]
async fn a_flight_that_lands_meanwhile_has_the_last_word() {
    let fake = Fake::new(1, [Next::Keys(&["a"])]);
    let store = start(TIMES, &fake);
    look(&store, "a").await.unwrap();
    let seen = AtomicUsize::new(0);
    let found = store
        .look(UnixTime::now(), |kids| {
            if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                // Between reading the old keys and asking what to do.
                let step = store.shared.state.lock().schedule.miss(Instant::now());
                assert_eq!(step, Step::Fetch);
                store.shared.land(Ok(fetched(&["b"])), UnixTime::now());
            }
            kids.contains(&"b").then_some(())
        })
        .await;
    assert!(found.is_ok(), "{found:?}");
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn dropping_the_store_ends_the_background_task() {
    let fake = Fake::new(1, [Next::Keys(&["a"])]);
    let store = start(TIMES, &fake);
    look(&store, "a").await.unwrap();
    let shared = Arc::downgrade(&store.shared);
    drop(store);
    until("nobody holds it", || shared.strong_count() == 0).await;
}
