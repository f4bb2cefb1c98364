//! The faults, each with what the token endpoint and the upstream do.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bearergate::fake::{CertificateAuthority, Echo, Running, bind, serve};
use serde_json::{Value, json};

use super::server::Act;
use Act::{Close, Drip, Reset, Say, Silence};

/// A table of the page.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) faults: Vec<Fault>,
}

pub(super) struct Fault {
    pub(super) name: &'static str,
    /// Where tokens are asked for, if not of the server that does as it is told. `PORT` is that one's.
    pub(super) issuer: Option<String>,
    pub(super) tokens: Vec<Act>,
    /// The same for requests.
    pub(super) url: Option<String>,
    pub(super) upstream: Vec<Act>,
    /// Requests that go well before it.
    pub(super) before: usize,
    pub(super) method: &'static str,
    /// The length of its body.
    pub(super) body: usize,
    /// How long either is waited for.
    pub(super) patience: &'static str,
    /// What stays open meanwhile.
    pub(super) door: Option<Running>,
}

/// A fault of nobody yet.
fn fault(name: &'static str) -> Fault {
    Fault {
        name,
        issuer: None,
        tokens: vec![Say(token(1))],
        url: None,
        upstream: vec![Say(answer(200, "", "ok"))],
        before: 0,
        method: "GET",
        body: 0,
        patience: "60s",
        door: None,
    }
}

/// A server whose certificate is of an authority that nobody trusts.
fn untrusted() -> Running {
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    serve(bind(0).unwrap(), Some(&certificate), Arc::new(Echo::new())).unwrap()
}

fn at_tokens(name: &'static str, act: Act) -> Fault {
    Fault {
        tokens: vec![act],
        ..fault(name)
    }
}

/// With a token in hand that the upstream does not take any more.
fn at_renewal(name: &'static str, act: Act) -> Fault {
    let ok = || Say(answer(200, "", "ok"));
    Fault {
        tokens: vec![Say(token(1)), act],
        upstream: vec![ok(), Say(refused("")), ok()],
        before: 1,
        ..fault(name)
    }
}

fn at_upstream(name: &'static str, method: &'static str, act: Act) -> Fault {
    let body = if method == "POST" { 4 } else { 0 };
    Fault {
        upstream: vec![act],
        method,
        body,
        ..fault(name)
    }
}

fn answer(status: u16, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

fn token_of(members: &Value) -> String {
    let mut body = json!({ "token_type": "Bearer", "access_token": "eyJ.opaque.s" });
    let members = members.as_object().cloned().unwrap_or_default();
    body.as_object_mut().unwrap().extend(members);
    answer(200, "Content-Type: application/json\r\n", &body.to_string())
}

/// Differs from that of another number.
fn token(number: u32) -> String {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"roles":["Mail.Read"]}"#);
    let token = format!("eyJ.{claims}.{number}");
    token_of(&json!({ "expires_in": 3600, "access_token": token }))
}

fn life(expires_in: Value) -> Act {
    Say(token_of(&json!({ "expires_in": expires_in })))
}

/// As Entra refuses.
fn entra(error: &str, code: u64, words: &str) -> Act {
    let description = format!("AADSTS{code}: {words} Trace ID: x");
    let body = json!({ "error": error, "error_description": description, "error_codes": [code] });
    Say(answer(401, "", &body.to_string()))
}

fn throttled(field: &str) -> Act {
    Say(answer(429, field, ""))
}

fn refused(challenge: &str) -> String {
    let body = r#"{"error":{"code":"InvalidAuthenticationToken"}}"#;
    answer(401, challenge, body)
}

fn challenged() -> String {
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"}}}"#;
    let claims = STANDARD.encode(claims);
    refused(&format!(
        "WWW-Authenticate: Bearer error=\"insufficient_claims\", claims=\"{claims}\"\r\n"
    ))
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            name: "no token",
            faults: no_token(),
        },
        Section {
            name: "a token that is refused",
            faults: refused_token(),
        },
        Section {
            name: "the upstream",
            faults: upstream(),
        },
    ]
}

