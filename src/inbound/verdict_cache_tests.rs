use super::*;
use crate::jwt::UnverifiedToken;
use crate::policy::sample::token;

const NOT_BEFORE: u64 = 1_000_000;
const EXPIRES: u64 = 1_003_600;
const LEEWAY: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn digest(token: &str) -> TokenDigest {
    TokenDigest::of(token).unwrap()
}

fn principal() -> Arc<TokenPrincipal> {
    Arc::new(token(|token| {
        token.claims.expires_at = at(EXPIRES);
        token.claims.not_before = Some(at(NOT_BEFORE));
    }))
}

fn verdict(length: usize) -> Verdict {
    Verdict::new(principal(), Generation(3), LEEWAY, length)
}

fn with(token: &str) -> VerdictCache {
    let cache = VerdictCache::new();
    cache.remember(digest(token), verdict(token.len()));
    cache
}

#[test]
fn a_verdict_holds_within_the_times_and_the_leeway() {
    let cases = [
        (NOT_BEFORE - 61, false),
        (NOT_BEFORE - 60, true),
        (NOT_BEFORE, true),
        (EXPIRES, true),
        (EXPIRES + 59, true),
        (EXPIRES + 60, false),
        (u64::MAX, false),
        (0, false),
    ];
    for (now, holds) in cases {
        let found = with("token").find(&digest("token"), Generation(3), at(now));
        assert_eq!(found.is_some(), holds, "{now}");
    }
}

#[test]
fn a_token_that_names_no_beginning_holds_from_the_first_second() {
    let endless = token(|token| {
        token.claims.expires_at = at(EXPIRES);
        token.claims.not_before = None;
    });
    let verdict = Verdict::new(Arc::new(endless), Generation(3), LEEWAY, 5);
    for (now, holds) in [(0, true), (EXPIRES + 59, true), (EXPIRES + 60, false)] {
        assert_eq!(verdict.holds(Generation(3), at(now)), holds, "{now}");
    }
}

#[test]
fn what_no_longer_holds_is_dropped() {
    for (generation, now) in [
        (Generation(4), EXPIRES),
        (Generation(2), EXPIRES),
        (Generation(3), EXPIRES + 60),
    ] {
        let cache = with("token");
        let good = at(EXPIRES);
        assert!(cache.find(&digest("token"), Generation(3), good).is_some());
        assert!(cache.find(&digest("token"), generation, at(now)).is_none());
        assert!(cache.find(&digest("token"), Generation(3), good).is_none());
        assert!(cache.verdicts.is_empty());
    }
}

#[test]
fn the_whole_token_is_the_key() {
    let cache = with("header.claims.signature");
    for other in [
        "header.claims.signaturf",
        "header.claims.signature ",
        "header.claims.",
        "header.claims",
        "",
        "Header.claims.signature",
    ] {
        let found = cache.find(&digest(other), Generation(3), at(EXPIRES));
        assert!(found.is_none(), "{other}");
    }
}

#[test]
fn memory_is_bounded_by_what_tokens_weigh() {
    for (length, number, kept) in [
        (UnverifiedToken::LONGEST, 20_000, 5_000..15_000),
        // Usual ones, and as many as a large house has within an hour.
        (1100, 100_000, 95_000..100_001),
    ] {
        let cache = VerdictCache::new();
        let one = verdict(length);
        for number in 0..number {
            cache.remember(digest(&number.to_string()), one.clone());
        }
        assert!(cache.verdicts.weight() <= LARGEST_WEIGHT);
        assert!(
            kept.contains(&cache.verdicts.len()),
            "{}",
            cache.verdicts.len()
        );
    }
}
