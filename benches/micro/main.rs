//! What do the parts of a request cost, each by itself? Instructions, counted by callgrind: no busy
//! machine changes them. `just micro`, `just micro routing`; each run is compared with the one before.
//! Valgrind has no SHA instructions: a token's hash counts ten times what it costs in truth.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on ends"
)]

mod place;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bearergate::admission::{Admission, Passage, admit};
use bearergate::clock::UnixTime;
use bearergate::policy::{Evidence, Permit};
use bearergate::request::{Authorization, Head, Params};
use bearergate::telemetry::{AccessLine, AccessLog, LogFormat, Severity};
use futures_util::FutureExt;
use gungraun::{library_benchmark, library_benchmark_group, main};
use http::HeaderMap;
use place::Place;

/// The allocator the gateway has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// `Authorization`, read.
#[library_benchmark(setup = Place::new)]
#[bench::with_a_token()]
fn bearer(place: Place) -> Place {
    assert!(Authorization::of(black_box(&place.headers)).is_ok());
    place
}

// From what was parsed to what deciding needs.
#[library_benchmark(setup = Place::new)]
#[bench::usual()]
fn head(place: Place) -> (Place, Head) {
    let head = place::read(&place.headers);
    (place, head)
}

// Which route?
#[library_benchmark(setup = Place::of_routes)]
#[bench::of_1(1)]
#[bench::of_1_000(1_000)]
#[bench::of_10_000(10_000)]
fn routing(place: Place) -> Place {
    assert!(black_box(&place).plan.routes.find(place.request()).is_ok());
    place
}

// Who is it? By a token that was proven before.
#[library_benchmark(setup = Place::new)]
#[bench::seen_before()]
fn verdict_hit(place: Place) -> (Place, Evidence) {
    let evidence = place.identify();
    (place, evidence)
}

// Who is it? By a token that nobody has seen: RSA and SHA-256 among it.
#[library_benchmark(setup = Place::with_a_new_token)]
#[bench::never_seen()]
fn verify(place: Place) -> (Place, Evidence) {
    let evidence = place.identify();
    (place, evidence)
}

// May it?
#[library_benchmark(setup = proven)]
#[bench::one_role()]
fn policy((place, evidence): (Place, Evidence)) -> (Place, Permit) {
    let permit = place.gate().authorize(evidence, &Params::none());
    (place, permit.unwrap())
}

fn proven() -> (Place, Evidence) {
    let place = Place::new();
    let evidence = place.identify();
    (place, evidence)
}

// From the head that was received to the one that goes on.
#[library_benchmark(setup = admitted)]
#[bench::usual()]
fn head_edit((place, admission, mut headers): Admitted) -> Admitted {
    let rules = &place.plan.headers;
    rules.edit(black_box(&mut headers), &admission, &place.head, |_| {});
    (place, admission, headers)
}

type Admitted = (Place, Admission, HeaderMap);

fn admitted() -> Admitted {
    let place = Place::new();
    let mut passage = Passage::from(Instant::now());
    let decided = admit(&place.plan, place.request(), UnixTime::now(), &mut passage).now_or_never();
    let Some(Ok(admission)) = decided else {
        panic!("a genuine token was not let in")
    };
    let headers = place.headers.clone();
    (place, admission, headers)
}

// A line of the access log, rendered and handed to its writer.
#[library_benchmark(setup = log)]
#[bench::json(LogFormat::Json)]
#[bench::text(LogFormat::Text)]
fn access_line(log: AccessLog) -> AccessLog {
    log.write(black_box(&LINE));
    log
}

fn log(format: LogFormat) -> AccessLog {
    let log = AccessLog::to_writer(Box::new(std::io::sink()), format);
    log.write(&LINE);
    log
}

const LINE: AccessLine<'_> = AccessLine {
    time_ms: 1_790_000_000_123,
    severity: Severity::Usual,
    request_id: "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11",
    trace_id: None,
    listener: "in",
    protocol: Some(http::Version::HTTP_11),
    route: Some("orders"),
    method: "GET",
    path: "/orders/v1/items/17/parts",
    status: 200,
    reason: None,
    detail: None,
    principal: Some("app:f1f695cb-2d00-4c0f-84a5-437282f3f3fd"),
    token_id: Some("AbCdEfGhIjKlMnOpQrStUv"),
    client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    upstream: Some("http://orders.internal:8080"),
    heard: Some((200, Duration::from_micros(812))),
    duration: Duration::from_micros(1_234),
    bytes_out: 1024,
};

library_benchmark_group!(
    name = parts,
    benchmarks = [
        bearer,
        head,
        routing,
        verdict_hit,
        verify,
        policy,
        head_edit,
        access_line
    ]
);

main!(library_benchmark_groups = parts);
