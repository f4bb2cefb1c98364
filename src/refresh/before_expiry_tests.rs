use futures_util::FutureExt;
use tokio::task::{JoinSet, yield_now};

use super::super::scripted::{Answer, Scripted, Why, settle};
use super::super::source::Mishap;
use super::*;

#[derive(Debug, PartialEq, Eq)]
struct Token {
    number: usize,
    expires_at: UnixTime,
}

impl Expires for Token {
    fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    fn renew_at(&self) -> UnixTime {
        self.expires_at.minus(Duration::from_secs(300))
    }
}

#[derive(Clone, Copy)]
enum Next {
    /// A token that ends then.
    Until(u64),
    Down,
    Throttled(u64),
    Panic,
}

use Next::{Down, Panic, Throttled, Until};

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

type Script = Scripted<Token>;
type Tokens = Arc<BeforeExpiry<Script>>;

/// With an endpoint that answers at once, or, `gated`, when it is allowed to.
fn tokens(answers: &[Next], gated: bool) -> (Tokens, Script) {
    let answers = answers.iter().zip(1..).map(|(next, number)| match next {
        Until(end) => Answer::Item(Token {
            number,
            expires_at: at(*end),
        }),
        Down => Answer::Fails(Why::Down),
        Throttled(seconds) => Answer::Fails(Why::Throttled(*seconds)),
        Panic => Answer::Panics,
    });
    let script = Script::new(if gated { 0 } else { 100 }, answers);
    let tokens = BeforeExpiry::new(script.clone(), Duration::from_secs(5));
    (Arc::new(tokens), script)
}

async fn number(tokens: &Tokens, now: u64) -> usize {
    tokens.current(at(now)).await.unwrap().number
}

/// What becomes of one that was refused.
fn refused(tokens: &Tokens, token: &Arc<Token>, now: u64) -> &'static str {
    match tokens.refused(token, (), at(now)) {
        Replacing::Done(_) => "done",
        Replacing::Begun(_) => "begun",
        Replacing::Coming(_) => "coming",
        Replacing::TooSoon => "too soon",
        Replacing::Unavailable(_) => "unavailable",
    }
}

#[tokio::test]
async fn five_hundred_cold_callers_make_one_call_though_the_first_leaves() {
    let (tokens, script) = tokens(&[Until(4600)], true);
    let first = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { tokens.current(at(1000)).await.is_ok() }
    });
    settle().await;
    assert_eq!(script.calls(), 1);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    let mut callers = JoinSet::new();
    for _ in 1..500 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.current(at(1000)).await });
    }
    settle().await;
    assert_eq!(
        callers.try_join_next().map(|_| ()),
        None,
        "nobody has a token yet"
    );
    script.allow(1);
    let given = callers.join_all().await;
    assert_eq!(given.len(), 499);
    assert!(
        given
            .iter()
            .all(|token| token.as_ref().unwrap().number == 1)
    );
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_a_minute_and_only_who_was_refused_waits() {
    let (tokens, script) = tokens(&[Until(9000), Until(9000), Until(9000)], true);
    script.allow(1);
    let first = tokens.current(at(1000)).await.unwrap();
    assert_eq!(refused(&tokens, &first, 1100), "begun");
    assert_eq!(refused(&tokens, &first, 1100), "coming");
    let next = tokio::spawn({
        let (tokens, first) = (Arc::clone(&tokens), Arc::clone(&first));
        async move { tokens.instead_of(first, at(1100)).await.number }
    });
    settle().await;
    assert_eq!(script.calls(), 2, "one fetch, however many were refused");
    let others = tokens.current(at(1100)).now_or_never();
    assert_eq!(others.expect("nobody else waits").unwrap().number, 1);
    let later = tokens
        .instead_of(Arc::clone(&first), at(1102))
        .now_or_never();
    assert_eq!(later.expect("a second, and no longer").number, 1);
    script.allow(1);
    assert_eq!(next.await.unwrap(), 2);
    let straggler = tokens
        .instead_of(Arc::clone(&first), at(1101))
        .now_or_never();
    assert_eq!(straggler.expect("it is there").number, 2);
    // A straggler that was sent the old one, and an upstream that takes none.
    assert_eq!(refused(&tokens, &first, 1300), "done");
    let second = tokens.current(at(1101)).await.unwrap();
    assert_eq!(refused(&tokens, &second, 1130), "too soon");
    settle().await;
    assert_eq!(script.calls(), 2);
    assert_eq!(refused(&tokens, &second, 1160), "begun");
    settle().await;
    assert_eq!(script.calls(), 3);
}

