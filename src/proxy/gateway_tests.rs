use super::*;
use crate::admission::{HeaderRules, Plan};
use crate::edge::{Limits, Timeouts};
use crate::routing::Table;
use crate::telemetry::LogFormat;
use crate::telemetry::{AccessLog, Metrics};

fn gateway(metrics: &Metrics) -> Gateway {
    let plan = Plan {
        routes: Table::new(Vec::new()),
        headers: HeaderRules::new(std::iter::empty()),
        issuers: std::collections::HashMap::new(),
        tokens: Vec::new(),
    };
    let plan = Arc::new(arc_swap::ArcSwap::from_pointee(plan));
    let shared = Shared::new(plan, AccessLog::start(false, LogFormat::Json), metrics);
    let listener = ListenerDefinition {
        name: "test".into(),
        address: ([127, 0, 0, 1], 0).into(),
        trusted_proxies: Vec::new(),
        limits: Limits::default(),
        timeouts: Timeouts::default(),
    };
    Gateway::new(listener, shared)
}

#[tokio::test]
async fn a_panic_while_deciding_is_one_500_and_is_counted() {
    let metrics = Metrics::new();
    let gateway = gateway(&metrics);
    let decided = gateway.caught("what", async { panic!("a bug") }).await;
    let denial = decided.unwrap_err();
    assert_eq!(
        (denial.status().as_u16(), denial.reason()),
        (500, Reason::InternalError)
    );
    assert!(
        metrics
            .render(&[], &[], UnixTime::now())
            .contains("bearergate_panics_total 1")
    );
    assert!(gateway.caught("what", async { Ok(()) }).await.is_ok());
}
