//! Ways to reach past what a route allows, tried on a route that carries our token.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::*;
use crate::policy::{Callers, Entry, ValuePattern, Where};
use crate::request::{CanonicalPath, Head, samples};
use crate::routing::samples::definition;
use crate::routing::{CorsDefinition, Origins};

type Fields<'a> = &'a [(&'static str, &'static str)];

struct Sent<'a> {
    path: &'a str,
    query: Option<&'a str>,
    headers: Fields<'a>,
}

const PLAIN: Sent<'_> = Sent {
    path: "/users/a/messages",
    query: Some("$top=10"),
    headers: &[],
};

fn route(with_where: bool) -> RouteDefinition {
    let mut route = definition("inbox", "/**");
    let condition = (Arc::from("mailbox"), vec![ValuePattern("a".to_owned())]);
    let entry = Entry {
        credential: None,
        network: None,
        parameters: Where(if with_where {
            vec![condition]
        } else {
            Vec::new()
        }),
        limit: None,
    };
    route.callers = std::sync::Arc::new(Callers::Entries(vec![entry].into()));
    route
}

fn refused(route: &RouteDefinition, sent: &Sent<'_>) -> Option<Reason> {
    let headers: HeaderMap = sent
        .headers
        .iter()
        .map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        })
        .collect();
    let head = Head {
        path: CanonicalPath::received(sent.path, sent.query).unwrap(),
        ..samples::head("/")
    };
    let (head, headers) = (&head, &headers);
    broken(route, true, AccessRequest { head, headers }).map(|(reason, _)| reason)
}

#[test]
fn an_ordinary_request_passes() {
    assert_eq!(refused(&route(true), &PLAIN), None);
    let no_query = Sent {
        query: None,
        ..PLAIN
    };
    assert_eq!(refused(&route(true), &no_query), None);
}

#[test]
fn a_web_page_is_refused() {
    let fields: [&[(&str, &str)]; 8] = [
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
    ];
    for headers in fields {
        let sent = Sent { headers, ..PLAIN };
        assert_eq!(
            refused(&route(false), &sent),
            Some(Reason::BrowserNotAllowed),
            "{headers:?}"
        );
    }
    let typed = Sent {
        headers: &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        ..PLAIN
    };
    assert_eq!(refused(&route(false), &typed), None);
}

#[test]
fn a_page_that_the_route_names_may_by_what_it_brings() {
    let mut route = route(false);
    route.cors = Some(
        CorsDefinition {
            origins: Origins::Listed(vec!["https://app.example".to_owned()]),
            credentials: false,
            methods: &[],
            headers: &[],
            expose: &[],
            max_age: std::time::Duration::ZERO,
        }
        .into(),
    );
    let own = ("origin", "https://app.example");
    let other = ("origin", "https://evil.example");
    let bearer = ("authorization", "bEaReR x");
    let no_page = Some(Reason::BrowserNotAllowed);
    let no_origin = Some(Reason::OriginNotAllowed);
    let fields: [(Fields<'_>, Option<Reason>); 9] = [
        (&[], None),
        (&[own, bearer], None),
        (
            &[own, ("x-api-key", "x"), ("sec-fetch-site", "cross-site")],
            None,
        ),
        (&[own, ("authorization", "Basic x")], no_page),
        (&[own, ("authorization", "")], no_page),
        (&[own, bearer, ("authorization", "Basic x")], no_page),
        (&[("sec-fetch-site", "same-site"), bearer], no_page),
        (&[other, bearer], no_origin),
        (&[own, own, bearer], no_origin),
    ];
    for (headers, reason) in fields {
        let sent = Sent { headers, ..PLAIN };
        assert_eq!(refused(&route, &sent), reason, "{headers:?}");
    }
}

#[test]
fn a_batch_is_seen_in_every_encoding() {
    for path in [
        "/$batch",
        "/v1.0/$batch",
        "/v1.0/$batch/",
        "/v1.0/$BATCH",
        "/v1.0/%24batch",
        "/v1.0/%24%62atch",
        "/v1.0/%2524batch",
        "/v1.0/%252524b%2561tch",
        "/v1.0/$batch%20",
        "/v1.0/ $batch",
        "/v1.0/$batch/x",
        "/v1.0/microsoft.graph.$Batch",
        "/v1.0/($batch)",
        "/v1.0/%2525252525252524batch",
    ] {
        let sent = Sent { path, ..PLAIN };
        assert_eq!(
            refused(&route(false), &sent),
            Some(Reason::BatchNotAllowed),
            "{path}"
        );
        let mut batching = route(false);
        batching.allow_batch = true;
        assert_eq!(refused(&batching, &sent), None, "{path}");
    }
    for path in ["/batch", "/x$batch"] {
        let sent = Sent { path, ..PLAIN };
        assert_eq!(refused(&route(false), &sent), None, "{path}");
    }
}

#[test]
fn segments_of_odata_pass_by_a_list() {
    for path in [
        "/users/a/messages/b/$value",
        "/users/$count",
        "/users/%24COUNT",
        "/users/a$b",
    ] {
        let sent = Sent { path, ..PLAIN };
        assert_eq!(refused(&route(true), &sent), None, "{path}");
    }
    for path in [
        "/users/a/messages/$Query",
        "/users/a/messages/%24query",
        "/users/a/messages/%2524query",
        "/users/a/messages/b%252F$query",
        "/groups/a/members/$ref",
        "/$metadata",
        "/$entity",
        "/$all",
        "/$crossjoin(a,b)",
        "/users/$filter(@a)",
        "/users/$/a",
        "/users/a/$links/b",
        "/users/$count()",
        "/$batches",
    ] {
        let sent = Sent { path, ..PLAIN };
        let reason = Some(Reason::SegmentNotAllowed);
        assert_eq!(refused(&route(false), &sent), reason, "{path}");
        assert_eq!(refused(&route(true), &sent), reason, "{path}");
    }
    let mut members = route(false);
    members.path = crate::routing::Template::parse("/groups/{id}/members/$ref").unwrap();
    let sent = Sent {
        path: "/groups/a/members/$ref",
        ..PLAIN
    };
    assert_eq!(refused(&members, &sent), None);
}

#[test]
fn options_pass_by_a_list_where_our_token_travels_or_where_holds() {
    let headers = &HeaderMap::new();
    let sent = |query| Head {
        path: CanonicalPath::received("/users/a", Some(query)).unwrap(),
        ..samples::head("/")
    };
    for (query, reason) in [
        ("$expand=manager", Some(Reason::ExpandNotAllowed)),
        ("$select=a($expand=b)", Some(Reason::ExpandNotAllowed)),
        ("$apply=expand(b)", Some(Reason::QueryNotAllowed)),
        ("$filter=$root/users", Some(Reason::QueryNotAllowed)),
        ("$id=../../users('b')", Some(Reason::QueryNotAllowed)),
        ("$select=id&$top=5", None),
    ] {
        let head = &sent(query);
        let asked = AccessRequest { head, headers };
        let found =
            |with_where, ours| broken(&route(with_where), ours, asked).map(|(reason, _)| reason);
        assert_eq!(found(false, true), reason, "{query}");
        assert_eq!(found(true, true), reason, "{query}");
        assert_eq!(found(true, false), reason, "{query}");
        assert_eq!(found(false, false), None, "{query}");
    }
}
