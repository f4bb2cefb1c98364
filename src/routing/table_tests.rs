//! Finding live routes: parameters come out, and what was matched is what goes on.

use std::collections::HashMap;

use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::inbound::Gate;
use crate::outbound::{Egress, Endpoints, Upstream};
use crate::request::CanonicalPath;
use crate::request::samples::{head, plainly_decoded, raw_path};
use crate::routing::samples::{definition, upstream};
use crate::telemetry::Metrics;

fn table(definitions: Vec<RouteDefinition>) -> Table {
    let alive = |definition: RouteDefinition| {
        Arc::new(Route {
            gate: Gate::new(std::sync::Arc::clone(&definition.callers), &HashMap::new()),
            egress: Egress::Nothing,
            upstream: Arc::new(
                Upstream::start(definition.upstream.clone(), &Endpoints::default()).unwrap(),
            ),
            metrics: Metrics::new().route(&definition.id),
            definition,
        })
    };
    Table::new(definitions.into_iter().map(alive).collect())
}

fn find(table: &Table, path: &CanonicalPath) -> Result<(Arc<Route>, Params), RouteMiss> {
    let head = head(path.as_str());
    let headers = &HeaderMap::new();
    let request = AccessRequest {
        head: &head,
        headers,
    };
    let (route, params) = table.find(request)?;
    Ok((Arc::clone(route), params))
}

#[test]
fn the_winner_names_the_parameters() {
    let table = table(vec![
        definition("by-method", "/users/{name}").taking(&["POST"]),
        definition("messages", "/users/{mailbox}"),
    ]);
    let path = CanonicalPath::parse("/users/max%40x.example").unwrap();
    let (route, params) = find(&table, &path).unwrap();
    assert_eq!(&*route.definition.id, "messages");
    assert_eq!(params.value("mailbox"), Some("max@x.example"));
    assert_eq!(params.value("name"), None);
    let path = CanonicalPath::parse("/groups").unwrap();
    let missed = find(&table, &path).err().unwrap();
    assert_eq!(missed.reason(), Reason::NoRoute);
}

#[test]
fn the_forwarded_path_is_the_canonical_one_less_the_prefix() {
    for (base, strip, raw, expected) in [
        ("", 0, "/a/%62", "/a/b"),
        ("", 0, "/", "/"),
        (
            "",
            1,
            "/graph/v1.0/users/%e4%bd%a0",
            "/v1.0/users/%E4%BD%A0",
        ),
        ("", 1, "/graph", "/"),
        ("", 1, "/graph/", "/"),
        ("/api", 0, "/a", "/api/a"),
        ("/api", 1, "/graph", "/api/"),
        ("/api", 1, "/graph/x/", "/api/x/"),
    ] {
        let path = CanonicalPath::parse(raw).unwrap();
        let upstream = upstream(base, strip);
        assert_eq!(upstream.forwarded_target(&path), expected, "{raw}");
        let path = CanonicalPath::received(raw, Some("q=/")).unwrap();
        let with_query = format!("{expected}?q=/");
        assert_eq!(upstream.forwarded_target(&path), with_query, "{raw}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever was sent: what the upstream reads are the segments that the pattern was held to.
    #[test]
    fn what_was_matched_is_what_is_forwarded(raw in raw_path(), strip in any::<bool>()) {
        let pattern = if strip { "/a/**" } else { "/**" };
        let mut route = definition("all", pattern);
        route.upstream.strip_segments = usize::from(strip);
        let table = table(vec![route]);
        let raw = format!("/a{raw}");
        let Ok(path) = CanonicalPath::parse(&raw) else { return Ok(()) };
        let Ok((route, _)) = find(&table, &path) else { return Ok(()) };
        let forwarded = route.definition.upstream.forwarded_target(&path);
        let again = CanonicalPath::parse(&forwarded).unwrap();
        prop_assert_eq!(again.as_str(), &*forwarded);
        let mut matched = plainly_decoded(&raw);
        if strip {
            prop_assert_eq!(matched.remove(0), b"a");
        }
        prop_assert_eq!(plainly_decoded(&forwarded), matched);
    }
}
