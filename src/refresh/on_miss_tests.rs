use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::scripted::{Answer, Scripted, Why, settle, until};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const TIMES: RefetchTimes = RefetchTimes {
    refresh: HOUR,
    cool_down: HOUR,
    max_stale: HOUR,
};
/// A wait that is always over: each miss may fetch.
const NO_COOL_DOWN: RefetchTimes = RefetchTimes {
    cool_down: Duration::ZERO,
    ..TIMES
};
/// Longer than the set is good.
const LONG_COOL_DOWN: RefetchTimes = RefetchTimes {
    cool_down: Duration::from_secs(24 * 3600),
    ..TIMES
};

type Names = Vec<String>;

type Fake = Scripted<Names>;

fn names(names: &[&str]) -> Answer<Names> {
    Answer::Item(names.iter().map(ToString::to_string).collect())
}

fn fails() -> Answer<Names> {
    Answer::Fails(Why::Down)
}

type Set = Arc<OnMiss<Fake>>;

fn start(times: RefetchTimes, fake: &Fake) -> Set {
    Arc::new(OnMiss::start(fake.clone(), times))
}

async fn find_at(set: &Set, now: UnixTime, name: &str) -> Result<Generation, Missing> {
    let pick = |names: &Names| names.iter().find(|known| *known == name).cloned();
    let found = set.find(now, &name, pick).await?;
    assert_eq!(found.item, name);
    Ok(found.generation)
}

async fn find(set: &Set, name: &str) -> Result<Generation, Missing> {
    find_at(set, UnixTime::now(), name).await
}

