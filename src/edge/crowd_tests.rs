use std::net::SocketAddr;

use super::super::conversation::{GRACE, Stage};
use super::super::group::FRESH;
use super::*;

const LIMITS: Limits = Limits {
    handshakes: 10,
    requests: 10,
    uri: 0,
    header: 0,
    body: 0,
    body_rate: 0,
    connections: 3,
    per_address: 2,
    unfinished: 100,
    streams: 1,
};

fn crowd() -> Arc<Crowd> {
    Crowd::new(LIMITS)
}

/// A connection of this address that has been idle since `now`.
fn of(address: &str, now: u64) -> Arc<Conversation> {
    let address = SocketAddr::new(address.parse().unwrap(), 1);
    Arc::new(Conversation::new(address, now))
}

fn busy(address: &str) -> Arc<Conversation> {
    let conversation = of(address, 0);
    assert!(conversation.passes_head(false));
    conversation
}

#[test]
fn the_one_that_has_been_idle_for_longest_makes_room() {
    let crowd = crowd();
    let members = [of("10.0.0.1", 3), of("10.0.0.2", 1), of("10.0.0.3", 2)];
    let mut places: Vec<_> = members
        .iter()
        .map(|it| crowd.admit(it, false).unwrap())
        .collect();
    assert!(members.iter().all(|it| !it.is_leaving()));
    // The second was the oldest, and has been of use since.
    assert!(members[1].passes_head(false));
    places.push(crowd.admit(&of("10.0.0.4", 4), false).unwrap());
    assert!(members[2].is_leaving() && !members[0].is_leaving());
    members[1].since(Stage::Idle, 5);
    places.push(crowd.admit(&of("10.0.0.5", 6), false).unwrap());
    assert!(members[0].is_leaving() && !members[1].is_leaving());
}

#[test]
fn where_nobody_is_idle_the_new_one_is_refused_until_somebody_has_left() {
    let crowd = crowd();
    let members = [busy("10.0.0.1"), busy("10.0.0.2"), busy("10.0.0.3")];
    let mut places: Vec<_> = members
        .iter()
        .map(|it| crowd.admit(it, false).unwrap())
        .collect();
    let new = of("10.0.0.4", 0);
    assert_eq!(crowd.admit(&new, false).err(), Some(Refused::Limit));
    places.pop();
    let _place = crowd.admit(&new, false).unwrap();
    assert!(!members[0].is_leaving() && !new.is_leaving());
}

#[test]
fn who_is_idle_goes_before_an_unfinished_head_only_when_its_grace_is_over() {
    for (idle_for, head_goes) in [(0, true), (GRACE - 1, true), (GRACE + 1, false)] {
        let crowd = crowd();
        let now = 5 * GRACE;
        let (head, idle) = (of("10.0.0.1", 0), of("10.0.0.2", now - idle_for));
        head.since(Stage::Head, now);
        let members = [idle, head, busy("10.0.0.3")];
        let _places = members.each_ref().map(|it| crowd.admit(it, false).unwrap());
        let _first = crowd.admit(&busy("10.0.0.4"), false).unwrap();
        let gone = [&members[0], &members[1]].map(|it| it.is_leaving());
        assert_eq!(gone, [!head_goes, head_goes], "{idle_for}");
        let _second = crowd.admit(&busy("10.0.0.5"), false).unwrap();
        assert!(members[0].is_leaving() && members[1].is_leaving());
    }
}

#[test]
fn heads_that_began_since_the_last_look_go_before_who_is_in_its_grace() {
    let crowd = Crowd::new(Limits {
        connections: 20,
        per_address: 20,
        ..LIMITS
    });
    let idle: Vec<_> = (0..20).map(|at| of("10.0.0.1", at)).collect();
    let places = idle.iter().map(|it| crowd.admit(it, false).unwrap());
    let _places: Vec<_> = places.collect();
    let mut halves = Vec::new();
    for at in 1..=20 {
        let half = of("10.0.0.2", at * FRESH / 4);
        halves.push((crowd.admit(&half, false).unwrap(), Arc::clone(&half)));
        half.since(Stage::Head, at * FRESH / 4);
    }
    // The first looks were in vain for heads: these hold for a while.
    let gone = idle.iter().filter(|it| it.is_leaving()).count();
    assert!((1..=6).contains(&gone), "{gone}");
}

#[test]
fn who_leaves_gets_no_request_through_and_who_has_one_is_not_asked() {
    let crowd = crowd();
    let members = [1, 2, 3].map(|at| of(&format!("10.0.0.{at}"), at));
    let _places = members.each_ref().map(|it| crowd.admit(it, false).unwrap());
    assert!(members[0].passes_head(false));
    assert!(!members[0].leave() && !members[0].is_leaving());
    let _fourth = crowd.admit(&busy("10.0.0.4"), false).unwrap();
    assert!(members[1].is_leaving() && !members[1].leave());
    assert!(!members[1].passes_head(false));
    members[1].since(Stage::Head, 9);
    assert!(members[1].is_leaving() && !members[1].passes_head(false));
    // Behind another, a request needs no rest before it.
    members[0].set(Stage::Idle);
    assert!(!members[0].leave() && members[0].passes_head(false));
    members[0].since(Stage::Idle, 9);
    assert!(members[0].leave());
}

