use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::AtomicUsize;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

use super::super::KeyedFailure;
use super::super::state::{MOST_IN_FLIGHT, MOST_REPLACED};
use super::*;
use crate::refresh::scripted::settle;
use crate::refresh::{Expires, Failure};

#[derive(Debug, PartialEq, Eq)]
struct Token {
    number: u64,
    ends_at: u64,
}

impl Expires for Token {
    fn expires_at(&self) -> UnixTime {
        at(self.ends_at)
    }

    fn renew_at(&self) -> UnixTime {
        at(self.ends_at).minus(Duration::from_secs(300))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Refused,
    Down,
    Throttled(u64),
    Crowded,
    Mishap(Mishap),
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

impl From<Mishap> for Why {
    fn from(mishap: Mishap) -> Self {
        Self::Mishap(mishap)
    }
}

impl Failure for Why {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(seconds) => Some(Duration::from_secs(*seconds)),
            _ => None,
        }
    }
}

impl KeyedFailure for Why {
    fn is_of_the_key(&self) -> bool {
        *self == Self::Refused
    }

    fn crowded() -> Self {
        Self::Crowded
    }
}

/// Gives what it is told in turn; without that, tokens that end at 4600.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<u64, Why>>>,
    needed: Mutex<Vec<&'static str>>,
    calls: AtomicUsize,
    gate: Option<Semaphore>,
}

impl KeyedSource for Arc<Script> {
    type Key = u64;
    type Needed = &'static str;
    type Item = Token;
    type Error = Why;

    async fn fetch(&self, needed: &'static str, _: UnixTime) -> Result<Token, Why> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) as u64 + 1;
        self.needed.lock().push(needed);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let answer = self.answers.lock().pop_front();
        let ends_at = answer.unwrap_or(Ok(4600))?;
        Ok(Token { number, ends_at })
    }

    fn weight(_: &Token) -> u32 {
        1000
    }

    fn tell(&self, _: Result<&Token, &Why>, _: Option<Duration>) {}
}

type Tokens = Arc<ByKey<Arc<Script>>>;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn tokens(answers: &[Result<u64, Why>], gated: bool) -> (Tokens, Arc<Script>) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.iter().cloned().collect()),
        gate: gated.then(|| Semaphore::new(0)),
        ..Script::default()
    });
    let room = Room {
        usual: 10,
        most: 1_000_000,
    };
    let cool_down = Duration::from_secs(5);
    (ByKey::new(Arc::clone(&script), cool_down, room), script)
}

impl Script {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn allow(&self, count: usize) {
        self.gate.as_ref().unwrap().add_permits(count);
    }
}

async fn number(tokens: &Tokens, key: u64, now: u64) -> u64 {
    tokens.current(key, at(now), || "x").await.unwrap().number
}

async fn why(tokens: &Tokens, key: u64, now: u64) -> Unavailable<Why> {
    tokens.current(key, at(now), || "x").await.unwrap_err()
}

#[tokio::test]
async fn each_key_has_its_own_and_five_hundred_callers_of_one_make_one_call() {
    let (tokens, script) = tokens(&[], true);
    let mut callers = JoinSet::new();
    for number in 0..500 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.current(number % 2, at(1000), || "x").await });
    }
    settle().await;
    assert_eq!(script.calls(), 2, "one for each key");
    script.allow(2);
    let given = callers.join_all().await;
    let given: Vec<u64> = given
        .into_iter()
        .map(|token| token.unwrap().number)
        .collect();
    assert_eq!(given.len(), 500);
    let of_first = given.iter().filter(|number| **number == 1).count();
    assert_eq!(of_first, 250, "nobody was given the other's");
    assert_ne!(
        number(&tokens, 0, 1001).await,
        number(&tokens, 1, 1001).await
    );
    assert_eq!(script.calls(), 2);
    let status = tokens.status(at(1001));
    assert_eq!((status.kept, status.bytes), (2, 2000));
    assert_eq!((status.found, status.fetches), (2, 2));
}

