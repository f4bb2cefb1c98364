//! What is a trace's and what only looks like it.

use http::HeaderValue;

use super::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(name.clone(), value);
    }
    headers
}

fn parent(values: &[&str]) -> Option<TraceParent> {
    TraceParent::of(&headers(TRACEPARENT, values))
}

#[test]
fn a_traceparent_is_read() {
    let read = parent(&[GOOD]).unwrap();
    assert_eq!(read.trace[..3], [0x0a, 0xf7, 0x65]);
    assert_eq!(read.span[6..], [0x33, 0x31]);
    assert!(read.is_sampled);
    let unsampled = GOOD.replace("-01", "-00");
    assert!(!parent(&[&unsampled]).unwrap().is_sampled);
    // A later version may have more, and flags that nobody knows yet.
    for later in [
        GOOD.replace("00-0a", "cc-0a"),
        format!("cc{}-what-ever", &GOOD[2..]),
    ] {
        assert_eq!(parent(&[&later]), Some(read), "{later}");
    }
    assert!(parent(&[&GOOD.replace("-01", "-ff")]).unwrap().is_sampled);
}

#[test]
fn what_is_malformed_is_not_there() {
    let zeros = |from: &str| GOOD.replace(from, &"0".repeat(from.len()));
    let cases = [
        String::new(),
        GOOD[1..].to_owned(),
        GOOD[..54].to_owned(),
        format!("{GOOD}-"),
        format!("{GOOD}x"),
        format!(" {}", &GOOD[..54]),
        GOOD.to_uppercase(),
        GOOD.replace("00-0a", "ff-0a"),
        GOOD.replace("00-0a", "0x-0a"),
        GOOD.replace("00-0a", "cc-0a") + ".more",
        GOOD.replace('-', "_"),
        GOOD.replace("b7ad", "b7aG"),
        GOOD.replace("-01", "-0g"),
        zeros("0af7651916cd43dd8448eb211c80319c"),
        zeros("b7ad6b7169203331"),
        "\u{e4}".repeat(28),
    ];
    for broken in &cases {
        assert_eq!(parent(&[broken]), None, "{broken}");
    }
    assert_eq!(parent(&[GOOD, GOOD]), None);
    assert_eq!(parent(&[]), None);
}

#[test]
fn a_tracestate_is_passed_on_as_a_whole_or_not_at_all() {
    let long = "v".repeat(LONGEST);
    let members = |count: usize| (0..count).map(|it| format!("k{it}=1")).collect::<Vec<_>>();
    let table: &[(&[&str], bool)] = &[
        (&[], true),
        (&[""], true),
        (&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], true),
        (&["fw529a3039@dt=FfAaAn,, \t,x/y*z-_=a b"], true),
        (&["a=1", "b=2"], true),
        (&[&format!("a={long}")], true),
        (&[&members(32).join(",")], true),
        (&["a=1", "a=2"], false),
        (&["a"], false),
        (&["=1"], false),
        (&["a="], false),
        (&["A=1"], false),
        (&["a=1=2"], false),
        (&["a=\u{e4}"], false),
        (&["_a=1"], false),
        (&[&format!("a={long}v")], false),
        (&[&format!("{long}a=1")], false),
        (&[&members(33).join(",")], false),
        (&["b=2", "a b=1"], false),
    ];
    for (fields, sound) in table {
        assert_eq!(
            is_sound_tracestate(&headers(TRACESTATE, fields)),
            *sound,
            "{fields:?}"
        );
    }
}
