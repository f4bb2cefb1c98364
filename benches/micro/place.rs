//! A plan with live routes, an issuer whose keys have arrived, and a request for it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bearergate::admission::{HeaderRules, Plan, PlanLimits};
use bearergate::clock::UnixTime;
use bearergate::config::Config;
use bearergate::fake::{Contoso, Neighbourhood, Ports};
use bearergate::http_client::HttpClient;
use bearergate::inbound::{Gate, Issuer};
use bearergate::outbound::{Egress, Endpoints, Upstream};
use bearergate::policy::Evidence;
use bearergate::request::{AccessRequest, Head, Limits, Peer, Sent};
use bearergate::routing::{Route, RouteDefinition, Table, Template};
use bearergate::telemetry::Metrics;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

const TARGET: &str = "/r0/items/17/parts?filter=new&page=2";

/// Dropped as a whole when nothing is counted any more.
pub(super) struct Place {
    pub(super) plan: Plan,
    pub(super) head: Head,
    pub(super) headers: HeaderMap,
    contoso: Contoso,
    _doors: Neighbourhood,
    _runtime: tokio::runtime::Runtime,
}

impl Place {
    /// One route for bearers of tokens, and a request with one that it has seen.
    pub(super) fn new() -> Self {
        let place = Self::of_routes(1);
        for _ in 0..2 {
            place.identify();
            read(&place.headers);
        }
        place
    }

    /// The same, and a token that it has not seen.
    pub(super) fn with_a_new_token() -> Self {
        let mut place = Self::new();
        place.headers.insert(AUTHORIZATION, bearer(&place.contoso));
        place
    }

    /// So many routes, each for bearers of tokens; what is asked for is the first.
    pub(super) fn of_routes(count: usize) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let contoso = Contoso::new().unwrap();
        let doors = runtime.block_on(async { contoso.open(Ports::default(), None).unwrap() });
        let config = config(&doors.issuer.base());
        let plan = runtime.block_on(plan(&config, count));
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "api.contoso.example"),
            ("user-agent", "bench/1.0"),
            ("accept", "application/json"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(AUTHORIZATION, bearer(&contoso));
        let place = Self {
            head: read(&headers),
            plan,
            headers,
            contoso,
            _doors: doors,
            _runtime: runtime,
        };
        for _ in 0..2 {
            assert!(place.plan.routes.find(place.request()).is_ok());
        }
        place
    }

    pub(super) fn request(&self) -> AccessRequest<'_> {
        AccessRequest {
            head: &self.head,
            headers: &self.headers,
        }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.plan.routes.routes()[0].gate
    }

    /// Its keys are at hand, so nobody is waited for.
    pub(super) fn identify(&self) -> Evidence {
        let proven = self.gate().identify(self.request(), UnixTime::now());
        match proven.now_or_never().expect("the keys are at hand") {
            Ok(evidence) => evidence,
            Err(why) => panic!("{why:?}"),
        }
    }
}

/// The request's head, read as a listener's.
pub(super) fn read(headers: &HeaderMap) -> Head {
    let peer = Peer::of([127, 0, 0, 1].into(), headers, &[]);
    let sent = Sent {
        method: &Method::GET,
        version: Version::HTTP_11,
        uri: &Uri::from_static(TARGET),
        authority: None,
        headers,
    };
    let limits = Limits {
        uri: 8 * 1024,
        body: u64::MAX,
    };
    Head::read(&"in".into(), peer, &sent, &limits).unwrap()
}

fn config(authority: &str) -> Config {
    let (tenant, api, role) = (Contoso::CALC_TENANT, Contoso::CALC_API, Contoso::CALC_ROLE);
    let text = format!(
        "version: 1
listeners: {{ in: {{ address: 127.0.0.1:0 }} }}
issuers: {{ dev: {{ entra: {{ tenant: {tenant}, authority: {authority} }} }} }}
routes:
  - id: r0
    listener: in
    match: {{ path: /r0/** }}
    callers: [{{ bearer: {{ issuer: dev, audiences: [{api}], roles: [{role}] }} }}]
    upstream: {{ url: http://127.0.0.1:1 }}
    caller_headers: {{ X-Client-Id: azp }}
"
    );
    Config::parse(&text, "micro.yaml", Path::new(".")).unwrap_or_else(|why| panic!("{why}"))
}

/// The configuration's route so many times, each by another path, made alive.
async fn plan(config: &Config, count: usize) -> Plan {
    let http = HttpClient::new(&config.fetch).unwrap();
    let issuer = Issuer::start(config.issuers[0].clone(), http);
    while !issuer.ready() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let issuers = HashMap::from([(Arc::clone(&issuer.definition().name), issuer)]);
    let metrics = Metrics::new();
    let written = &config.routes[0];
    let upstream = Upstream::start(written.upstream.clone(), &Endpoints::default()).unwrap();
    let upstream = Arc::new(upstream);
    let definitions = (0..count).map(|number| RouteDefinition {
        id: format!("r{number}").into(),
        path: Template::parse(&format!("/r{number}/**")).unwrap(),
        ..written.clone()
    });
    let routes = definitions.map(|definition| {
        Arc::new(Route {
            gate: Gate::new(Arc::clone(&definition.callers), &issuers),
            egress: Egress::Nothing,
            upstream: Arc::clone(&upstream),
            metrics: metrics.route(&definition.id),
            definition,
        })
    });
    Plan {
        listeners: Vec::new(),
        routes: Table::new(routes.collect()),
        headers: HeaderRules::new([written].into_iter()),
        limits: PlanLimits::none(),
        preserves_header_case: false,
        issuers,
        tokens: Vec::new(),
        user_tokens: Vec::new(),
        store: None,
        tracer: None,
        observers: None,
        next: Default::default(),
    }
}

/// A token of the usual length, 1.9 KB.
fn bearer(contoso: &Contoso) -> HeaderValue {
    let groups = vec!["0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11"; 20];
    let token = contoso
        .issuer
        .token(Contoso::CALC_TENANT)
        .audience(Contoso::CALC_API)
        .role(Contoso::CALC_ROLE)
        .claim("groups", serde_json::json!(groups));
    HeaderValue::try_from(format!("Bearer {}", token.mint())).unwrap()
}
