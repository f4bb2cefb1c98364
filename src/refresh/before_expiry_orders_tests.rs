use futures_util::FutureExt;

use super::super::scripted::{Answer, Scripted, Why, settle};
use super::*;

/// A token that ends at 9000, and is renewed at 8000.
#[derive(Debug)]
struct Token {
    number: usize,
    remembered_from: Option<UnixTime>,
}

impl Expires for Token {
    fn expires_at(&self) -> UnixTime {
        at(9000)
    }

    fn renew_at(&self) -> UnixTime {
        at(8000)
    }

    fn remembered_from(&self) -> Option<UnixTime> {
        self.remembered_from
    }
}

type Tokens = BeforeExpiry<Scripted<Token>>;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn made(number: usize) -> Answer<Token> {
    Answer::Item(Token {
        number,
        remembered_from: None,
    })
}

fn tokens(allowed: usize, answers: Vec<Answer<Token>>) -> (Tokens, Scripted<Token>) {
    let script = Scripted::new(allowed, answers);
    let tokens = BeforeExpiry::new(script.clone(), Duration::from_secs(5));
    (tokens, script)
}

async fn number(tokens: &Tokens, now: u64) -> Option<usize> {
    let current = tokens.current(at(now)).await;
    current.ok().map(|token| token.number)
}

#[tokio::test]
async fn an_order_is_carried_out_once_in_ten_seconds_and_the_one_at_hand_serves() {
    let (tokens, script) = tokens(1, vec![made(1), made(2), made(3)]);
    assert_eq!(number(&tokens, 1000).await, Some(1));
    assert_eq!(tokens.renew_now(at(1001)), Order::Begun);
    assert_eq!(tokens.renew_now(at(1001)), Order::UnderWay);
    settle().await;
    assert_eq!(number(&tokens, 1002).await, Some(1));
    script.allow(1);
    settle().await;
    assert_eq!(number(&tokens, 1002).await, Some(2));
    let later = |seconds| Order::Later(Duration::from_secs(seconds));
    assert_eq!(tokens.renew_now(at(1003)), later(8));
    assert_eq!(tokens.renew_now(at(500)), later(10), "a clock set back");
    assert_eq!(tokens.renew_now(at(1011)), Order::Begun);
    script.allow(1);
    settle().await;
    assert_eq!(number(&tokens, 1012).await, Some(3));
}

#[tokio::test]
async fn what_is_purged_is_handed_to_nobody_and_retry_after_counts() {
    let (tokens, script) = tokens(
        9,
        vec![made(1), Answer::Fails(Why::Throttled(600)), made(2)],
    );
    assert_eq!(number(&tokens, 1000).await, Some(1));
    assert_eq!(tokens.purge(at(1001)), Order::Begun);
    let waits = tokens.current(at(1001)).now_or_never();
    assert!(waits.is_none(), "there is none to hand out");
    settle().await;
    assert_eq!(number(&tokens, 1002).await, None);
    let wait = Duration::from_secs(500);
    assert_eq!(tokens.renew_now(at(1102)), Order::Later(wait));
    assert_eq!(tokens.purge(at(1102)), Order::Later(wait));
    assert_eq!(script.calls(), 2);
    assert_eq!(number(&tokens, 1603).await, Some(2));
}

#[tokio::test]
async fn what_was_remembered_while_it_was_to_be_forgotten_is_not_taken_back() {
    for (from, taken) in [(1050, false), (1100, false), (1101, true)] {
        let remembered = Answer::Item(Token {
            number: 2,
            remembered_from: Some(at(from)),
        });
        let (tokens, script) = tokens(1, vec![made(1), remembered]);
        assert_eq!(number(&tokens, 1000).await, Some(1));
        assert_eq!(tokens.renew_now(at(1099)), Order::Begun);
        assert_eq!(tokens.purge(at(1100)), Order::UnderWay);
        script.allow(1);
        settle().await;
        let is_there = tokens.kept().is_some();
        assert_eq!(is_there, taken, "{from}");
    }
}
