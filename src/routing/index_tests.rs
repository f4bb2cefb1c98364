//! The table against a reader of §4 who tries every route, and the cases people argue about.

use proptest::prelude::*;

use super::*;
use crate::request::samples::raw_path;
use crate::routing::samples::definition;

const SHAPES: &[&str] = &[
    "/",
    "/**",
    "/a",
    "/a/",
    "/a/**",
    "/a/b",
    "/a/{x}",
    "/a/{x}/",
    "/a/{x}/b",
    "/a/{x}/**",
    "/a/b/**",
    "/{x}",
    "/{x}/",
    "/{x}/b",
    "/{x}/{y}",
    "/{x}/**",
    "/{x}/b/**",
    "/{x}/{y}/**",
    "/%C3%A9",
    "/$batch",
    "/b/{x}",
];
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "OPTIONS", "PROPFIND", "TRACE", "CONNECT",
];
const HOSTS: &[Option<&str>] = &[
    None,
    Some("x.example"),
    Some("*.example"),
    Some("*.x.example"),
];

fn found(routes: &[RouteDefinition], host: Option<&str>, path: &str, method: &str) -> String {
    let (index, _) = Index::of(routes.iter());
    let path = CanonicalPath::parse(path).unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    match index.find("apis", host, &path, &method) {
        Ok(place) => routes[place].id.to_string(),
        Err(RouteMiss::NoRoute) => "404".to_owned(),
        Err(RouteMiss::PathNotExact { narrower }) => format!("not exactly {narrower}"),
        Err(RouteMiss::MethodNotAllowed { allow }) => {
            let names: Vec<_> = allow.iter().map(Method::as_str).collect();
            format!("405 {}", names.join(","))
        }
    }
}

#[test]
fn the_least_pattern_wins_segment_by_segment() {
    let routes: Vec<_> = [
        "/a/b",
        "/a/{x}",
        "/a/**",
        "/{x}/b",
        "/{x}/b/c",
        "/**",
        "/a/",
        "/a/b/{x}/d",
        "/a/{x}/c/e",
    ]
    .map(|path| definition(path, path))
    .into();
    for (path, expected) in [
        ("/a/b", "/a/b"),
        ("/a/%62", "/a/b"),
        ("/a/c", "/a/{x}"),
        ("/a", "/a/**"),
        ("/a/", "/a/"),
        ("/a/b/", "/a/**"),
        ("/a/b/c", "/a/**"),
        ("/c/b", "/{x}/b"),
        ("/c/b/c", "/{x}/b/c"),
        ("/c", "/**"),
        ("/", "/**"),
        ("/c/", "/**"),
        ("/a/b/c/d", "/a/b/{x}/d"),
        ("/a/b/c/e", "/a/{x}/c/e"),
        ("/a/b/c/f", "/a/**"),
        ("/A/b", "/{x}/b"),
    ] {
        assert_eq!(found(&routes, None, path, "GET"), expected, "{path}");
    }
}

#[test]
fn a_method_that_the_winner_does_not_take_never_finds_a_broader_route() {
    let routes = [
        definition("read", "/a/{x}").taking(&["GET"]),
        definition("write", "/a/{y}").taking(&["POST"]),
        definition("rest", "/**"),
        definition("probe", "/probe").taking(&["HEAD"]),
    ];
    for (method, path, expected) in [
        ("GET", "/a/1", "read"),
        ("HEAD", "/a/1", "read"),
        ("POST", "/a/1", "write"),
        ("DELETE", "/a/1", "405 GET,HEAD,POST"),
        ("OPTIONS", "/a/1", "405 GET,HEAD,POST"),
        ("get", "/a/1", "405 GET,HEAD,POST"),
        ("HEAD", "/probe", "probe"),
        ("GET", "/probe", "405 HEAD"),
        ("PROPFIND", "/b", "rest"),
        ("TRACE", "/b", "405 GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"),
        ("Trace", "/b", "405 GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"),
        (
            "CONNECT",
            "/b",
            "405 GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS",
        ),
    ] {
        assert_eq!(
            found(&routes, None, path, method),
            expected,
            "{method} {path}"
        );
    }
}

