//! Random tables of routes, and random spellings of the paths that they take: nobody gets further by
//! spelling a path otherwise.

use http::Method;
use proptest::prelude::*;

use super::super::index::Index;
use super::super::samples::definition;
use super::super::{RouteDefinition, RouteMiss};
use super::*;
use crate::request::CanonicalPath;

/// A way to spell a segment otherwise.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    AsIs,
    Upper,
    Escaped(u8),
    Dot,
    Space,
    Called,
    Namespace,
    Cast,
    Cut,
    Stream,
    Dollar,
    KeyOfPrevious,
}

fn spelled(segments: &[&str], spellings: &[Spelling], slash: bool) -> String {
    let mut path = String::new();
    for (place, segment) in segments.iter().enumerate() {
        use Spelling::*;
        let spelling = spellings.get(place).copied().unwrap_or(AsIs);
        let escape = |segment: &str, depth: u8| {
            let percent = format!("%{}", "25".repeat(usize::from(depth)));
            segment.bytes().fold(String::new(), |text, byte| {
                format!("{text}{percent}{byte:02x}")
            })
        };
        let written = match spelling {
            AsIs => (*segment).to_owned(),
            Upper => segment.to_uppercase(),
            Escaped(depth) => escape(segment, depth),
            Dot => format!("{segment}."),
            Space => format!("%20{segment}%20."),
            Called => format!("{segment}()"),
            Namespace => format!("microsoft.Graph.{segment}"),
            Cast => format!("microsoft.graph.entity/{segment}"),
            Cut => format!("{segment}%3Bv=1"),
            Stream => format!("{segment}::$data"),
            Dollar => format!("$/{segment}"),
            // What is cut off takes a key along.
            KeyOfPrevious if place > 0 && !matches!(spellings[place - 1], Cut | Stream) => {
                path.push_str(&format!("(%27{segment}')"));
                continue;
            }
            KeyOfPrevious => (*segment).to_owned(),
        };
        path.push('/');
        path.push_str(&written);
    }
    if slash {
        path.push('/');
    }
    path
}

fn spelling() -> impl Strategy<Value = Spelling> {
    use Spelling::*;
    prop_oneof![
        4 => Just(AsIs),
        1 => (0_u8..4).prop_map(Escaped),
        8 => prop::sample::select(vec![
            Upper, Dot, Space, Called, Namespace, Cast, Cut, Stream, Dollar, KeyOfPrevious,
        ]),
    ]
}

/// A pattern, whose it is, whether it folds, and the method that it takes.
type Row = (String, &'static str, bool, &'static str);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let segment = prop::sample::select(vec!["a", "b", "sendMail", "users", "{}"]);
    let segments = prop::collection::vec(segment, 0..4);
    let tail = prop::sample::select(vec!["/**", "/", "", ""]);
    let caller = prop::sample::select(vec!["k", "l", "m"]);
    let method = prop::sample::select(vec!["GET", "GET", "POST"]);
    let row = (segments, tail, caller, prop::bool::weighted(0.2), method);
    let row = row.prop_map(|(segments, tail, caller, folds, method)| {
        let segments = segments.iter().enumerate();
        let written = segments.map(|(place, segment)| match *segment {
            "{}" => format!("/{{p{place}}}"),
            literal => format!("/{literal}"),
        });
        let path = written.collect::<String>() + tail;
        let path = if path.is_empty() {
            "/".to_owned()
        } else {
            path
        };
        (path, caller, folds, method)
    });
    prop::collection::vec(row, 2..8)
}

fn table(rows: &[Row]) -> Vec<RouteDefinition> {
    let rows = rows.iter().map(|(path, caller, folds, method)| {
        let route = definition(path, path).taking(&[*method]).for_key(caller);
        match folds {
            true => route.ignoring_case(),
            false => route,
        }
    });
    let mut routes: Vec<_> = rows.collect();
    while let Some(error) = crate::routing::Table::conflicts(&routes).pop() {
        routes.remove(error.second);
    }
    routes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// Whoever spells a path otherwise gets no further: not by a broader route with other callers
    /// than the one that takes the plain path.
    #[test]
    fn no_spelling_evades_a_narrower_route(
        rows in rows(),
        segments in prop::collection::vec(prop::sample::select(vec!["a", "b", "sendMail", "users", "c"]), 0..4),
        spellings in prop::collection::vec(spelling(), 4),
        slash in any::<bool>(),
    ) {
        let routes = table(&rows);
        let (index, _) = Index::of(routes.iter());
        let find = |path: &str, method: Method| {
            let path = CanonicalPath::parse(path).ok()?;
            Some(index.find("apis", None, &path, &method))
        };
        let plain = spelled(&segments, &[], segments.is_empty());
        let path = spelled(&segments, &spellings, slash || segments.is_empty());
        let (narrower, refused) = match find(&plain, Method::GET) {
            Some(Ok(narrower)) => (narrower, false),
            // What would be a 405 must not become another route's.
            Some(Err(RouteMiss::MethodNotAllowed { .. })) => match find(&plain, Method::POST) {
                Some(Ok(narrower)) => (narrower, true),
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        let Some(Ok(winner)) = find(&path, Method::GET) else {
            return Ok(());
        };
        let same_callers = !refused && routes[narrower].callers == routes[winner].callers;
        let (narrower, winner) = (&routes[narrower].path, &routes[winner].path);
        let is_before = Folded::of(winner).is_before(&Folded::of(narrower));
        prop_assert!(same_callers || is_before, "{} for {}, {} for {}", plain, narrower.as_str(), path, winner.as_str());
    }

    #[test]
    fn folding_never_panics(path in any::<String>(), shaped in crate::request::samples::raw_path()) {
        for path in [format!("/{path}"), shaped] {
            let _ = super::super::fold::respellings(&path, true);
            for segment in path.split('/') {
                let _ = super::super::fold::readings(segment, Some("v1.0"));
                let _ = super::super::fold::words_of_literal(segment);
                let _ = super::super::fold::named(segment);
            }
        }
    }
}
