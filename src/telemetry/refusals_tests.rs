use super::*;
use crate::telemetry::Severity;

const NOW: u64 = 1_800_000_000_000;

fn line(request_id: &str) -> AccessLine<'_> {
    AccessLine {
        time_ms: NOW,
        severity: Severity::Usual,
        request_id,
        trace_id: None,
        listener: "apis",
        protocol: None,
        route: Some("calc"),
        method: "GET",
        path: "/calc",
        status: 403,
        reason: Some("role_missing"),
        detail: Some("roles are [Other]; needs one of [First]"),
        principal: Some("app:a"),
        token_id: None,
        client: None,
        upstream: None,
        heard: None,
        duration: Duration::from_millis(1),
        bytes_out: 0,
    }
}

/// Puts one to it that ended so long after `NOW`; whether it was kept.
fn put(refusals: &Refusals, outcome: Outcome, route: &str, id: &str, after_ms: u64) -> bool {
    let client = Some([127, 0, 0, 1].into());
    let Some(room) = refusals.room_for(outcome, Some(route), client, NOW + after_ms) else {
        return false;
    };
    let mut line = line(id);
    line.time_ms += after_ms;
    line.route = Some(route);
    refusals.keep(&room, &line);
    true
}

fn ids(refusals: &Refusals) -> Vec<String> {
    let all = refusals.all();
    all.iter().map(|it| it.request_id.to_string()).collect()
}

#[test]
fn what_was_served_is_not_kept_and_costs_nothing() {
    let refusals = Refusals::new();
    assert!(!put(&refusals, Outcome::Allowed, "calc", "a", 0));
    assert!(refusals.all().is_empty());
    assert_eq!(refusals.left_out(), 0);
}

#[test]
fn the_newest_comes_first_and_says_what_happened() {
    let refusals = Refusals::new();
    let denied = Outcome::Denied(Reason::RoleMissing);
    assert!(put(&refusals, denied, "calc", "older", 0));
    let failed = Outcome::Failed(Reason::UpstreamFailed);
    assert!(put(&refusals, failed, "mail", "newer", 5));
    assert_eq!(ids(&refusals), ["newer", "older"]);
    let all = refusals.all();
    assert_eq!(
        (all[0].outcome, all[0].reason),
        ("failed", Reason::UpstreamFailed)
    );
    assert_eq!(all[1].outcome, "denied");
    assert_eq!(all[1].detail.as_deref(), line("").detail);
}

#[test]
fn of_a_flood_its_beginning_is_kept_in_each_second_and_the_rest_is_counted() {
    let refusals = Refusals::new();
    let denied = Outcome::Denied(Reason::NoCredential);
    for second in 0..3 {
        let kept = (0..1000).filter(|_| put(&refusals, denied, "calc", "x", second * 1000));
        assert_eq!(kept.count(), 8);
    }
    assert_eq!(refusals.left_out(), 3 * (1000 - 8));
    assert_eq!(refusals.all().len(), 3 * 8);
}

#[test]
fn a_flood_takes_no_room_from_what_is_refused_for_another_reason() {
    let refusals = Refusals::new();
    let rare = Outcome::Denied(Reason::RoleMissing);
    assert!(put(&refusals, rare, "calc", "rare", 0));
    let room = |outcome, route| refusals.room_for(outcome, Some(route), None, NOW).unwrap();
    let own = place(room(rare, "calc").kind, LANES);
    let flood = Outcome::Denied(Reason::NoCredential);
    // One in 64 comes to the same lane; then these are one flood.
    let routes = ["a", "b", "c", "d", "e", "f"];
    let mut rooms = routes.iter().map(|route| room(flood, route));
    let room = rooms.find(|room| place(room.kind, LANES) != own).unwrap();
    for _ in 0..10 * KEPT {
        refusals.keep(&room, &line("flood"));
    }
    let all = ids(&refusals);
    assert_eq!(all.len(), KEPT);
    assert!(all.iter().any(|id| id == "rare"));
}

#[test]
fn nobodys_flood_hides_what_others_are_refused_for_the_same_reason() {
    let refusals = Refusals::new();
    let denied = Outcome::Denied(Reason::NoCredential);
    let room = |last: u8| {
        let client = Some([192, 0, 2, last].into());
        refusals.room_for(denied, Some("calc"), client, NOW)
    };
    while room(0).is_some() {}
    // Of many, one in eight comes the same way.
    assert!((1..=100).any(|last| room(last).is_some()));
    // Altogether they are bounded all the same.
    let kept = (0..10_000).filter(|number| room(u8::try_from(number % 250).unwrap()).is_some());
    assert!(kept.count() < 8 * 8);
}

#[test]
fn the_last_of_each_route_and_reason_stays_whatever_comes_beside_it() {
    let refusals = Refusals::new();
    let one = |kind: u64, id: &str| {
        let room = Room {
            kind,
            reason: Reason::NoCredential,
            outcome: "denied",
        };
        refusals.keep(&room, &line(id));
    };
    // Those of one lane, of which two are rare.
    let lane = LANES as u64;
    one(lane, "rare, before");
    one(lane, "rare, last");
    one(2 * lane, "as rare");
    (0..3 * KEPT).for_each(|_| one(3 * lane, "flood"));
    let all = ids(&refusals);
    assert_eq!(all.len(), KEPT);
    for (id, stays) in [
        ("rare, before", false),
        ("rare, last", true),
        ("as rare", true),
    ] {
        assert_eq!(all.iter().any(|it| it == id), stays, "{id}");
    }
    // Where each is the last of its kind, the oldest goes.
    let refusals = Refusals::new();
    (0..=KEPT as u64).for_each(|number| {
        let room = Room {
            kind: number * lane,
            reason: Reason::NoCredential,
            outcome: "denied",
        };
        refusals.keep(&room, &line(&number.to_string()));
    });
    assert_eq!(refusals.all().len(), KEPT);
    assert!(ids(&refusals).iter().all(|id| id != "0"));
}

#[test]
fn what_is_kept_is_bounded_and_redacted() {
    let refusals = Refusals::new();
    let outcome = Outcome::Denied(Reason::BadPath);
    let room = refusals.room_for(outcome, None, None, NOW).unwrap();
    let long = format!("/{}", "é/".repeat(5000));
    let key = "payroll-0123456789abcdef0123456789abcdef";
    let detail = format!("the user given is {key:?}");
    let mut line = line(&long);
    (line.path, line.method, line.detail) = (&long, &long, Some(detail.as_str()));
    refusals.keep(&room, &line);
    let kept = &refusals.all()[0];
    assert!(kept.path.len() <= LONG && kept.method.len() <= SHORT);
    assert!(kept.request_id.len() <= SHORT);
    assert_eq!(kept.detail.as_deref(), Some("the user given is \"payr…\""));
}