#[rustfmt::skip]
fn no_token() -> Vec<Fault> {
    let door = untrusted();
    let large = || " ".repeat(300 * 1024);
    vec![
        at_tokens("429", throttled("")),
        at_tokens("429, `Retry-After: 30`", throttled("Retry-After: 30\r\n")),
        at_tokens("429, `Retry-After` is a date years away", throttled("Retry-After: Fri, 01 Jan 2049 00:00:00 GMT\r\n")),
        at_tokens("429, `Retry-After` is a date gone by", throttled("Retry-After: Fri, 01 Jan 1999 00:00:00 GMT\r\n")),
        at_tokens("429, `Retry-After: 99999999999999999999`", throttled("Retry-After: 99999999999999999999\r\n")),
        at_tokens("429, `Retry-After: soon`", throttled("Retry-After: soon\r\n")),
        at_tokens("500", Say(answer(500, "", ""))),
        at_tokens("503, `Retry-After: 30`", Say(answer(503, "Retry-After: 30\r\n", ""))),
        Fault { patience: "2s", ..at_tokens("silence", Silence) },
        Fault { patience: "2s", ..at_tokens("an answer a byte at a time", Drip("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_owned())) },
        at_tokens("a reset instead of an answer", Reset(String::new())),
        at_tokens("an answer that breaks off", Close("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{".to_owned())),
        at_tokens("what is not HTTP", Close("SSH-2.0-OpenSSH_9.9\r\n".to_owned())),
        at_tokens("200 with a page of a proxy", Say(answer(200, "Content-Type: text/html\r\n", "<html>sign in"))),
        at_tokens("200 with nothing", Say(answer(200, "", ""))),
        at_tokens("200 without a token", Say(answer(200, "", r#"{"token_type":"Bearer","expires_in":3600}"#))),
        at_tokens("200 with 300 KiB", Say(answer(200, "", &large()))),
        at_tokens("302 to elsewhere", Say(answer(302, "Location: https://elsewhere.example/\r\n", ""))),
        at_tokens("a wrong secret", entra("invalid_client", 7_000_215, "Invalid client secret provided.")),
        at_tokens("this host's clock is off", entra("invalid_client", 700_024, "Client assertion is not within its valid time range.")),
        at_tokens("no consent", entra("invalid_grant", 65_001, "The user or administrator has not consented.")),
        at_tokens("`expires_in` is missing", Say(token_of(&json!({})))),
        at_tokens("`expires_in` is `0`", life(json!(0))),
        at_tokens("`expires_in` is `\"3599\"`", life(json!("3599"))),
        at_tokens("`expires_in` is `-1`", life(json!(-1))),
        at_tokens("`expires_in` is `1e300`", life(json!(1e300))),
        at_tokens("`expires_in` is `\"soon\"`", life(json!("soon"))),
        Fault { issuer: Some("https://nowhere.invalid".to_owned()), ..fault("its name is not resolved") },
        Fault { issuer: Some("http://127.0.0.1:1".to_owned()), ..fault("nobody listens there") },
        Fault { issuer: Some("https://127.0.0.1:PORT".to_owned()), ..fault("no TLS where there should be") },
        Fault { issuer: Some(door.base()), door: Some(door), ..fault("its certificate is nobody's") },
    ]
}

#[rustfmt::skip]
fn refused_token() -> Vec<Fault> {
    let ok = || Say(answer(200, "", "ok"));
    vec![
        at_renewal("another one comes", Say(token(2))),
        Fault { tokens: vec![Close(token(1)), Say(token(2))], ..at_renewal("the connection to the endpoint ended while it rested", Silence) },
        at_renewal("the same one comes again", Say(token(1))),
        at_renewal("429, `Retry-After: 30`", throttled("Retry-After: 30\r\n")),
        at_renewal("500", Say(answer(500, "", ""))),
        Fault { patience: "2s", ..at_renewal("silence", Silence) },
        at_renewal("a wrong secret", entra("invalid_client", 7_000_215, "Invalid client secret provided.")),
        Fault { upstream: vec![ok(), Say(refused("")), Say(refused(""))], ..at_renewal("the other one is refused too", Say(token(2))) },
        Fault { upstream: vec![ok(), Say(refused("")), ok(), Say(refused(""))], before: 2, ..at_renewal("once more within a minute", Say(token(2))) },
        Fault { upstream: vec![ok(), Say(challenged()), ok()], ..at_renewal("a claims challenge", Say(token(2))) },
        Fault { method: "POST", body: 64 * 1024, ..at_renewal("a POST of 64 KiB", Say(token(2))) },
        Fault { method: "POST", body: 64 * 1024 + 1, ..at_renewal("a POST of one byte more", Say(token(2))) },
    ]
}

#[rustfmt::skip]
fn upstream() -> Vec<Fault> {
    let door = untrusted();
    let rested = |name, method| Fault {
        upstream: vec![Close(answer(200, "", "ok")), Say(answer(200, "", "ok"))],
        before: 1,
        ..at_upstream(name, method, Silence)
    };
    let under_it = |name, method| Fault {
        upstream: vec![Say(answer(200, "", "ok")), Close(String::new()), Say(answer(200, "", "ok"))],
        before: 1,
        ..at_upstream(name, method, Silence)
    };
    vec![
        at_upstream("403", "GET", Say(answer(403, "request-id: 3f-11\r\n", "no"))),
        at_upstream("429, `Retry-After: 30`", "GET", Say(answer(429, "Retry-After: 30\r\n", ""))),
        at_upstream("503, `Retry-After: 30`", "GET", Say(answer(503, "Retry-After: 30\r\n", ""))),
        at_upstream("504", "GET", Say(answer(504, "", ""))),
        Fault { patience: "2s", ..at_upstream("silence", "GET", Silence) },
        at_upstream("a reset before the first byte", "GET", Reset(String::new())),
        at_upstream("a close before the first byte", "POST", Close(String::new())),
        rested("the connection ended while it rested", "GET"),
        rested("the connection ended while it rested, a POST", "POST"),
        under_it("a connection that had rested ends under a GET", "GET"),
        under_it("a connection that had rested ends under a POST", "POST"),
        at_upstream("a close within the head", "GET", Close("HTTP/1.1 200 OK\r\nContent-".to_owned())),
        at_upstream("a close within the body", "GET", Close("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_owned())),
        at_upstream("what is not HTTP", "GET", Close("SSH-2.0-OpenSSH_9.9\r\n".to_owned())),
        Fault { url: Some("https://nowhere.invalid".to_owned()), ..fault("its name is not resolved") },
        Fault { url: Some("http://127.0.0.1:1".to_owned()), ..fault("nobody listens there") },
        Fault { url: Some("https://127.0.0.1:PORT".to_owned()), ..fault("no TLS where there should be") },
        Fault { url: Some(door.base()), door: Some(door), ..fault("its certificate is nobody's") },
    ]
}
