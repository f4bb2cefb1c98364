use super::*;

/// Renewed at 4300, expires at 4600.
struct Token;

impl Expires for Token {
    fn expires_at(&self) -> UnixTime {
        at(4600)
    }

    fn renew_at(&self) -> UnixTime {
        at(4300)
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn policy(cool_down: u64) -> Renewal {
    Renewal::new(Duration::from_secs(cool_down))
}

fn kept(used: bool) -> Kept<Token, Marks> {
    let marks = Marks::default();
    if used {
        marks.used.set();
    }
    Kept {
        item: Arc::new(Token),
        fetched_at: at(1000),
        life: policy(5).life(&Token, at(1000), 0),
        generation: 0,
        marks: Arc::new(marks),
    }
}

/// The length of the backoff after a fetch.
fn backoff(failed: bool, asked: u64, left: u64, cool_down: u64) -> u64 {
    let mut policy = policy(cool_down);
    let ended = Ended {
        begun: at(1000),
        now: at(1000),
        failed,
        asked: Duration::from_secs(asked),
        left: Duration::from_secs(left),
    };
    let length = Policy::<Token>::ended(&mut policy, &ended);
    length.as_secs()
}

#[test]
fn one_that_was_refused_is_no_reason_for_patience_and_is_replaced_as_soon_as_one_comes() {
    let mut policy = policy(5);
    let mut ended = Ended {
        begun: at(1000),
        now: at(1001),
        failed: true,
        asked: Duration::ZERO,
        left: Duration::from_secs(3600),
    };
    let mut backoff = |policy: &mut Renewal, failed, begun| {
        (ended.failed, ended.begun) = (failed, at(begun));
        Policy::<Token>::ended(policy, &ended).as_secs()
    };
    policy.replace(at(1000));
    assert_eq!(backoff(&mut policy, true, 1000), 5);
    assert!(policy.may_replace(at(1006)), "it was not");
    policy.replace(at(1006));
    assert_eq!(backoff(&mut policy, false, 1006), 5);
    assert!(!policy.may_replace(at(1065)) && policy.may_replace(at(1066)));
    assert_eq!(
        backoff(&mut policy, true, 1030),
        180,
        "a renewal that nobody waits for"
    );
    assert!(!policy.may_replace(at(1065)));
}

#[test]
fn one_is_fresh_then_stale_then_expired() {
    let kept = kept(false);
    assert_eq!(kept.life.stale_at, at(4300));
    for (now, good) in [
        (0, true),
        (4300, true),
        (4595, true),
        (4596, false),
        (u64::MAX, false),
    ] {
        assert_eq!(kept.is_good(at(now)), good, "at {now}");
    }
}

/// Fetched at 1000.
struct Short(u64);

impl Expires for Short {
    fn expires_at(&self) -> UnixTime {
        at(1000 + self.0)
    }

    fn renew_at(&self) -> UnixTime {
        at(1000)
    }
}

#[test]
fn what_lives_shortly_is_handed_out_for_nine_tenths_of_its_life() {
    for (life, last) in [
        (3600, 3595),
        (60, 55),
        (50, 45),
        (45, 41),
        (30, 27),
        (10, 9),
        (6, 5),
        (2, 1),
    ] {
        let life = policy(5).life(&Short(life), at(1000), 0);
        assert_eq!(life.expires_at, at(1000 + last));
    }
}

#[test]
fn a_failure_is_followed_by_a_backoff_as_long_as_either_side_wants() {
    // asked, left, cool_down, length
    let cases = [
        (0, 0, 5, 5),
        (0, 0, 0, 1),
        (60, 0, 5, 60),
        (2, 0, 5, 5),
        // As often as the end is near.
        (0, 60, 5, 5),
        (0, 300, 5, 15),
        (0, 3600, 5, 180),
        (0, 86_400, 5, 300),
        (0, 300, 30, 30),
    ];
    for (asked, left, cool_down, expected) in cases {
        let length = backoff(true, asked, left, cool_down);
        assert_eq!(length, expected, "{asked} {left} {cool_down}");
    }
    assert_eq!(backoff(false, 0, 3600, 5), 5, "success");
}

#[test]
fn what_was_refused_is_replaced_at_most_once_a_minute() {
    let mut often = policy(5);
    assert!(often.may_replace(at(0)));
    often.replace(at(1000));
    assert!(!often.may_replace(at(1059)));
    assert!(often.may_replace(at(1060)));
    let mut patient = policy(90);
    patient.replace(at(1000));
    assert!(!patient.may_replace(at(1089)));
}

#[test]
fn renewal_comes_when_due_wanted_and_after_the_backoff() {
    let after = |now: u64, length: u64| {
        let ended = Ended {
            begun: at(now),
            now: at(now),
            failed: true,
            asked: Duration::ZERO,
            left: Duration::ZERO,
        };
        Some(Backoff::after(&ended, Duration::from_secs(length)))
    };
    let (none, early, late) = (None, after(4298, 5), after(4300, 600));
    // backoff, used, now, expected
    let cases = [
        (&none, true, 1000, Some(at(4300))),
        (&none, false, 1000, Some(at(4300))),
        (&none, true, 4299, Some(at(4300))),
        (&none, true, 4300, Some(at(4300))),
        (&none, false, 4300, None),
        (&none, true, 4595, Some(at(4300))),
        (&none, true, 4596, None),
        (&early, true, 4299, Some(at(4303))),
        (&early, true, 4302, Some(at(4303))),
        (&early, true, 4303, Some(at(4303))),
        // The other side wants quiet for longer than the token lives.
        (&late, true, 4301, None),
    ];
    for (backoff, used, now, expected) in cases {
        let got = policy(5).due(Some(&kept(used)), backoff.as_ref(), at(now));
        assert_eq!(got, expected, "at {now}, used {used}, {backoff:?}");
    }
    let without = policy(5).due(None::<&Kept<Token, Marks>>, None, at(1000));
    assert_eq!(without, None);
}

#[test]
fn renewal_is_early_and_jittered_towards_early() {
    // life, wanted, renew_before, earliest, latest
    let cases = [
        (3599, None, 300, 3299 - 30, 3299),
        (3599, Some(1800), 300, 1800 - 30, 1800),
        (86_400, Some(43_200), 300, 43_200 - 30, 43_200),
        (3599, None, 0, 3599, 3599),
        (301, None, 300, 1, 1),
        (300, None, 300, 120, 150),
        (60, None, 300, 15, 30),
        (5, None, 300, 1, 2),
        (3599, Some(1), 300, 1, 1),
    ];
    let now = at(1_790_000_000);
    let after = |seconds| now.plus(Duration::from_secs(seconds));
    for (life, wanted, renew_before, earliest, latest) in cases {
        for (chance, expected) in [(0, latest), (u32::MAX, earliest)] {
            let before = Duration::from_secs(renew_before);
            let then = renew_at(wanted.map(after), after(life), before, now, chance);
            assert_eq!(
                now.until(then).as_secs(),
                expected,
                "{life} {wanted:?} {renew_before}"
            );
            assert!(then > now && then <= after(life));
        }
    }
}
