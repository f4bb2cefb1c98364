use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::fake::fixtures::{NOW, ask, get};
use crate::fake::http::{Body, Pace, Request};
use crate::fake::{Echo, Origin};

#[test]
fn it_tells_what_it_was_sent() {
    let echo = Echo::new();
    let request = Request::new(Method::PUT, "/a/%2e?x=1&y", NOW)
        .with("Host", "calc.internal")
        .with("X-Roles", "a")
        .with("X-Roles", "b")
        .with_body("hello");
    let (status, body, _) = ask(&echo, &request);
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({
            "method": "PUT",
            "path": "/a/%2e",
            "query": "x=1&y",
            "headers": [["host", "calc.internal"], ["x-roles", "a"], ["x-roles", "b"]],
            "body": {
                "length": 5,
                "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                "text": "hello",
            },
        })
    );
    assert_eq!(echo.count(), 1);
    assert_eq!(echo.last().unwrap().header("x-roles"), Some("a"));
}

#[test]
fn it_adds() {
    let echo = Echo::new();
    for (path, result) in [
        ("/calc/v1/add/1/1", json!(2)),
        ("/v2/calc/v1/add/-3/1", json!(-2)),
        ("/calc/v1/add/1", Value::Null),
        ("/calc/v1/add/1/2/3", Value::Null),
        ("/calc/v1/add/a/1", Value::Null),
        ("/calc/v1/add/9223372036854775807/1", Value::Null),
    ] {
        let (status, body, _) = ask(&echo, &get(path));
        assert_eq!((status, &body["result"]), (200, &result), "{path}");
    }
}

#[test]
fn bodies_that_are_long_or_no_text_are_only_described() {
    let echo = Echo::new();
    for body in [
        Body::whole(vec![b'a'; 4097]),
        Body::whole(vec![0xFF]),
        Body {
            length: 3,
            ..Body::whole(b"ab".to_vec())
        },
    ] {
        let mut request = get("/");
        request.body = body.clone();
        let (_, answer, _) = ask(&echo, &request);
        assert_eq!(answer["body"]["length"], body.length);
        assert_eq!(answer["body"].get("text"), None, "{} bytes", body.length);
    }
}

#[test]
fn it_answers_as_wished() {
    let echo = Echo::new();
    let response = echo.answer(&get("/?status=503&delay_ms=20&bytes=12"));
    assert_eq!(response.status.as_u16(), 503);
    assert_eq!(response.pace, Pace::After(Duration::from_millis(20)));
    assert_eq!(response.body, b"012345678901");
    for query in [
        "status=99",
        "status=100",
        "status=x",
        "delay_ms=60001",
        "bytes=67108865",
    ] {
        assert_eq!(
            echo.answer(&get(&format!("/?{query}"))).status.as_u16(),
            400,
            "{query}"
        );
    }
}