#[test]
fn an_address_has_its_own_limit_and_makes_its_own_room() {
    let crowd = crowd();
    let members = [busy("10.0.0.1"), of("10.0.0.1", 1)];
    let _places = members.each_ref().map(|it| crowd.admit(it, false).unwrap());
    let third = busy("10.0.0.1");
    let _third = crowd.admit(&third, false).unwrap();
    assert!(members[1].is_leaving(), "of its own");
    let fourth = crowd.admit(&busy("10.0.0.1"), false).err();
    assert_eq!(fourth, Some(Refused::AddressLimit));
    let _other = crowd.admit(&busy("10.0.0.2"), false).unwrap();
    let proxied = crowd.admit(&busy("10.0.0.1"), true).err();
    assert_eq!(proxied, Some(Refused::Limit), "a proxy's are not counted");
}

#[test]
fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() {
    for (one, other, same) in [
        ("2001:db8::1", "2001:db8::ffff:1", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
    ] {
        let [one, other] = [one, other].map(|it| counted_as(it.parse().unwrap()));
        assert_eq!(one == other, same, "{one} {other}");
    }
}

#[test]
fn the_oldest_unfinished_heads_are_given_up_when_all_hold_too_much() {
    let crowd = Crowd::new(Limits {
        connections: 10,
        per_address: 10,
        ..LIMITS
    });
    let heads = [1, 2, 3].map(|at| of("10.0.0.1", at));
    let _places = heads.each_ref().map(|it| crowd.admit(it, false).unwrap());
    for (at, head) in heads.iter().enumerate() {
        head.since(Stage::Head, at as u64);
        crowd.holds(head, 30);
    }
    assert!(heads.iter().all(|it| !it.is_leaving()));
    crowd.holds(&heads[2], 50);
    assert!(heads[0].is_leaving() && !heads[1].is_leaving());
    crowd.released(&heads[0]);
    crowd.released(&heads[1]);
    assert_eq!(crowd.unfinished.load(Ordering::Relaxed), 50);
    crowd.released(&heads[2]);
    assert_eq!(crowd.unfinished.load(Ordering::Relaxed), 0);
}

#[test]
fn who_has_left_is_counted_no_longer() {
    let crowd = crowd();
    for round in 0..1_000 {
        let members = [of("10.0.0.1", round), of("10.0.0.1", round)];
        let places = members.each_ref().map(|it| crowd.admit(it, false).unwrap());
        let third = of("10.0.0.1", round);
        let third = crowd.admit(&third, false).unwrap();
        drop((places, third));
    }
    let members = crowd.members.lock();
    assert_eq!((members.all.members.len(), members.all.leaving), (0, 0));
    assert!(members.by_address.is_empty());
}

#[test]
fn who_has_left_already_is_not_counted_among_those_who_leave() {
    let crowd = crowd();
    let gone = of("10.0.0.1", 1);
    drop(crowd.admit(&gone, false).unwrap());
    crowd.dismiss(&gone);
    assert!(!gone.is_leaving());
    let members = [busy("10.0.0.1"), busy("10.0.0.2"), busy("10.0.0.3")];
    let places: Vec<_> = members.iter().map(|it| crowd.admit(it, false)).collect();
    assert!(places.iter().all(Result::is_ok));
    let one_more = crowd.admit(&busy("10.0.0.4"), false);
    assert_eq!(one_more.err(), Some(Refused::Limit));
}

#[test]
fn all_who_rest_are_dismissed_and_nobody_who_is_served() {
    let crowd = crowd();
    let members = [of("10.0.0.1", 1), busy("10.0.0.2"), of("10.0.0.3", 2)];
    let places = members.iter().map(|it| crowd.admit(it, false).unwrap());
    let _places: Vec<_> = places.collect();
    crowd.dismiss_all();
    let leaving: Vec<_> = members.iter().map(|it| it.is_leaving()).collect();
    assert_eq!(leaving, [true, false, true]);
}

#[test]
fn requests_side_by_side_count_like_connections() {
    let crowd = crowd();
    let member = busy("10.0.0.1");
    let _place = crowd.admit(&member, false).unwrap();
    let beside = crowd.beside(&member, false);
    assert!(beside.is_some() && crowd.beside(&member, false).is_none());
    // A proxy's address is bounded by the whole alone.
    let others = crowd.beside(&member, true);
    assert!(others.is_some() && crowd.beside(&member, true).is_none());
    let one_more = crowd.admit(&busy("10.0.0.2"), false);
    assert_eq!(one_more.err(), Some(Refused::Limit));
    drop((beside, others));
    assert!(crowd.admit(&busy("10.0.0.2"), false).is_ok());
}
