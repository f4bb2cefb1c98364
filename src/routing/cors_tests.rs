use super::*;

const APP: &str = "https://app.example.com";

fn cors(origins: Origins, credentials: bool) -> Cors {
    CorsDefinition {
        origins,
        credentials,
        methods: &[Method::GET, Method::PUT],
        headers: &[header::AUTHORIZATION],
        expose: &[HeaderName::from_static("x-total")],
        max_age: Duration::from_secs(600),
    }
    .into()
}

fn listed() -> Origins {
    Origins::Listed(vec![APP.to_owned(), "http://localhost:3000".to_owned()])
}

fn told(cors: &Cors, origin: Option<&str>, upstream: &[(&'static str, &str)]) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in upstream {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let origin = origin.map(|origin| HeaderValue::from_str(origin).unwrap());
    cors.tell(origin.as_ref(), &mut headers);
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<_> = headers.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn only_the_very_origin_may() {
    let cors = cors(listed(), true);
    for (origin, may) in [
        (APP, true),
        ("http://localhost:3000", true),
        ("http://app.example.com", false),
        ("https://app.example.com:443", false),
        ("https://app.example.com:8443", false),
        ("https://app.example.com/", false),
        ("https://APP.example.com", false),
        ("https://app.example.com.evil.example", false),
        ("https://evil-app.example.com", false),
        ("https://x.app.example.com", false),
        ("https://app.example.co", false),
        ("https://appXexample.com", false),
        ("https://app.example.com https://evil.example", false),
        ("https://app.example.com,https://evil.example", false),
        ("https://app.example.com@evil.example", false),
        (" https://app.example.com", false),
        ("null", false),
        ("", false),
        ("*", false),
        ("file://", false),
    ] {
        let value = HeaderValue::from_str(origin).unwrap();
        assert_eq!(cors.allows(&value), may, "{origin}");
    }
}

#[test]
fn an_allowed_page_may_read_an_answer_and_no_other_learns_anything() {
    let exposed = format!("access-control-expose-headers: {TOLD}, x-total");
    let with = cors(listed(), true);
    let allowed = [
        "access-control-allow-credentials: true".to_owned(),
        format!("access-control-allow-origin: {APP}"),
        exposed.clone(),
        "vary: Origin".to_owned(),
    ];
    assert_eq!(told(&with, Some(APP), &[]), allowed);
    for origin in [None, Some("null"), Some("https://evil.example")] {
        assert_eq!(told(&with, origin, &[]), ["vary: Origin"], "{origin:?}");
    }
    let without = cors(listed(), false);
    assert_eq!(told(&without, Some(APP), &[]), allowed[1..]);
    let any = cors(Origins::Any, false);
    let everybody = ["access-control-allow-origin: *".to_owned(), exposed];
    assert_eq!(told(&any, Some("null"), &[]), everybody);
    assert_eq!(told(&any, None, &[]), everybody);
}

#[test]
fn an_upstream_does_not_open_what_the_route_does_not() {
    let open = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-secret"),
        ("access-control-allow-headers", "x"),
        ("access-control-allow-methods", "DELETE"),
        ("access-control-max-age", "86400"),
        ("vary", "Accept-Encoding"),
    ];
    let cors = cors(listed(), false);
    let kept = ["vary: Accept-Encoding", "vary: Origin"];
    assert_eq!(told(&cors, Some("https://evil.example"), &open), kept);
    let own = told(&cors, Some(APP), &open);
    assert_eq!(own[0], format!("access-control-allow-origin: {APP}"));
    assert_eq!(own.len(), 4);
}

#[test]
fn what_varies_already_says_so_once() {
    let cors = cors(listed(), false);
    for vary in ["*", "Origin", "origin", "accept, ORIGIN ,x"] {
        let expected = format!("vary: {vary}");
        assert_eq!(told(&cors, None, &[("vary", vary)]), [expected]);
    }
    let other = told(&cors, None, &[("vary", "X-Origin")]);
    assert_eq!(other, ["vary: Origin", "vary: X-Origin"]);
}

#[test]
fn a_browser_that_asks_first_is_told_what_may_be() {
    let cors = cors(listed(), true);
    let ask = |origin| cors.preflight(&HeaderValue::from_static(origin));
    let answer = ask(APP);
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], APP);
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert_eq!(headers["access-control-allow-methods"], "GET, PUT");
    assert_eq!(headers["access-control-allow-headers"], "authorization");
    assert_eq!(headers["access-control-max-age"], "600");
    assert_eq!(headers["vary"], "Origin");
    let refused = ask("https://evil.example");
    assert_eq!(refused.headers().len(), 1, "{:?}", refused.headers());
}

#[test]
fn several_origins_are_none() {
    let mut headers = HeaderMap::new();
    assert_eq!(origin_of(&headers), Ok(None));
    headers.append("origin", HeaderValue::from_static(APP));
    assert_eq!(origin_of(&headers).unwrap().unwrap(), APP);
    headers.append("origin", HeaderValue::from_static(APP));
    assert_eq!(origin_of(&headers), Err(SeveralOrigins));
}
