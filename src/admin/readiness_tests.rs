use super::*;

const LENIENT: bool = false;
const STRICT: bool = true;
const START: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn issuer(name: &str, needed: bool, keys: usize) -> IssuerReport {
    IssuerReport::new(name, needed, keys)
}

fn at(seconds: u64) -> UnixTime {
    START.plus(Duration::from_secs(seconds))
}

fn token(expires_at: Option<UnixTime>, failure: Option<Reason>) -> TokenReport {
    let status = TokenStatus {
        expires_at,
        failure,
        ..TokenStatus::default()
    };
    TokenReport::new("mail", "s", &status, at(10))
}

#[test]
fn strict_readiness_wants_every_key_and_every_token_all_the_time() {
    use Reason::{TokenRefused, TokenUnavailable};
    let (held, spent) = (Some(at(11)), Some(at(10)));
    for (keys, tokens, ready) in [
        (1, vec![], true),
        (1, vec![token(held, None)], true),
        (1, vec![token(held, Some(TokenUnavailable))], true),
        (1, vec![token(spent, None)], true),
        (1, vec![token(spent, Some(TokenUnavailable))], false),
        (1, vec![token(None, None)], false),
        (
            1,
            vec![token(held, None), token(None, Some(TokenRefused))],
            false,
        ),
        (0, vec![token(held, None)], false),
    ] {
        let judge = |readiness: &Readiness| {
            readiness.judge(vec![issuer("a", true, keys)], tokens.clone(), at(60))
        };
        let fresh = Readiness::new(STRICT, START);
        let report = judge(&fresh);
        assert_eq!(report.ready, ready, "{report:?}");
        assert_eq!(report.state, if ready { "ready" } else { "starting" });
        let (issuers, once) = (vec![issuer("a", true, 1)], vec![token(held, None)]);
        assert!(fresh.judge(issuers, once, at(61)).ready);
        let report = judge(&fresh);
        assert_eq!(report.state, if ready { "ready" } else { "impaired" });
    }
    let refused = token(None, Some(TokenRefused));
    let lenient = Readiness::new(LENIENT, START);
    let report = lenient.judge(Vec::new(), vec![refused], at(60));
    assert!(report.ready);
    assert_eq!(
        serde_json::to_value(&report.tokens).unwrap(),
        serde_json::json!([{
            "identity": "mail", "scope": "s", "state": "no_token", "failure": "token_refused",
            "credentials": [],
        }])
    );
}

#[test]
fn ready_means_all_needed_issuers_or_one_after_thirty_seconds() {
    let held = |name| issuer(name, true, 2);
    let missing = |name| issuer(name, true, 0);
    let unneeded = issuer("spare", false, 0);
    for (what, issuers, second, ready) in [
        ("no issuer at all", vec![], 0, true),
        ("none that a route needs", vec![unneeded.clone()], 0, true),
        ("all held", vec![held("a"), held("b")], 0, true),
        (
            "all needed held",
            vec![held("a"), unneeded.clone()],
            0,
            true,
        ),
        (
            "one of two, early",
            vec![held("a"), missing("b")],
            29,
            false,
        ),
        ("one of two, late", vec![held("a"), missing("b")], 30, true),
        (
            "none of two, late",
            vec![missing("a"), missing("b")],
            3600,
            false,
        ),
        ("the only one missing", vec![missing("a")], 31, false),
        (
            "a spare one does not stand in",
            vec![missing("a"), issuer("spare", false, 2)],
            31,
            false,
        ),
    ] {
        let report = Readiness::new(LENIENT, START).judge(issuers, Vec::new(), at(second));
        assert_eq!(report.ready, ready, "{what}");
        assert_eq!(report.state, if ready { "ready" } else { "starting" });
    }
}

#[test]
fn once_ready_losing_every_issuer_does_not_take_it_out() {
    let readiness = Readiness::new(LENIENT, START);
    let with = |keys| vec![issuer("a", true, keys)];
    assert!(!readiness.judge(with(0), Vec::new(), at(0)).ready);
    assert!(readiness.judge(with(1), Vec::new(), at(1)).ready);
    let lost = readiness.judge(with(0), Vec::new(), at(2));
    assert!(lost.ready);
    assert_eq!(lost.issuers[0].state, "keys_missing");
}

#[test]
fn draining_is_never_ready_again() {
    let readiness = Readiness::new(LENIENT, START);
    assert!(readiness.judge(Vec::new(), Vec::new(), at(0)).ready);
    readiness.drain();
    let report = readiness.judge(Vec::new(), Vec::new(), at(60));
    assert!(!report.ready);
    assert_eq!(report.state, "draining");
}

#[test]
fn a_token_never_decides_and_is_told_all_the_same() {
    let token = |expires| token(expires, None);
    let tokens = vec![token(None), token(Some(at(10))), token(Some(at(11)))];
    let report = Readiness::new(LENIENT, START).judge(Vec::new(), tokens, at(10));
    assert!(report.ready);
    let states: Vec<&str> = report.tokens.iter().map(|token| token.state).collect();
    assert_eq!(states, ["no_token", "token_expired", "token_held"]);
}

#[test]
fn issuers_are_told_by_name_in_order() {
    let issuers = vec![issuer("b", true, 0), issuer("a", true, 1)];
    let report = Readiness::new(LENIENT, START).judge(issuers, Vec::new(), at(0));
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        serde_json::json!({
            "ready": false,
            "state": "starting",
            "issuers": [
                { "name": "a", "needed": true, "state": "keys_held", "keys": 1 },
                { "name": "b", "needed": true, "state": "keys_missing", "keys": 0 },
            ],
            "tokens": [],
            "configuration": { "state": "current" },
        })
    );
}

#[test]
fn a_configuration_that_was_refused_is_told_and_takes_nobody_out() {
    let readiness = Readiness::new(STRICT, START);
    let configuration = || {
        let report = readiness.judge(Vec::new(), Vec::new(), at(0));
        assert!(report.ready);
        serde_json::to_value(&report.configuration).unwrap()
    };
    readiness.refused(Unfit::NeedsRestart, &"why", at(1));
    let refused = serde_json::json!({ "state": "refused", "failure": "needs_restart" });
    assert_eq!(configuration(), refused);
    readiness.taken_over(true, at(2));
    assert_eq!(configuration(), serde_json::json!({ "state": "current" }));
}