#[test]
fn the_best_host_level_decides_alone() {
    let routes = [
        definition("any", "/**"),
        definition("exact", "/exact").at_host("api.example.com"),
        definition("longer", "/longer").at_host("*.b.example.com"),
        definition("shorter", "/**").at_host("*.example.com"),
        definition("v6", "/**").at_host("[0:0:0:0:0:0:0:1]"),
    ];
    for (host, path, expected) in [
        (Some("api.example.com"), "/exact", "exact"),
        (Some("api.example.com"), "/other", "404"),
        (Some("a.b.example.com"), "/longer", "longer"),
        (Some("a.b.example.com"), "/other", "404"),
        (Some("x.a.b.example.com"), "/longer", "longer"),
        (Some("b.example.com"), "/other", "shorter"),
        (Some("example.com"), "/other", "any"),
        (Some("evilexample.com"), "/other", "any"),
        (Some("example.com.evil"), "/other", "any"),
        (Some("[::1]"), "/x", "v6"),
        (Some("[::2]"), "/x", "any"),
        (None, "/exact", "any"),
    ] {
        assert_eq!(
            found(&routes, host, path, "GET"),
            expected,
            "{host:?} {path}"
        );
    }
}

#[test]
fn listeners_do_not_share_routes() {
    let mut other = definition("other", "/**");
    other.listener = "legacy".into();
    assert_eq!(found(&[other], None, "/", "GET"), "404");
}

fn problems(routes: &[RouteDefinition]) -> Vec<(usize, usize, String)> {
    let errors = crate::routing::Table::conflicts(routes).into_iter();
    errors
        .map(|error| (error.first, error.second, error.problem))
        .collect()
}

#[test]
fn equal_routes_are_named() {
    let mut elsewhere = definition("elsewhere", "/a/{x}");
    elsewhere.listener = "legacy".into();
    let routes = [
        definition("one", "/a/{x}").taking(&["GET", "PUT"]),
        definition("two", "/a/{y}").taking(&["POST"]),
        definition("three", "/a/{z}").taking(&["DELETE", "HEAD"]),
        definition("hosted", "/a/{x}").at_host("x.example"),
        elsewhere,
        definition("four", "/a/{x}"),
        definition("spelled", "/%24batch"),
        definition("spelt", "/$batch"),
    ];
    let equal = |first: &str, second: &str, method: &str| {
        format!(
            "routes `{first}` and `{second}` have the same listener, host and path shape, and both \
             take {method}: which one is meant?"
        )
    };
    assert_eq!(
        problems(&routes),
        [
            (0, 2, equal("one", "three", "HEAD")),
            (0, 5, equal("one", "four", "GET")),
            (6, 7, equal("spelled", "spelt", "GET")),
        ]
    );
}

#[test]
fn equal_hosts_in_two_spellings_are_equal() {
    let routes = [
        definition("one", "/").at_host("[0:0::1]"),
        definition("two", "/").at_host("[::1]"),
    ];
    assert_eq!(problems(&routes).len(), 1);
}

#[test]
fn routes_that_no_request_reaches_are_named() {
    let covered = [
        definition("rest", "/x/**"),
        definition("end", "/x"),
        definition("slash", "/x/").taking(&["GET"]),
        definition("deeper", "/x/{a}/**"),
    ];
    assert_eq!(
        problems(&covered),
        [(
            3,
            0,
            "no request reaches route `rest`: `deeper` and its neighbours are more exact and take \
             every path of `/x/**`"
                .to_owned()
        )]
    );
    for missing in 1..covered.len() {
        let mut open = covered.to_vec();
        open.remove(missing);
        assert_eq!(problems(&open), []);
    }
    let at_the_root = [
        definition("rest", "/**"),
        definition("slash", "/"),
        definition("deeper", "/{a}/**"),
    ];
    assert_eq!(problems(&at_the_root).len(), 1);
    let none = [definition("idle", "/x").taking(&[])];
    assert_eq!(
        problems(&none),
        [(
            0,
            0,
            "no request reaches route `idle`: its `methods` are empty".to_owned()
        )]
    );
}

#[test]
fn a_deep_path_does_not_exhaust_the_stack() {
    let routes = [definition("all", "/{x}/**"), definition("a", "/a/{x}/b")];
    let path = "/a".repeat(100_000);
    assert_eq!(found(&routes, None, &path, "GET"), "all");
}

/// Tries every route, by the words of the design and nothing cleverer.
fn by_trying_all(
    routes: &[RouteDefinition],
    host: Option<&str>,
    path: &CanonicalPath,
    method: &Method,
) -> Result<usize, RouteMiss> {
    let host_level = |route: &RouteDefinition| match (&route.host, host) {
        (None, _) => Some(0),
        (Some(HostPattern::Exact(name)), Some(host)) => (name == host).then_some(usize::MAX),
        (Some(HostPattern::Suffix(suffix)), Some(host)) => {
            (host.ends_with(suffix.as_str()) && host.len() > suffix.len()).then_some(suffix.len())
        }
        (Some(_), None) => None,
    };
    let Some(best) = routes.iter().filter_map(host_level).max() else {
        return Err(RouteMiss::NoRoute);
    };
    let matching: Vec<_> = (0..routes.len())
        .filter(|place| host_level(&routes[*place]) == Some(best))
        .filter_map(|place| Some((rank(routes[place].path.as_str(), path)?, place)))
        .collect();
    let Some(least) = matching.iter().map(|(rank, _)| rank).min() else {
        return Err(RouteMiss::NoRoute);
    };
    let winners = matching.iter().filter(|(rank, _)| rank == least);
    let places: Vec<usize> = winners.map(|(_, place)| *place).collect();
    let takes = |place: &&usize| match &routes[**place].methods {
        None => method != Method::CONNECT && method != Method::TRACE,
        Some(list) => list
            .iter()
            .any(|listed| listed == method || (listed == Method::GET && method == Method::HEAD)),
    };
    let taking = places.iter().find(takes).copied();
    taking.ok_or(RouteMiss::MethodNotAllowed { allow: Vec::new() })
}

