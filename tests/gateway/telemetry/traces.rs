//! Traces through a real gateway: one connected trace from a caller by us to the upstream, with what was
//! decided and without a secret; and a collector that is away, slow or refuses costs nobody a request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bearergate::fake::{Contoso, Request, Response, Running};
use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::support::{API_KEY, Reply, Setup, Told, World, eventually};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The key that came with a post, and what was posted.
type Post = (String, Vec<u8>);

/// Takes spans, or answers what it is told to.
struct Collector {
    posts: Arc<Mutex<Vec<Post>>>,
    running: Running,
}

impl Collector {
    fn open(status: u16) -> Self {
        let posts = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&posts);
        let (_, running) = Told::open(move |request: &Request| {
            let key = request.header("api-key").unwrap_or_default().to_owned();
            kept.lock().unwrap().push((key, request.body.kept.clone()));
            Response::empty(StatusCode::from_u16(status).unwrap())
        });
        Self { posts, running }
    }

    fn url(&self) -> String {
        format!("{}/v1/traces", self.running.base())
    }

    fn spans(&self) -> Vec<Span> {
        let posts = self.posts.lock().unwrap();
        let messages = posts.iter().map(|(_, post)| {
            let message = ExportTraceServiceRequest::decode(&post[..]).unwrap();
            let resources = message.resource_spans.into_iter();
            let scopes = resources.flat_map(|it| it.scope_spans);
            scopes.flat_map(|it| it.spans).collect::<Vec<_>>()
        });
        messages.flatten().collect()
    }

    /// Waits until so many have come.
    async fn await_spans(&self, count: usize) -> Vec<Span> {
        eventually("spans come", async || self.spans().len() >= count).await;
        self.spans()
    }
}

fn traced(url: &str, more: &str) -> Setup {
    let mut setup = Setup::of("reload.yaml");
    setup.tree["traces"] = serde_saphyr::from_str(&format!("{{ endpoint: {url}{more} }}")).unwrap();
    setup
}

