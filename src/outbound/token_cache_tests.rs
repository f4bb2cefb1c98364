use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

use super::*;
use crate::entra::EntraError;

/// A source that follows a script, one permit of `gate` an answer.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    gate: Option<Semaphore>,
    asked: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Answer {
    /// A token that ends then.
    Token(u64),
    Down,
    Throttled(u64),
    Panic,
}

use Answer::{Down, Panic, Throttled, Token};

struct Fake(Arc<Script>);

#[async_trait]
impl Acquire for Fake {
    async fn acquire(&self, _: &str, _: UnixTime) -> Result<AccessToken, AcquireError> {
        let asked = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(gate) = &self.0.gate {
            gate.acquire().await.unwrap().forget();
        }
        let answer = self.0.answers.lock().pop_front();
        match answer.expect("asked more often than the script foresees") {
            Token(end) => Ok(AccessToken {
                header: format!("Bearer {asked}").parse::<HeaderValue>().unwrap(),
                expires_at: at(end),
                renew_at: at(end - 300),
            }),
            Down => Err(EntraError::Unavailable("down".to_owned()).into()),
            Throttled(seconds) => {
                let retry_after = Duration::from_secs(seconds);
                Err(EntraError::Throttled { retry_after }.into())
            }
            Panic => panic!("as the script says"),
        }
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn tokens(answers: &[Answer], gated: bool) -> (Arc<AppTokens>, Arc<Script>) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.iter().copied().collect()),
        gate: gated.then(|| Semaphore::new(0)),
        asked: AtomicUsize::new(0),
    });
    let source = Box::new(Fake(Arc::clone(&script)));
    let tokens = AppTokens::over(
        source,
        "mail".into(),
        "x/.default".into(),
        TokenTimes::default(),
    );
    (tokens, script)
}

impl Script {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn open(&self) {
        self.gate.as_ref().unwrap().add_permits(1);
    }
}

/// Lets every task that can run do so, on the test's one thread.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

async fn number(tokens: &Arc<AppTokens>, now: u64) -> String {
    let token = tokens.token(at(now)).await.unwrap();
    token.header.to_str().unwrap().replace("Bearer ", "")
}

#[tokio::test]
async fn five_hundred_cold_callers_make_one_call_though_the_first_leaves() {
    let (tokens, script) = tokens(&[Token(4600)], true);
    let first = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { tokens.token(at(1000)).await.is_ok() }
    });
    settle().await;
    assert_eq!(script.asked(), 1);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    let mut callers = JoinSet::new();
    for _ in 1..500 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.token(at(1000)).await });
    }
    settle().await;
    assert_eq!(
        callers.try_join_next().map(|_| ()),
        None,
        "nobody has a token yet"
    );
    script.open();
    let given = callers.join_all().await;
    assert_eq!(given.len(), 499);
    assert!(
        given
            .iter()
            .all(|token| token.as_ref().unwrap().header == "Bearer 1")
    );
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_a_minute_and_the_next_request_gets_the_fresh_one() {
    let (tokens, script) = tokens(&[Token(9000), Token(9000), Token(9000)], true);
    script.open();
    let first = tokens.token(at(1000)).await.unwrap();
    tokens.refused(&first, at(1100));
    tokens.refused(&first, at(1100));
    let next = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { number(&tokens, 1100).await }
    });
    settle().await;
    assert_eq!(script.asked(), 2, "one flight, however many were refused");
    script.open();
    assert_eq!(next.await.unwrap(), "2");
    // A straggler that was sent the old one, and an upstream that takes none.
    tokens.refused(&first, at(1300));
    let second = tokens.token(at(1101)).await.unwrap();
    tokens.refused(&second, at(1130));
    settle().await;
    assert_eq!(script.asked(), 2);
    tokens.refused(&second, at(1160));
    settle().await;
    assert_eq!(script.asked(), 3);
}