#[tokio::test]
async fn who_leaves_does_not_end_it_for_the_others() {
    let (tokens, script) = tokens(&[], true);
    let first = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { tokens.current(1, at(1000), || "x").await.is_ok() }
    });
    settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { number(&tokens, 1, 1000).await }
    });
    settle().await;
    script.allow(1);
    assert_eq!(second.await.unwrap(), 1);
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn what_ended_is_fetched_again_and_what_is_stale_meanwhile_served() {
    let (tokens, script) = tokens(&[Ok(4600), Ok(4600), Ok(8200)], false);
    assert_eq!(number(&tokens, 1, 1000).await, 1);
    assert_eq!(number(&tokens, 1, 4299).await, 1);
    assert_eq!(script.calls(), 1);
    assert_eq!(number(&tokens, 1, 4300).await, 1, "at once");
    settle().await;
    assert_eq!(script.calls(), 2);
    assert_eq!(number(&tokens, 1, 4595).await, 2, "its last second");
    settle().await;
    assert_eq!(number(&tokens, 1, 4596).await, 3);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_what_is_good_and_waits() {
    let (tokens, script) = tokens(&[Ok(4600), Err(Why::Refused), Err(Why::Down)], false);
    assert_eq!(number(&tokens, 1, 1000).await, 1);
    for now in [4300, 4301, 4305] {
        assert_eq!(number(&tokens, 1, now).await, 1);
        settle().await;
        assert_eq!(script.calls(), 2, "{now}");
    }
    assert_eq!(number(&tokens, 1, 4306).await, 1);
    settle().await;
    assert_eq!(script.calls(), 3);
    assert_eq!(number(&tokens, 1, 4307).await, 1);
}

#[tokio::test]
async fn a_refusal_is_remembered_for_its_key_alone_and_a_moment() {
    let (tokens, script) = tokens(&[Err(Why::Refused)], false);
    let first = why(&tokens, 1, 1000).await;
    assert_eq!((first.cause, first.is_backoff), (Why::Refused, false));
    // It ended at 1001.
    let again = why(&tokens, 1, 1004).await;
    assert_eq!((again.cause, again.is_backoff), (Why::Refused, true));
    assert_eq!(again.retry_after, Duration::from_secs(2));
    assert_eq!(number(&tokens, 2, 1004).await, 2);
    assert_eq!(script.calls(), 2);
    assert_eq!(number(&tokens, 1, 1007).await, 3);
    let status = tokens.status(at(1007));
    assert_eq!((status.refusals, status.failures), (1, 0));
}

#[tokio::test]
async fn where_three_in_a_row_fail_nobody_asks_for_a_while() {
    let down = || Err(Why::Throttled(60));
    let (tokens, script) = tokens(&[down(), down(), down()], false);
    for key in 1..=3 {
        assert_eq!(why(&tokens, key, 1000).await.cause, Why::Throttled(60));
    }
    for key in 4..=50 {
        let told = why(&tokens, key, 1010).await;
        assert_eq!((told.cause, told.is_backoff), (Why::Throttled(60), true));
        assert_eq!(told.retry_after, Duration::from_secs(51));
    }
    assert_eq!(script.calls(), 3);
    let status = tokens.status(at(1010));
    assert_eq!(status.paused_until, Some(at(1061)));
    assert_eq!(status.last_error, Some(Why::Throttled(60)));
    assert_eq!(number(&tokens, 4, 1061).await, 4);
    assert_eq!(number(&tokens, 5, 1061).await, 5, "one success ends it");
    assert_eq!(tokens.status(at(1061)).last_error, None);
}

#[tokio::test]
async fn one_users_trouble_never_stops_the_others() {
    let (tokens, script) = tokens(
        &[
            Err(Why::Down),
            Err(Why::Down),
            Err(Why::Refused),
            Err(Why::Down),
            Err(Why::Down),
        ],
        false,
    );
    for key in 1..=5 {
        why(&tokens, key, 1000).await;
    }
    assert_eq!(number(&tokens, 6, 1000).await, 6);
    assert_eq!(script.calls(), 6, "an answer, even a no, is no outage");
}

#[tokio::test]
async fn so_many_are_in_flight_and_no_more() {
    let (tokens, script) = tokens(&[], true);
    let mut callers = JoinSet::new();
    for key in 0..MOST_IN_FLIGHT as u64 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.current(key, at(1000), || "x").await.is_ok() });
    }
    while script.calls() < MOST_IN_FLIGHT {
        yield_now().await;
    }
    let told = why(&tokens, 9999, 1000).await;
    assert_eq!(told.cause, Why::Crowded);
    let joins = tokens.current(3, at(1000), || "x");
    script.allow(MOST_IN_FLIGHT);
    assert!(joins.await.is_ok(), "to join takes no place");
    assert!(callers.join_all().await.into_iter().all(|given| given));
}