/// Literal 0, `{name}` 1, end 2, `**` 3, by segment; `None` where the pattern does not fit.
fn rank(pattern: &str, path: &CanonicalPath) -> Option<Vec<u8>> {
    let values: Vec<_> = path.decoded_segments().collect();
    let mut rank = Vec::new();
    let written: Vec<_> = pattern[1..].split('/').collect();
    for (place, segment) in written.iter().enumerate() {
        let value = values.get(place);
        if *segment == "**" {
            rank.push(3);
            return Some(rank);
        } else if segment.starts_with('{') {
            value.filter(|value| !value.is_empty())?;
            rank.push(1);
        } else {
            let literal = CanonicalPath::parse(&format!("/{segment}")).unwrap();
            value.filter(|value| literal.decoded_segments().next().as_ref() == Some(value))?;
            rank.push(0);
        }
    }
    rank.push(2);
    (values.len() == written.len()).then_some(rank)
}

fn routes() -> impl Strategy<Value = Vec<RouteDefinition>> {
    let methods = prop::option::of(prop::sample::subsequence(METHODS.to_vec(), 1..4));
    let route = (
        prop::sample::select(SHAPES),
        prop::sample::select(HOSTS),
        methods,
    );
    let route = route.prop_map(|(path, host, methods)| {
        let mut route = definition(path, path);
        if let Some(host) = host {
            route = route.at_host(host);
        }
        match methods {
            Some(methods) => route.taking(&methods),
            None => route,
        }
    });
    prop::collection::vec(route, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_table_agrees_with_trying_all(
        routes in routes(),
        raw in prop_oneof![
            raw_path(),
            "(/(a|b|c|%61|\\$batch|%24batch|é)){0,4}/?".prop_map(|path| format!("/{}", path.trim_start_matches('/'))),
        ],
        host in prop::sample::select(vec![None, Some("x.example"), Some("y.x.example"), Some("y.example"), Some("example")]),
        method in prop::sample::select(METHODS),
    ) {
        let Ok(path) = CanonicalPath::parse(&raw) else { return Ok(()) };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (index, _) = Index::of(routes.iter());
        let found = index.find("apis", host, &path, &method);
        if matches!(found, Err(RouteMiss::PathNotExact { .. })) {
            return Ok(());
        }
        let found = found.map_err(|miss| match miss {
            RouteMiss::MethodNotAllowed { .. } => RouteMiss::MethodNotAllowed { allow: Vec::new() },
            miss => miss,
        });
        prop_assert_eq!(&found, &by_trying_all(&routes, host, &path, &method));
        if let Ok(place) = found {
            prop_assert!(routes[place].path.matches(&path).is_some());
        }
    }

    /// A route that is called unreachable is found by no path, and one that is not, by some.
    #[test]
    fn unreachable_means_unreachable(shapes in prop::sample::subsequence(SHAPES.to_vec(), 1..8)) {
        let routes: Vec<_> = shapes.iter().map(|shape| definition(shape, shape)).collect();
        let (index, errors) = Index::of(routes.iter());
        let probes = ["a", "b", "é", "$batch", "zz"];
        let mut paths = vec!["/".to_owned()];
        let mut level = vec![String::new()];
        for _ in 0..3 {
            level = level
                .iter()
                .flat_map(|path| probes.iter().map(move |probe| format!("{path}/{probe}")))
                .collect();
            paths.extend(level.iter().flat_map(|path| [path.clone(), format!("{path}/")]));
        }
        let reached: std::collections::HashSet<usize> = paths
            .iter()
            .filter_map(|path| {
                let path = CanonicalPath::parse(path).unwrap();
                index.find("apis", None, &path, &Method::GET).ok()
            })
            .collect();
        for (place, route) in routes.iter().enumerate() {
            let told = errors.iter().any(|error| error.second == place);
            prop_assert_eq!(told, !reached.contains(&place), "{}", route.id);
        }
    }
}
