//! By which protocol was it asked? Each access line says so, and each listener counts.

use serde_json::Value;

use crate::support::{Frame, Frames, Origin, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_names_what_its_caller_spoke_and_the_listener_counts_it() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let origin = Origin::open().await.answering(|_| ok.to_owned());
    let setup = Setup::open(&origin.url, "protocols: [http1, h2c]", "");
    let gateway = setup.gateway().await;
    for request in [
        "GET /old HTTP/1.0\r\nHost: a.example\r\n\r\n",
        "GET /usual HTTP/1.1\r\nHost: a.example\r\n\r\n",
        // Also where it is refused by what it asks for.
        "GET /.. HTTP/1.1\r\nHost: a.example\r\n\r\n",
        // And not where nobody knows.
        "nonsense\r\n\r\n",
    ] {
        gateway.raw("apis", request).await;
    }
    for (target, status) in [("/new", 200), ("/..", 400)] {
        let reply = gateway.get_by_http2("apis", target, &[]).await;
        assert_eq!(reply.status, status);
    }
    // What breaks HTTP/2's own rules was spoken by it.
    let mut broken = Frames::open(gateway.address("apis")).await;
    broken.put(Frame::CONTINUATION, 4, 1, &[0x82]).await;
    while broken.next().await.is_some() {}
    let lines = gateway.lines(7).await;
    let spoken: Vec<_> = lines.iter().map(|line| line["protocol"].as_str()).collect();
    let (old, usual, new) = (Some("http/1.0"), Some("http/1.1"), Some("h2"));
    assert_eq!(spoken, [old, usual, usual, None, new, new, new]);
    assert_eq!(lines[3]["reason"], Value::from("malformed_request"));
    for (protocol, count) in [("http/1.0", 1.0), ("http/1.1", 2.0), ("h2", 2.0)] {
        let labels = format!("listener=\"apis\",protocol=\"{protocol}\"");
        let series = format!("bearergate_listener_requests_total{{{labels}}}");
        assert_eq!(gateway.metric(&series).await, Some(count), "{protocol}");
    }
}