#[tokio::test]
async fn what_is_kept_has_bounds() {
    let (tokens, script) = tokens(&[], false);
    for key in 0..3000 {
        number(&tokens, key, 1000).await;
    }
    let status = tokens.status(at(1000));
    assert!(status.bytes <= 1_000_000);
    assert_eq!(status.kept as u64 + status.forgotten, 3000);
    assert_eq!(script.calls(), 3000);
}

#[tokio::test]
async fn what_ended_makes_room_of_its_own() {
    let (tokens, _) = tokens(&[Ok(2000), Ok(2000), Ok(4600)], false);
    for key in 1..=2 {
        number(&tokens, key, 1000).await;
    }
    number(&tokens, 3, 2001).await;
    assert_eq!(tokens.status(at(2001)).kept, 1);
}

#[tokio::test]
async fn one_that_was_refused_elsewhere_is_replaced_once_a_minute() {
    let (tokens, script) = tokens(&[Ok(9000), Ok(9000), Ok(9000)], false);
    let first = tokens.current(1, at(1000), || "x").await.unwrap();
    let with = |now, refused: Arc<Token>| {
        let tokens = Arc::clone(&tokens);
        async move {
            let outcome = tokens.instead_of(1, &refused, at(now), || "claims").await;
            outcome.map(|token| token.unwrap())
        }
    };
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        callers.spawn(with(1100, Arc::clone(&first)));
    }
    let fresh = callers.join_all().await;
    assert!(
        fresh
            .iter()
            .all(|token| token.as_ref().unwrap().number == 2)
    );
    assert_eq!(script.calls(), 2, "no storm");
    assert_eq!(*script.needed.lock(), ["x", "claims"]);
    let second = tokens.current(1, at(1101), || "x").await.unwrap();
    assert_eq!(second.number, 2, "and the next are given it");
    // A straggler that was sent the old one.
    assert_eq!(with(1101, first).await.unwrap().number, 2);
    assert_eq!(with(1130, Arc::clone(&second)).await, None);
    assert_eq!(with(1161, second).await.unwrap().number, 3);
}

#[tokio::test]
async fn a_replacement_that_is_refused_goes_up_and_one_that_fails_changes_nothing() {
    let (tokens, _) = tokens(
        &[Ok(9000), Err(Why::Down), Ok(9000), Err(Why::Refused)],
        false,
    );
    let first = tokens.current(1, at(1000), || "x").await.unwrap();
    let down = tokens.instead_of(1, &first, at(1100), || "x").await;
    assert_eq!(down.unwrap().unwrap_err().cause, Why::Down);
    assert_eq!(number(&tokens, 1, 1101).await, 1);
    assert_eq!(tokens.instead_of(1, &first, at(1110), || "x").await, None);
    let third = tokens.instead_of(1, &first, at(1200), || "x").await;
    let third = third.unwrap().unwrap();
    let refused = tokens.instead_of(1, &third, at(1300), || "x").await;
    assert_eq!(refused.unwrap().unwrap_err().cause, Why::Refused);
    assert_eq!(why(&tokens, 1, 1301).await.cause, Why::Refused);
}

#[tokio::test]
async fn what_expired_on_its_way_is_a_failure() {
    let (tokens, _) = tokens(&[Ok(1001), Ok(4600)], false);
    let told = why(&tokens, 1, 1000).await;
    assert_eq!(told.cause, Why::Mishap(Mishap::Expired));
    assert_eq!(number(&tokens, 1, 1007).await, 2);
}

#[tokio::test]
async fn a_side_that_refuses_everybodys_makes_no_storm() {
    let (tokens, script) = tokens(&[], false);
    let users = u64::from(MOST_REPLACED) + 40;
    let mut replaced = 0;
    for key in 0..users {
        let one = tokens.current(key, at(1000), || "x").await.unwrap();
        let other = tokens.instead_of(key, &one, at(1001), || "x").await;
        replaced += u32::from(other.is_some());
    }
    assert_eq!(replaced, MOST_REPLACED);
    assert_eq!(script.calls() as u64, users + u64::from(MOST_REPLACED));
    let one = tokens.current(users - 1, at(1002), || "x").await.unwrap();
    let other = tokens.instead_of(users - 1, &one, at(1061), || "x").await;
    assert!(other.is_some(), "a minute later");
}

#[path = "keeper_forgotten_tests.rs"]
mod forgotten;
