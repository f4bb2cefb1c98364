//! Ranges (RFC 9110 §14) go through as they are, both ways; CONNECT and TRACE go nowhere.

use crate::support::{Origin, Setup, is};

const TEXT: &str = "0123456789";

/// The part of `TEXT` that a `Range` of one range names.
fn part(head: &str) -> String {
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let range = field("range").filter(|_| field("if-range").is_none_or(|tag| tag == "\"a\""));
    let whole = || {
        format!(
            "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n{TEXT}"
        )
    };
    let Some(range) = range else { return whole() };
    let range = range.strip_prefix("bytes=").unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap_or(9));
    if first > 9 {
        return "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n".to_owned();
    }
    let text = &TEXT[first..=last];
    format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/10\r\nETag: \"a\"\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_asked_for_and_answered_as_it_is() {
    let origin = Origin::open().await.answering(part);
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    for (fields, status, range, text) in [
        (vec![], 200, None, TEXT),
        (vec!["Range: bytes=2-4"], 206, Some("bytes 2-4/10"), "234"),
        (vec!["Range: bytes=7-"], 206, Some("bytes 7-9/10"), "789"),
        (
            vec!["Range: bytes=2-4", "If-Range: \"a\""],
            206,
            Some("bytes 2-4/10"),
            "234",
        ),
        (vec!["Range: bytes=2-4", "If-Range: \"b\""], 200, None, TEXT),
        (vec!["Range: bytes=12-14"], 416, Some("bytes */10"), ""),
    ] {
        let fields: Vec<_> = fields.into_iter().map(str::to_owned).collect();
        let reply = gateway.get("apis", "/file", &fields).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (status, text),
            "{fields:?}"
        );
        assert_eq!(reply.header("content-range"), range, "{fields:?}");
    }
    // What an upstream makes of several at a time is its own business, and framed by it.
    let parts = "--x\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n--x--\r\n";
    let several = Origin::open().await.answering(move |_| {
        format!("HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: {}\r\n\r\n{parts}", parts.len())
    });
    let gateway = Setup::open(&several.url, "", "").gateway().await;
    let reply = gateway
        .get("apis", "/file", &["Range: bytes=0-0,2-2".to_owned()])
        .await;
    assert_eq!((reply.status, reply.text().as_str()), (206, parts));
    assert_eq!(
        reply.header("content-type"),
        Some("multipart/byteranges; boundary=x")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_and_trace_go_nowhere_in_any_spelling() {
    let origin = Origin::open()
        .await
        .answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned());
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    for line in [
        "TRACE / HTTP/1.1\r\nHost: a",
        "trace / HTTP/1.1\r\nHost: a",
        "Trace / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0",
        "TRACE / HTTP/1.0",
        "TRACE http://a/ HTTP/1.1\r\nHost: a",
        "CONNECT / HTTP/1.1\r\nHost: a",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nUpgrade: websocket\r\nConnection: upgrade",
        "CONNECT http://a/ HTTP/1.1\r\nHost: a",
        "connect / HTTP/1.1\r\nHost: a",
        "Connect / HTTP/1.1\r\nHost: a",
    ] {
        let reply = gateway.raw("apis", format!("{line}\r\n\r\n")).await;
        assert!(
            [400, 405].contains(&reply.status),
            "{line}: {}",
            reply.status
        );
    }
    let traced = gateway
        .raw("apis", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(traced.verdict(), is(405, "method_not_allowed"));
    let allowed = traced.header("allow").unwrap();
    assert!(
        !allowed.contains("TRACE") && !allowed.contains("CONNECT"),
        "{allowed}"
    );
    // What is behind a CONNECT is no request of anybody's.
    let mut caller = gateway.connect("apis").await;
    caller.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(caller.reply().await.unwrap().status, 405);
    let after = caller.reply().await.map(|reply| reply.status);
    assert!(after.is_none() || origin.heads().len() == 1, "{after:?}");
    assert!(
        origin
            .heads()
            .iter()
            .all(|(_, head)| head.starts_with("GET /smuggled"))
    );
}