#[tokio::test]
async fn a_refused_token_is_kept_where_no_fresh_one_can_be_had() {
    let (tokens, script) = tokens(&[Until(9000), Throttled(600)], false);
    let first = tokens.current(at(1000)).await.unwrap();
    assert_eq!(refused(&tokens, &first, 1100), "begun");
    let same = tokens.instead_of(Arc::clone(&first), at(1100)).await;
    assert_eq!(same.number, 1);
    settle().await;
    assert_eq!(number(&tokens, 1101).await, 1);
    assert_eq!(refused(&tokens, &first, 1200), "unavailable");
    settle().await;
    assert_eq!(script.calls(), 2, "Retry-After counts here too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_make_one_call() {
    let (tokens, script) = tokens(&[Until(4600)], true);
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.current(at(1000)).await });
    }
    script.allow(1);
    assert!(callers.join_all().await.iter().all(Result::is_ok));
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn a_token_is_kept_until_it_ages() {
    let (tokens, script) = tokens(&[Until(4600), Until(8200)], false);
    for now in [1000, 1001, 4299] {
        assert_eq!(number(&tokens, now).await, 1);
    }
    assert_eq!(script.calls(), 1);
    // Ageing: the caller is served at once, the next one gets the new token.
    assert_eq!(number(&tokens, 4300).await, 1);
    settle().await;
    assert_eq!(number(&tokens, 4301).await, 2);
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn nobody_waits_for_a_renewal_and_there_is_one_at_a_time() {
    let (tokens, script) = tokens(&[Until(4600), Until(8200)], true);
    script.allow(1);
    assert_eq!(number(&tokens, 1000).await, 1);
    for _ in 0..100 {
        assert_eq!(number(&tokens, 4300).await, 1);
        settle().await;
    }
    assert_eq!(script.calls(), 2);
    script.allow(1);
    settle().await;
    assert_eq!(number(&tokens, 4300).await, 2);
}

#[tokio::test]
async fn whoever_finds_the_token_spent_joins_the_renewal_under_way() {
    let (tokens, script) = tokens(&[Until(4600), Until(8200)], true);
    script.allow(1);
    assert_eq!(number(&tokens, 1000).await, 1);
    assert_eq!(number(&tokens, 4590).await, 1);
    settle().await;
    let waiting = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { number(&tokens, 4600).await }
    });
    settle().await;
    script.allow(1);
    assert_eq!(waiting.await.unwrap(), 2);
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn the_old_token_is_served_while_the_endpoint_fails() {
    let (tokens, script) = tokens(&[Until(4600), Down, Down, Until(9000)], false);
    assert_eq!(number(&tokens, 1000).await, 1);
    assert_eq!(number(&tokens, 4300).await, 1);
    settle().await;
    // Ended at 4301, quiet for a twentieth of what is left.
    for now in [4301, 4314] {
        assert_eq!(number(&tokens, now).await, 1);
        settle().await;
        assert_eq!(script.calls(), 2, "at {now}");
    }
    assert!(tokens.status().last_error.unwrap().contains("Down"));
    assert_eq!(number(&tokens, 4315).await, 1);
    settle().await;
    assert_eq!(script.calls(), 3);
    assert_eq!(number(&tokens, 4595).await, 1);
    settle().await;
    assert_eq!(number(&tokens, 4596).await, 4);
    let status = tokens.status();
    assert_eq!((status.fetches, status.failures), (2, 2));
    assert_eq!(
        (status.last_error, tokens.kept().map(|kept| kept.expires_at)),
        (None, Some(at(9000)))
    );
}

