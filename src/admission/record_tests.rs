//! However a request ends, it is told once.

use std::collections::HashMap;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::pin::pin;

use arc_swap::ArcSwap;
use http::{HeaderValue, StatusCode, Version};
use parking_lot::Mutex;

use super::*;
use crate::admission::{HeaderRules, PlanLimits};
use crate::routing::Table;
use crate::telemetry::{AccessLog, LogFormat, Metrics, Samples};

const LIMITS: Limits = Limits {
    uri: 1024,
    body: 1024,
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct World {
    shared: Arc<Shared>,
    lines: Lines,
}

impl World {
    /// One without routes.
    fn new() -> Self {
        let plan = Plan {
            listeners: Vec::new(),
            preserves_header_case: false,
            routes: Table::new(Vec::new()),
            headers: HeaderRules::new(std::iter::empty()),
            limits: PlanLimits::none(),
            issuers: HashMap::new(),
            tokens: Vec::new(),
            user_tokens: Vec::new(),
            store: None,
            tracer: None,
            observers: None,
            next: Default::default(),
        };
        let lines = Lines::default();
        let log = AccessLog::to_writer(Box::new(lines.clone()), LogFormat::Json);
        let plan = Arc::new(ArcSwap::from_pointee(plan));
        let shared = Shared::new(plan, log, &Metrics::new(), None);
        Self { shared, lines }
    }

    fn record(&self) -> Record {
        let mut record = Record::begin(&self.shared, &"apis".into());
        let peer = Peer::of([127, 0, 0, 1].into(), &HeaderMap::new(), &[]);
        record.meet(Some(peer), (&Method::POST, None), &HeaderMap::new());
        record
    }

    /// The one line that was written, and whether it counted so.
    fn told(&self, outcome: &str, reason: &str) -> serde_json::Value {
        assert_eq!(self.shared.in_flight.load(Ordering::Acquire), 0);
        self.shared.access_log.flush();
        let line: serde_json::Value = serde_json::from_slice(&self.lines.0.lock()).unwrap();
        let page = self
            .shared
            .metrics
            .render(&Samples::default(), UnixTime::now());
        let class = match line["status"].as_u64().unwrap() / 100 {
            0 => "none".to_owned(),
            hundreds => format!("{hundreds}xx"),
        };
        let labels = format!("outcome=\"{outcome}\",reason=\"{reason}\",route=\"none\"");
        let series = format!("bearergate_requests_total{{{labels},status=\"{class}\"}} 1");
        assert!(page.contains(&series), "{page}");
        line
    }
}

async fn decide(record: &mut Record, target: &str) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("api.example"));
    let sent = Sent {
        method: &Method::POST,
        version: Version::HTTP_11,
        uri: &target.parse().unwrap_or_default(),
        authority: None,
        headers: &headers,
    };
    record.decide(&sent, &LIMITS, UnixTime::now()).await
}

#[tokio::test]
async fn a_panic_while_deciding_is_one_500_and_is_counted() {
    let world = World::new();
    let broken = pin!(async { panic!("a bug") });
    let denial = caught::<()>(&world.shared, broken).await.unwrap_err();
    assert_eq!(denial.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(denial.reason(), Reason::InternalError);
    let page = world
        .shared
        .metrics
        .render(&Samples::default(), UnixTime::now());
    assert!(page.contains("bearergate_panics_total 1"));
    let sound = pin!(async { Ok(()) });
    assert!(caught(&world.shared, sound).await.is_ok());
}

#[tokio::test]
async fn a_denial_is_answered_and_told() {
    let world = World::new();
    let mut record = world.record();
    assert!(!decide(&mut record, "/a?token=secret").await);
    assert!(record.admission().is_none() && record.reason().is_some());
    record.fail(Reason::ClientClosed, "later".to_owned());
    let answer = record.answer().unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(
        answer.headers()["x-request-id"],
        record.request_id().as_str()
    );
    let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem["reason"], "no_route");
    record.answered(404, 7);
    drop(record);
    let line = world.told("denied", "no_route");
    assert_eq!(
        (&line["status"], &line["path"]),
        (&404.into(), &"/a".into())
    );
    assert_eq!(
        (&line["method"], &line["bytes_out"]),
        (&"POST".into(), &7.into())
    );
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_told_with_a_cut_of_its_path() {
    let world = World::new();
    let mut record = world.record();
    assert!(!decide(&mut record, "/a/../b").await);
    record.answered(400, 0);
    drop(record);
    let line = world.told("denied", "bad_path");
    assert_eq!(
        (&line["path"], &line["client"]),
        (&"/a/../b".into(), &"127.0.0.1".into())
    );
}

#[tokio::test]
async fn without_a_peer_nothing_is_decided() {
    let world = World::new();
    let mut record = Record::begin(&world.shared, &"apis".into());
    assert!(!decide(&mut record, "/a").await);
    drop(record);
    world.told("failed", "internal_error");
}

#[test]
fn whoever_leaves_before_a_decision_is_told_as_gone() {
    let world = World::new();
    let record = world.record();
    assert_eq!(world.shared.in_flight.load(Ordering::Acquire), 1);
    assert!(record.answer().is_none());
    drop(record);
    assert_eq!(world.told("failed", "client_closed")["status"], 0);
}

#[test]
fn a_panic_elsewhere_is_told_as_ours() {
    let world = World::new();
    let record = world.record();
    let panics = AssertUnwindSafe(|| {
        let _record = record;
        panic!("a bug");
    });
    std::panic::catch_unwind(panics).unwrap_err();
    world.told("failed", "internal_error");
}
