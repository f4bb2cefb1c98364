//! Ways to reach past what a route allows, tried on a route that carries our token.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::*;
use crate::policy::{Entry, ValuePattern, Where};
use crate::request::{CanonicalPath, Head, samples};
use crate::routing::samples::definition;

struct Sent<'a> {
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a [(&'static str, &'static str)],
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
        path: CanonicalPath::with_query(sent.path, sent.query).unwrap(),
        ..samples::head("/")
    };
    let (head, headers) = (&head, &headers);
    broken(route, true, AccessRequest { head, headers })
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
    for path in ["/batch", "/$batches", "/x$batch", "/$bat/ch", "/$query"] {
        let sent = Sent { path, ..PLAIN };
        assert_eq!(refused(&route(false), &sent), None, "{path}");
    }
}

#[test]
fn an_expansion_is_seen_in_every_encoding() {
    for query in [
        "$expand=x",
        "$expand",
        "expand=x",
        "%24expand=x",
        "a=b&%24%65xpand=x",
        "$EXPAND=messages",
        "%2524expand=x",
        "%252524%2565xpand=x",
        "+$expand=x",
        "%2B$expand=x",
        "%20$expand%20=x",
        "$expand%00=x",
        "$+expand=x",
        "a=1;$expand=x",
        "a=1%26$expand=x",
        "a=1%2526%2524expand%253Dx",
        "$top=1?$expand=x",
        "%u0024expand=x",
        "%u0024%u0065xpand=x",
        "$%u0065xpand=x",
        "%ff&$expand=x",
        "a=%FF&%24expand=x",
        "%25252525252524expand=x",
        "a=%2525252525252524",
    ] {
        let sent = Sent {
            query: Some(query),
            ..PLAIN
        };
        assert_eq!(
            refused(&route(true), &sent),
            Some(Reason::ExpandNotAllowed),
            "{query}"
        );
        assert_eq!(refused(&route(false), &sent), None, "{query}");
    }
    for query in [
        "$top=10",
        "",
        "x=$expand",
        "$expanded=1",
        "$orderby=receivedDateTime%20desc",
        "$filter=startswith(subject,'100%25')",
        "$search=%22expand%22",
        "$select=id,subject&$top=10&$skiptoken=X%2bY%3d%3d",
    ] {
        let sent = Sent {
            query: Some(query),
            ..PLAIN
        };
        assert_eq!(refused(&route(true), &sent), None, "{query}");
    }
}

#[test]
fn a_query_in_the_body_is_refused_where_queries_are_read() {
    let sent = Sent {
        path: "/users/a/messages/$Query",
        ..PLAIN
    };
    assert_eq!(refused(&route(true), &sent), Some(Reason::ExpandNotAllowed));
    assert_eq!(refused(&route(false), &sent), None);
}