/// Whether the source cannot tell, and says when it will be asked again, between one second and
/// the cool-down.
#[track_caller]
fn assert_unavailable(outcome: Result<Generation, Missing>, cool_down: Duration) {
    // The fetch itself takes a second begun.
    let longest = cool_down + Duration::from_secs(1);
    match outcome {
        Err(Missing::Unavailable { retry_after }) => {
            assert!(
                !retry_after.is_zero() && retry_after <= longest,
                "{retry_after:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Whether nobody was asked about it, and when somebody will be is told.
#[track_caller]
fn assert_not_asked(outcome: Result<Generation, Missing>) {
    match outcome {
        Err(Missing::NotAsked { retry_after }) => {
            let longest = HOUR + Duration::from_secs(1);
            assert!(retry_after <= longest && retry_after > HOUR / 2);
        }
        other => panic!("{other:?}"),
    }
}

fn crowd(
    set: &Set,
    names: impl IntoIterator<Item = String>,
) -> JoinSet<Result<Generation, Missing>> {
    let mut crowd = JoinSet::new();
    for name in names {
        let set = Arc::clone(set);
        crowd.spawn(async move { find(&set, &name).await });
    }
    crowd
}

#[tokio::test]
async fn many_misses_make_one_refetch() {
    let fake = Fake::new(1, [names(&["a"]), names(&["a"])]);
    let set = start(TIMES, &fake);
    find(&set, "a").await.unwrap();
    let callers = crowd(&set, (0..500).map(|number| format!("unknown-{number}")));
    settle().await;
    assert_eq!(fake.calls(), 2, "the start's and one for all of them");
    fake.allow(1);
    let outcomes = callers.join_all().await;
    let unknown = |outcome: &&_| **outcome == Err(Missing::Unknown);
    let asked = outcomes.iter().filter(unknown).count();
    assert_eq!(
        asked, 1,
        "it was asked for the first, and under way for the others"
    );
    for outcome in outcomes {
        if outcome != Err(Missing::Unknown) {
            assert_not_asked(outcome);
        }
    }
    for number in 500..600 {
        assert_not_asked(find(&set, &format!("unknown-{number}")).await);
    }
    assert_eq!(fake.calls(), 2, "within the cool-down nothing is fetched");
    find(&set, "a").await.unwrap();
}

#[tokio::test]
async fn a_new_one_is_found_by_all_who_waited() {
    let fake = Fake::new(1, [names(&["a"]), names(&["b"])]);
    let set = start(TIMES, &fake);
    find(&set, "a").await.unwrap();
    let callers = crowd(&set, (0..50).map(|_| "b".to_owned()));
    settle().await;
    fake.allow(1);
    for outcome in callers.join_all().await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!(find(&set, "a").await, Err(Missing::Unknown), "it left");
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn what_left_with_the_last_change_needs_no_asking() {
    let answers = [&["a"][..], &["b"], &["b"]].map(names);
    let fake = Fake::new(3, answers);
    let set = start(NO_COOL_DOWN, &fake);
    until("a set", || set.generation(UnixTime::now()).is_some()).await;
    find(&set, "b").await.unwrap();
    set.keeper.state.lock().policy = Refetch::new(TIMES);
    // Starts the cool-down, and brings the same set.
    assert_eq!(find(&set, "c").await, Err(Missing::Unknown));
    assert_eq!(find(&set, "a").await, Err(Missing::Unknown), "it left");
    assert_not_asked(find(&set, "d").await);
    assert_eq!(fake.calls(), 3);
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_end_the_fetch() {
    let fake = Fake::new(1, [names(&["a"]), names(&["a", "b"])]);
    let set = start(TIMES, &fake);
    find(&set, "a").await.unwrap();
    let mut first = crowd(&set, ["b".to_owned()]);
    until("the first fetches", || fake.calls() == 2).await;
    let others = crowd(&set, (0..20).map(|_| "b".to_owned()));
    settle().await;
    first.shutdown().await;
    fake.allow(1);
    for outcome in others.join_all().await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn a_good_set_outlives_broken_answers() {
    for broken in [fails(), Answer::Panics] {
        let fake = Fake::new(2, [names(&["a"]), broken]);
        let set = start(TIMES, &fake);
        let generation = find(&set, "a").await.unwrap();
        assert_unavailable(find(&set, "b").await, HOUR);
        assert_eq!(find(&set, "a").await, Ok(generation));
        assert_unavailable(find(&set, "c").await, HOUR);
        assert_eq!(fake.calls(), 2, "a failure cools down too");
        let status = set.status();
        assert_eq!((status.fetches, status.failures), (1, 1));
        assert!(status.last_error.is_some());
    }
}

#[tokio::test]
async fn a_set_too_old_is_none() {
    let fake = Fake::new(2, [names(&["a"]), fails()]);
    let set = start(LONG_COOL_DOWN, &fake);
    let generation = find(&set, "a").await.unwrap();
    let fetched_at = set.status().fetched_at.unwrap();
    let last = fetched_at.plus(HOUR);
    assert_eq!(find_at(&set, last, "a").await, Ok(generation));
    assert_eq!(set.peek(last, Vec::len), Some(1));
    let late = last.plus(Duration::from_secs(1));
    assert_eq!(set.generation(late), None);
    assert_eq!(set.peek(late, Vec::len), None);
    assert_unavailable(find_at(&set, late, "a").await, LONG_COOL_DOWN.cool_down);
    assert_unavailable(find_at(&set, late, "b").await, LONG_COOL_DOWN.cool_down);
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn a_set_too_old_is_unavailable_even_within_a_cool_down() {
    let fake = Fake::new(2, [names(&["a"]), names(&["a"])]);
    let set = start(LONG_COOL_DOWN, &fake);
    assert_eq!(find(&set, "b").await, Err(Missing::Unknown));
    let late = UnixTime::now().plus(HOUR * 2);
    assert_unavailable(find_at(&set, late, "b").await, LONG_COOL_DOWN.cool_down);
}

#[tokio::test]
async fn the_first_request_waits_for_the_fetch_in_flight() {
    let fake = Fake::new(0, [names(&["a"])]);
    let set = start(TIMES, &fake);
    assert_eq!(set.generation(UnixTime::now()), None);
    let callers = crowd(&set, (0..10).map(|_| "a".to_owned()));
    settle().await;
    fake.allow(1);
    for outcome in callers.join_all().await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn an_outage_at_the_start_is_unavailable_and_heals() {
    for broken in [fails(), Answer::Panics] {
        let fake = Fake::new(2, [broken, names(&["a"])]);
        let set = start(TIMES, &fake);
        assert_unavailable(find(&set, "a").await, HOUR);
        assert_eq!(fake.calls(), 1);
        // What the timer does once the cool-down is over.
        let then = UnixTime::now().plus(HOUR * 2);
        set.keeper.ring(then, UnixTime::now());
        until("a set", || set.generation(UnixTime::now()).is_some()).await;
        assert_eq!(find(&set, "a").await, Ok(Generation(0)));
        assert!(set.status().last_error.is_none());
    }
}

#[tokio::test]
async fn an_unchanged_set_keeps_its_generation() {
    let answers = [&["a"][..], &["a"], &["a", "b"]].map(names);
    let fake = Fake::new(3, answers);
    let set = start(NO_COOL_DOWN, &fake);
    let first = find(&set, "a").await.unwrap();
    // Waits for two fetches: the first brings the same document, the second a new one.
    let second = find(&set, "b").await.unwrap();
    assert_eq!(fake.calls(), 3);
    assert_ne!(first, second);
    assert_eq!(find(&set, "a").await, Ok(second));

    let fake = Fake::new(3, [&["a"][..], &["a"], &["a"]].map(names));
    let set = start(NO_COOL_DOWN, &fake);
    let first = find(&set, "a").await.unwrap();
    assert_eq!(find(&set, "b").await, Err(Missing::Unknown));
    assert_eq!(fake.calls(), 3, "a caller waits for two fetches at most");
    assert_eq!(find(&set, "a").await, Ok(first));
    assert_eq!(set.status().fetches, 3);
}

#[tokio::test]
async fn a_fetch_that_ends_meanwhile_has_the_last_word() {
    let fake = Fake::new(1, [names(&["a"])]);
    let set = start(TIMES, &fake);
    find(&set, "a").await.unwrap();
    let seen = AtomicUsize::new(0);
    let now = UnixTime::now();
    let found = set
        .find(now, &"b", |names| {
            if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                // Between reading the old set and asking what to do.
                let mut state = set.keeper.state.lock();
                let backoff = state.backoff;
                state
                    .policy
                    .miss(&"c", false, backoff.as_ref(), now)
                    .unwrap();
                drop(state);
                let begun = (now, Cause::Due);
                set.keeper
                    .end(begun, Ok(vec!["b".to_owned()]), now)
                    .unwrap();
            }
            names.iter().any(|name| name == "b").then_some(())
        })
        .await;
    assert!(found.is_ok(), "{found:?}");
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn dropping_the_set_ends_the_background_refresh() {
    let fake = Fake::new(1, [names(&["a"])]);
    let set = start(TIMES, &fake);
    find(&set, "a").await.unwrap();
    let keeper = Arc::downgrade(&set.keeper);
    drop(set);
    until("nobody holds it", || keeper.strong_count() == 0).await;
}