#[tokio::test]
async fn a_refused_token_is_kept_where_no_fresh_one_can_be_had() {
    let (tokens, script) = tokens(&[Token(9000), Throttled(600)], false);
    let first = tokens.token(at(1000)).await.unwrap();
    tokens.refused(&first, at(1100));
    assert_eq!(number(&tokens, 1100).await, "1");
    settle().await;
    assert_eq!(number(&tokens, 1101).await, "1");
    tokens.refused(&first, at(1200));
    settle().await;
    assert_eq!(script.asked(), 2, "Retry-After counts here too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_make_one_call() {
    let (tokens, script) = tokens(&[Token(4600)], true);
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.token(at(1000)).await });
    }
    script.open();
    assert!(callers.join_all().await.iter().all(Result::is_ok));
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn a_token_is_kept_until_it_ages() {
    let (tokens, script) = tokens(&[Token(4600), Token(8200)], false);
    for now in [1000, 1001, 4299] {
        assert_eq!(number(&tokens, now).await, "1");
    }
    assert_eq!(script.asked(), 1);
    // Ageing: the caller is served at once, the next one gets the new token.
    assert_eq!(number(&tokens, 4300).await, "1");
    settle().await;
    assert_eq!(number(&tokens, 4301).await, "2");
    assert_eq!(script.asked(), 2);
}

#[tokio::test]
async fn nobody_waits_for_a_renewal_and_there_is_one_at_a_time() {
    let (tokens, script) = tokens(&[Token(4600), Token(8200)], true);
    script.open();
    assert_eq!(number(&tokens, 1000).await, "1");
    for _ in 0..100 {
        assert_eq!(number(&tokens, 4300).await, "1");
        settle().await;
    }
    assert_eq!(script.asked(), 2);
    script.open();
    settle().await;
    assert_eq!(number(&tokens, 4300).await, "2");
}

#[tokio::test]
async fn whoever_finds_the_token_spent_joins_the_renewal_under_way() {
    let (tokens, script) = tokens(&[Token(4600), Token(8200)], true);
    script.open();
    assert_eq!(number(&tokens, 1000).await, "1");
    assert_eq!(number(&tokens, 4590).await, "1");
    settle().await;
    let waiting = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { number(&tokens, 4600).await }
    });
    settle().await;
    script.open();
    assert_eq!(waiting.await.unwrap(), "2");
    assert_eq!(script.asked(), 2);
}

#[tokio::test]
async fn the_old_token_is_served_while_the_endpoint_fails() {
    let (tokens, script) = tokens(&[Token(4600), Down, Down, Token(9000)], false);
    assert_eq!(number(&tokens, 1000).await, "1");
    assert_eq!(number(&tokens, 4300).await, "1");
    settle().await;
    // Landed at 4301, quiet for a twentieth of what is left.
    for now in [4301, 4314] {
        assert_eq!(number(&tokens, now).await, "1");
        settle().await;
        assert_eq!(script.asked(), 2, "at {now}");
    }
    assert!(tokens.status().last_error.unwrap().contains("down"));
    assert_eq!(number(&tokens, 4315).await, "1");
    settle().await;
    assert_eq!(script.asked(), 3);
    assert_eq!(number(&tokens, 4595).await, "1");
    settle().await;
    assert_eq!(number(&tokens, 4596).await, "4");
    let status = tokens.status();
    assert_eq!((status.fetches, status.failures), (2, 2));
    assert_eq!(
        (status.last_error, status.expires_at),
        (None, Some(at(9000)))
    );
}

