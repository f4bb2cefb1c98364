use super::*;
use crate::jwt::Claims;
use crate::policy::PrincipalKind;

const GUID: &str = "cccc0000-5555-4666-8777-888888888888";
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
    Arc::new(TokenPrincipal {
        kind: PrincipalKind::App,
        issuer: "contoso".into(),
        client_id: GUID.parse().unwrap(),
        object_id: GUID.parse().unwrap(),
        claims: Claims {
            issuer: "https://issuer.example/".into(),
            audiences: Vec::new(),
            expires_at: at(EXPIRES),
            not_before: at(NOT_BEFORE),
            version: None,
            tenant: None,
            object: None,
            subject: None,
            azp: None,
            appid: None,
            identity_type: None,
            roles: Vec::new(),
            scopes: None,
            token_id: None,
            name: None,
            preferred_username: None,
            confirmation: false,
            id_token_marks: false,
        },
    })
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
fn a_token_too_long_to_look_at_is_not_hashed() {
    let longest = "x".repeat(UnverifiedToken::LONGEST);
    assert!(TokenDigest::of(&longest).is_ok());
    let longer = longest + "x";
    assert_eq!(TokenDigest::of(&longer), Err(TokenError::TooLarge));
}

#[test]
fn the_digest_is_of_this_process_only() {
    let plain = openssl::sha::sha256(b"token");
    assert_ne!(digest("token"), TokenDigest(plain));
    assert_eq!(digest("token"), digest("token"));
}

#[test]
fn memory_is_bounded_by_what_tokens_weigh() {
    let cache = VerdictCache::new();
    let one = verdict(UnverifiedToken::LONGEST);
    for number in 0..4000 {
        cache.remember(digest(&number.to_string()), one.clone());
    }
    assert!(cache.verdicts.weight() <= LARGEST_WEIGHT);
    assert!(cache.verdicts.len() < 4000);
    assert!(cache.verdicts.len() > 1000);
}