#[tokio::test]
async fn a_failure_answers_all_who_waited_and_cools_down() {
    let (tokens, script) = tokens(&[Down, Until(4600)], true);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.current(at(1000)).await });
    }
    settle().await;
    script.allow(1);
    for outcome in callers.join_all().await {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.cause, error.is_backoff, error.retry_after),
            (Why::Down, false, Duration::from_secs(5))
        );
    }
    // Ended at 1001: quiet until 1006, and the rest is told at once.
    for now in [1001, 1005] {
        let error = tokens.current(at(now)).await.unwrap_err();
        assert_eq!(
            (&error.cause, error.is_backoff, error.retry_after),
            (&Why::Down, true, Duration::from_secs(1006 - now))
        );
        assert_eq!(
            error.to_string(),
            "waiting before the next attempt; the last one failed: Down"
        );
    }
    assert_eq!(script.calls(), 1);
    script.allow(1);
    assert_eq!(number(&tokens, 1006).await, 2);
    assert_eq!(tokens.status().failures, 1);
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_kept() {
    let (tokens, script) = tokens(&[Throttled(60), Until(4600)], false);
    let first = tokens.current(at(1000)).await.unwrap_err();
    assert_eq!(first.retry_after, Duration::from_secs(60));
    for now in [1001, 1060] {
        let error = tokens.current(at(now)).await.unwrap_err();
        assert_eq!(error.retry_after, Duration::from_secs(1061 - now));
        assert_eq!(error.cause, Why::Throttled(60));
    }
    assert_eq!(script.calls(), 1);
    assert_eq!(number(&tokens, 1061).await, 2);
}

#[tokio::test]
async fn a_panic_wedges_nobody() {
    let (tokens, script) = tokens(&[Panic, Until(4600), Panic, Until(9000)], false);
    let error = tokens.current(at(1000)).await.unwrap_err();
    assert_eq!(error.cause, Why::Mishap(Mishap::BrokenOff));
    assert!(tokens.current(at(1001)).await.unwrap_err().is_backoff);
    assert_eq!(number(&tokens, 1006).await, 2);
    // One in the background leaves the token in hand alone.
    assert_eq!(number(&tokens, 4300).await, 2);
    settle().await;
    assert_eq!(number(&tokens, 4315).await, 2);
    settle().await;
    assert_eq!(number(&tokens, 4316).await, 4);
    assert_eq!(script.calls(), 4);
}

#[tokio::test]
async fn the_timer_renews_what_is_used_and_only_that() {
    let (tokens, script) = tokens(&[Until(4600), Until(8200), Until(11_800)], false);
    assert_eq!(number(&tokens, 1000).await, 1);
    tokens.keeper.ring(at(4299), at(4299));
    settle().await;
    assert_eq!(script.calls(), 1, "not yet due");
    tokens.keeper.ring(at(4300), at(4300));
    settle().await;
    assert_eq!(script.calls(), 2);
    // The second token was given to nobody: it is let run out.
    tokens.keeper.ring(at(7900), at(7900));
    settle().await;
    assert_eq!(script.calls(), 2);
    assert_eq!(number(&tokens, 7901).await, 2);
    settle().await;
    assert_eq!(number(&tokens, 7902).await, 3);
}

#[tokio::test]
async fn the_timer_goes_off_by_itself() {
    // Stale at once, and renewed after the backoff of a second.
    let now = UnixTime::now().seconds();
    let (tokens, script) = tokens(&[Until(now + 300), Until(now + 9000)], false);
    tokens.keeper.state.lock().policy = Renewal::new(Duration::ZERO);
    assert_eq!(number(&tokens, now).await, 1);
    let renewed = async {
        while script.calls() < 2 {
            yield_now().await;
        }
    };
    let patience = Duration::from_secs(30);
    assert!(tokio::time::timeout(patience, renewed).await.is_ok());
}

#[tokio::test]
async fn what_expired_on_its_way_is_a_failure() {
    let (tokens, script) = tokens(&[Until(1001), Until(4600)], false);
    let error = tokens.current(at(1000)).await.unwrap_err();
    assert_eq!(error.cause, Why::Mishap(Mishap::Expired));
    assert_eq!(number(&tokens, 1006).await, 2);
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn one_that_is_dropped_leaves_no_task() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let (tokens, _) = tokens(&[Until(4600)], false);
    assert_eq!(number(&tokens, 1000).await, 1);
    settle().await;
    assert_eq!(tasks(), 1, "the timer");
    drop(tokens);
    settle().await;
    assert_eq!(tasks(), 0);
}

#[test]
fn a_runtime_that_stops_mid_fetch_neither_hangs_nor_panics() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build().unwrap();
    let (tokens, script) = tokens(&[Until(4600)], true);
    let waiting = Arc::clone(&tokens);
    runtime.spawn(async move { waiting.current(at(1000)).await.is_ok() });
    runtime.block_on(settle());
    assert_eq!(script.calls(), 1);
    drop(runtime);
    let status = tokens.status();
    assert!(status.failures == 1 && status.last_error.is_some());
}