#[tokio::test]
async fn a_failure_answers_all_who_waited_and_cools_down() {
    let (tokens, script) = tokens(&[Down, Token(4600)], true);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.token(at(1000)).await });
    }
    settle().await;
    script.open();
    for outcome in callers.join_all().await {
        let error = outcome.unwrap_err();
        assert!(matches!(
            error,
            AcquireError::Entra(EntraError::Unavailable(_))
        ));
    }
    // Landed at 1001: quiet until 1006, and the rest is told at once.
    for now in [1001, 1005] {
        match tokens.token(at(now)).await {
            Err(AcquireError::CoolingDown { retry_after, .. }) => {
                assert_eq!(retry_after, Duration::from_secs(1006 - now));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(script.asked(), 1);
    script.open();
    assert_eq!(number(&tokens, 1006).await, "2");
    assert_eq!(tokens.status().failures, 1);
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_kept() {
    let (tokens, script) = tokens(&[Throttled(60), Token(4600)], false);
    let first = tokens.token(at(1000)).await.unwrap_err();
    assert_eq!(first.retry_after(), Duration::from_secs(60));
    for now in [1001, 1060] {
        let error = tokens.token(at(now)).await.unwrap_err();
        assert_eq!(error.retry_after(), Duration::from_secs(1061 - now));
        assert_eq!(error.reason(), crate::reason::Reason::TokenThrottled);
    }
    assert_eq!(script.asked(), 1);
    assert_eq!(number(&tokens, 1061).await, "2");
}

#[tokio::test]
async fn a_panic_wedges_nobody() {
    let (tokens, script) = tokens(&[Panic, Token(4600), Panic, Token(9000)], false);
    let error = tokens.token(at(1000)).await.unwrap_err();
    assert_eq!(error, AcquireError::BrokenOff);
    assert!(matches!(
        tokens.token(at(1001)).await,
        Err(AcquireError::CoolingDown { .. })
    ));
    assert_eq!(number(&tokens, 1006).await, "2");
    // One in the background leaves the token in hand alone.
    assert_eq!(number(&tokens, 4300).await, "2");
    settle().await;
    assert_eq!(number(&tokens, 4315).await, "2");
    settle().await;
    assert_eq!(number(&tokens, 4316).await, "4");
    assert_eq!(script.asked(), 4);
}

#[tokio::test]
async fn the_alarm_renews_what_is_used_and_only_that() {
    let (tokens, script) = tokens(&[Token(4600), Token(8200), Token(11_800)], false);
    assert_eq!(number(&tokens, 1000).await, "1");
    tokens.ring(at(4299));
    settle().await;
    assert_eq!(script.asked(), 1, "not yet due");
    tokens.ring(at(4300));
    settle().await;
    assert_eq!(script.asked(), 2);
    // The second token was given to nobody: it is let run out.
    tokens.ring(at(7900));
    settle().await;
    assert_eq!(script.asked(), 2);
    assert_eq!(number(&tokens, 7901).await, "2");
    settle().await;
    assert_eq!(number(&tokens, 7902).await, "3");
}

#[tokio::test]
async fn the_alarm_goes_off_by_itself() {
    // Due in the past of the real clock, after the pause of a landing that the real clock is past.
    let (tokens, script) = tokens(&[Token(4600), Token(8200)], false);
    assert_eq!(number(&tokens, 1000).await, "1");
    let now = UnixTime::now();
    tokens.held.store(Some(Arc::new({
        let held = Held::new(
            Arc::new(AccessToken {
                header: HeaderValue::from_static("Bearer 1"),
                expires_at: now.plus(Duration::from_secs(3600)),
                renew_at: now,
            }),
            now,
        );
        held.use_it();
        held
    })));
    tokens.set_alarm(&mut tokens.state.lock(), Duration::ZERO);
    let rung = async {
        while script.asked() < 2 {
            yield_now().await;
        }
    };
    let patience = Duration::from_secs(30);
    assert!(tokio::time::timeout(patience, rung).await.is_ok());
}

#[tokio::test]
async fn a_cache_that_is_dropped_leaves_no_task() {
    let (tokens, _) = tokens(&[Token(4600)], false);
    assert_eq!(number(&tokens, 1000).await, "1");
    settle().await;
    let alarm = tokens.state.lock().alarm.clone().unwrap();
    assert!(!alarm.is_finished());
    drop(tokens);
    settle().await;
    assert!(alarm.is_finished());
}

#[test]
fn a_runtime_that_stops_mid_flight_neither_hangs_nor_panics() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build().unwrap();
    let (tokens, script) = tokens(&[Token(4600)], true);
    let waiting = Arc::clone(&tokens);
    runtime.spawn(async move { waiting.token(at(1000)).await.is_ok() });
    runtime.block_on(settle());
    assert_eq!(script.asked(), 1);
    drop(runtime);
    let status = tokens.status();
    assert!(status.failures == 1 && status.last_error.is_some());
}

#[tokio::test]
async fn nothing_is_shown_but_names() {
    let names = r#"AppTokens { identity: "mail", scope: "x/.default", .. }"#;
    assert_eq!(format!("{:?}", tokens(&[], false).0), names);
}