async fn get(world: &World, path: &str, fields: &[&str]) -> Reply {
    let fields: Vec<_> = fields.iter().map(ToString::to_string).collect();
    world.gateway.get("apis", path, &fields).await
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<&str, String> {
    let shown = |pair: &KeyValue| match pair.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs
        .iter()
        .map(|pair| (pair.key.as_str(), shown(pair)))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_caller_by_the_gateway_to_the_upstream() {
    let collector = Collector::open(200);
    let key = ", headers: { api-key: { file: payroll.key } }";
    let world = traced(&collector.url(), key).ready().await;
    let token = world.token().role(Contoso::CALC_ROLE).mint();
    let bearer = format!("Authorization: Bearer {token}");
    let parent = format!("traceparent: {PARENT}");
    let fields = [bearer.as_str(), &parent, "tracestate: a=1,b=2"];
    assert_eq!(
        get(&world, "/calc/v1/add?secret=QUERY-7", &fields)
            .await
            .status,
        200
    );
    let told = world.echoed("traceparent");
    assert_eq!(world.echoed("tracestate"), "a=1,b=2");

    let spans = collector.await_spans(2).await;
    let of_kind = |kind: i32| spans.iter().find(|span| span.kind == kind).unwrap();
    let (asked, asking) = (of_kind(2), of_kind(3));
    assert_eq!(hex(&asked.trace_id), PARENT[3..35]);
    assert_eq!(hex(&asked.parent_span_id), PARENT[36..52]);
    assert_eq!(asking.trace_id, asked.trace_id);
    assert_eq!(asking.parent_span_id, asked.span_id);
    assert_eq!(
        told,
        format!("00-{}-{}-01", &PARENT[3..35], hex(&asking.span_id))
    );
    assert!(asked.start_time_unix_nano <= asking.start_time_unix_nano);
    assert!(asking.end_time_unix_nano <= asked.end_time_unix_nano);

    let line = &world.gateway.lines(1).await[0];
    assert_eq!(line["trace_id"], PARENT[3..35]);
    let said = attributes(&asked.attributes);
    assert_eq!(asked.name, "GET /calc/v1/**");
    for (name, value) in [
        ("http.response.status_code", "200"),
        ("url.path", "/calc/v1/add"),
        ("bearergate.route", "calc"),
        ("bearergate.outcome", "allowed"),
        ("bearergate.principal", line["principal"].as_str().unwrap()),
        (
            "bearergate.request_id",
            line["request_id"].as_str().unwrap(),
        ),
    ] {
        assert_eq!(said.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(
        attributes(&asking.attributes)["http.response.status_code"],
        "200"
    );

    let posts = collector.posts.lock().unwrap();
    for (key, post) in &*posts {
        assert_eq!(key, API_KEY);
        let text = String::from_utf8_lossy(post);
        for hidden in [&token[..12], "QUERY-7", API_KEY] {
            assert!(!text.contains(hidden), "{hidden}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_and_a_wait_for_a_token_are_told_and_a_broken_parent_begins_anew() {
    let collector = Collector::open(200);
    let world = traced(&collector.url(), "").ready().await;
    let broken = "traceparent: 00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(get(&world, "/calc/v1/x", &[broken]).await.status, 401);
    let key = format!("X-Api-Key: {API_KEY}");
    let fields = [key.as_str(), broken, "tracestate: a=1"];
    assert_eq!(get(&world, "/mail/x", &fields).await.status, 200);
    let told = world.echoed("traceparent");
    assert_eq!(world.echoed("tracestate"), "");

    let spans = collector.await_spans(4).await;
    let with = |name: &str, value: &str| {
        let found = spans.iter().find(|span| {
            attributes(&span.attributes)
                .get(name)
                .is_some_and(|it| it == value)
        });
        found.unwrap_or_else(|| panic!("no span with {name} {value}: {spans:?}"))
    };
    let denied = with("bearergate.reason", "no_credential");
    assert!(denied.parent_span_id.is_empty());
    assert_eq!(denied.status, None, "it is the caller's mistake");
    let mail = with("bearergate.principal", "key:payroll");
    assert_ne!(mail.trace_id, denied.trace_id);
    assert_eq!(told[3..35], hex(&mail.trace_id));
    let waited = with("bearergate.identity", "mail-daemon");
    assert_eq!(waited.name, "acquire token");
    assert_eq!(waited.parent_span_id, mail.span_id);
    let text = format!("{spans:?}");
    assert!(!text.contains("eyJ") && !text.contains(API_KEY), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_traces_what_a_caller_says_of_its_own_passes_as_it_came() {
    let world = Setup::of("reload.yaml").start().await;
    for (parent, state) in [(PARENT, "a=1"), ("nonsense", "A"), ("", "")] {
        let parent_field = format!("traceparent: {parent}");
        let state_field = format!("tracestate: {state}");
        let status = get(&world, "/open/x", &[&parent_field, &state_field])
            .await
            .status;
        assert_eq!(status, 200);
        assert_eq!(world.echoed("traceparent"), parent);
        assert_eq!(world.echoed("tracestate"), state);
    }
    let page = world.gateway.get_admin("/metrics").await.text();
    assert!(!page.contains("bearergate_spans_total"), "{page}");
    assert!(!world.gateway.log().contains("trace_id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_that_a_collector_refuses_are_counted_and_requests_do_not_notice() {
    let collector = Collector::open(400);
    let world = traced(&collector.url(), "").start().await;
    for _ in 0..3 {
        assert_eq!(get(&world, "/open/x", &[]).await.status, 200);
    }
    eventually("six spans are counted as lost", async || {
        let failed = "bearergate_spans_total{outcome=\"failed\"}";
        world.gateway.metric(failed).await == Some(6.0)
    })
    .await;
    let sent = world
        .gateway
        .metric("bearergate_spans_total{outcome=\"sent\"}")
        .await;
    assert_eq!(sent, Some(0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_sent_when_the_process_ends_and_a_reload_changes_the_collector() {
    let (first, second) = (Collector::open(200), Collector::open(200));
    let mut world = traced(&first.url(), "").start().await;
    assert_eq!(get(&world, "/open/x", &[]).await.status, 200);
    first.await_spans(2).await;
    world.set("/traces/endpoint", &format!("{:?}", second.url()));
    let reloaded = world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(
        (reloaded.new, reloaded.gone),
        (vec!["traces".to_owned()], vec!["traces".to_owned()])
    );
    assert_eq!(get(&world, "/open/x", &[]).await.status, 200);
    // Sooner than spans are gathered.
    world.gateway.drain().await;
    assert_eq!((first.spans().len(), second.spans().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_strangers_traces_a_share_is_recorded_and_all_are_passed_on() {
    let collector = Collector::open(200);
    let world = traced(&collector.url(), ", sample: 0%").start().await;
    let parent = format!("traceparent: {PARENT}");
    assert_eq!(get(&world, "/open/x", &[&parent]).await.status, 200);
    let told = world.echoed("traceparent");
    assert_eq!(told[..36], PARENT[..36]);
    assert!(told.ends_with("-00"), "{told}");
    let mut world = world;
    world.gateway.drain().await;
    assert_eq!(collector.spans(), []);
}
