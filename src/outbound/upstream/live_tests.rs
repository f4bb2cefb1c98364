//! Which endpoint is the next one's, and how many requests an upstream takes.

use std::time::Duration;

use http::StatusCode;

use super::super::definition::tests::definition;
use super::super::{HealthDefinition, Visit};
use super::*;

/// Of so many urls.
fn upstream(count: u8, balance: Balance) -> Arc<Upstream> {
    let endpoints = (1..=count).map(|last| {
        let mut endpoint = definition(&format!("10.0.0.{last}"));
        endpoint.health = HealthDefinition {
            failures: 1,
            rest: Duration::from_secs(3600),
            check: None,
        };
        endpoint
    });
    let definition = UpstreamDefinition {
        endpoints: endpoints.collect(),
        balance,
        most_requests: Some(9),
        retries: None,
        base_path: String::new(),
        strip_segments: 0,
        preserve_host: false,
        rewrite_location: false,
    };
    Arc::new(Upstream::start(definition, &Endpoints::default()).unwrap())
}

fn begin(upstream: &Arc<Upstream>) -> Visit {
    Visit::begin(upstream).unwrap()
}

/// The last number of the address.
fn place(visit: &Visit) -> u8 {
    let host = &visit.endpoint().definition().host;
    host.rsplit('.').next().unwrap().parse().unwrap()
}

fn places(upstream: &Arc<Upstream>, count: usize) -> Vec<u8> {
    (0..count).map(|_| place(&begin(upstream))).collect()
}

#[test]
fn endpoints_take_turns_and_one_that_rests_is_passed_over() {
    let upstream = upstream(3, Balance::RoundRobin);
    assert_eq!(places(&upstream, 7), [1, 2, 3, 1, 2, 3, 1]);
    let second = begin(&upstream);
    assert_eq!(place(&second), 2);
    second.failed(&"it was refused");
    assert_eq!(places(&upstream, 5), [3, 1, 3, 3, 1]);
    second.heard(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(places(&upstream, 3), [2, 3, 1]);
}

#[test]
fn who_has_the_fewest_requests_gets_the_next_one_and_equals_take_turns() {
    let upstream = upstream(3, Balance::LeastRequests);
    assert_eq!(places(&upstream, 4), [1, 2, 3, 1]);
    let (second, third) = (begin(&upstream), begin(&upstream));
    assert_eq!((place(&second), place(&third)), (2, 3));
    assert_eq!(places(&upstream, 3), [1, 1, 1]);
    let first = begin(&upstream);
    assert_eq!(place(&first), 1);
    drop(third);
    assert_eq!(places(&upstream, 3), [3, 3, 3]);
}

#[test]
fn a_request_moves_on_to_each_endpoint_once_and_last_to_those_that_rest() {
    let upstream = upstream(3, Balance::RoundRobin);
    begin(&upstream).failed(&"");
    begin(&upstream).failed(&"");
    let mut visit = begin(&upstream);
    assert_eq!(place(&visit), 3);
    let requests = |upstream: &Upstream| {
        let endpoints = upstream.endpoints().map(|it| it.requests());
        endpoints.collect::<Vec<_>>()
    };
    assert_eq!(requests(&upstream), [0, 0, 1]);
    assert!(visit.move_on());
    assert_eq!(place(&visit), 1);
    assert_eq!(requests(&upstream), [1, 0, 0]);
    assert!(visit.move_on());
    assert_eq!(place(&visit), 2);
    assert!(!visit.move_on());
    drop(visit);
    assert_eq!(requests(&upstream), [0, 0, 0]);
}

#[test]
fn where_all_rest_all_are_tried_in_turns() {
    let upstream = upstream(2, Balance::RoundRobin);
    for _ in 0..2 {
        begin(&upstream).failed(&"");
    }
    assert_eq!(places(&upstream, 4), [1, 2, 1, 2]);
}

#[test]
fn an_only_endpoint_is_always_taken_and_never_rests() {
    let upstream = upstream(1, Balance::RoundRobin);
    let mut visit = begin(&upstream);
    visit.failed(&"");
    assert!(!visit.move_on());
    assert_eq!(places(&upstream, 2), [1, 1]);
    assert_eq!(upstream.first.requests(), 0, "nobody asks for it");
}

#[test]
fn no_more_requests_than_the_limit_are_with_an_upstream() {
    let upstream = upstream(2, Balance::RoundRobin);
    let mut visits: Vec<_> = (0..9).map(|_| begin(&upstream)).collect();
    for _ in 0..3 {
        let Err(why) = Visit::begin(&upstream) else {
            panic!("one too many");
        };
        assert!(why.to_string().starts_with("9 requests"), "{why}");
    }
    visits[0].move_on();
    visits.pop();
    visits.push(begin(&upstream));
    assert!(Visit::begin(&upstream).is_err());
    drop(visits);
    assert_eq!(upstream.requests.load(Ordering::Relaxed), 0);
}
