//! Floods: the connection goes, and its neighbours are served.

use super::{ask, get, head, world};
use crate::support::{Frame, Frames, Gateway, Origin, client, eventually};

const CALM: u32 = 0xb;
const NOT_SERVED: u32 = 0x7;

/// The code with which a connection ends that is flooded by this, over and over.
async fn flooded(gateway: &Gateway, mut frames: impl FnMut(u32) -> Vec<u8>) -> Option<u32> {
    let mut caller = Frames::open(gateway.address("apis")).await;
    for number in 0..20_000 {
        if !caller.send(&frames(number)).await {
            break;
        }
    }
    let told = caller.until(Frame::GOAWAY).await;
    told.map(|frame| frame.code())
}

async fn refused(gateway: &Gateway, cause: &str) -> f64 {
    let name =
        format!("bearergate_connections_refused_total{{cause=\"{cause}\",listener=\"apis\"}}");
    gateway.metric(&name).await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_without_end_that_ask_for_nothing_end_their_connection() {
    let (_origin, gateway) = world("").await;
    let mut neighbour = client(&gateway, "apis").await;
    let frame = |kind, flags, payload: &[u8]| Frame::bytes(kind, flags, 0, payload);
    #[rustfmt::skip]
    let rows: [(&str, Vec<u8>); 8] = [
        ("PING", frame(Frame::PING, 0, &[0; 8])),
        ("PING answers", frame(Frame::PING, 1, &[0; 8])),
        ("SETTINGS", frame(Frame::SETTINGS, 0, &[])),
        ("SETTINGS that say much", frame(Frame::SETTINGS, 0, &[0, 4, 0, 1, 0, 0].repeat(100))),
        ("WINDOW_UPDATE", frame(Frame::WINDOW_UPDATE, 0, &[0, 0, 0, 1])),
        ("PRIORITY", Frame::bytes(2, 0, 1, &[0, 0, 0, 3, 1])),
        ("unknown", frame(0x42, 0, &[0; 16])),
        ("no DATA", [Frame::bytes(1, 4, 1, &head("POST", "/x", &[])), Frame::bytes(0, 0, 1, &[]).repeat(1)].concat()),
    ];
    for (number, (what, frame)) in rows.iter().enumerate() {
        let empty = Frame::bytes(0, 0, 1, &[]);
        let code = flooded(&gateway, |sent| match *what == "no DATA" && sent > 0 {
            true => empty.clone(),
            false => frame.clone(),
        });
        assert!([Some(CALM), None].contains(&code.await), "{what}");
        eventually("it is counted", async || {
            refused(&gateway, "flood").await > number as f64
        })
        .await;
        let answer = ask(&mut neighbour, get("/")).await.unwrap();
        assert_eq!(answer.status, 200, "{what}");
    }
    let log = gateway.log();
    assert_eq!(log.matches("\"reason\":\"flood\"").count(), rows.len());
}

/// CVE-2023-44487, at full speed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_opened_only_to_be_reset_end_their_connection() {
    let (origin, gateway) = world("").await;
    let mut neighbour = client(&gateway, "apis").await;
    let asked = head("GET", "/x", &[]);
    let code = flooded(&gateway, |number| {
        let stream = 2 * number + 1;
        [
            Frame::bytes(Frame::HEADERS, 5, stream, &asked),
            Frame::bytes(Frame::RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    });
    assert!([Some(CALM), None].contains(&code.await));
    assert_eq!(ask(&mut neighbour, get("/")).await.unwrap().status, 200);
    eventually("it is counted", async || {
        refused(&gateway, "flood").await > 0.0
    })
    .await;
    assert!(origin.heads().len() < 2000, "{}", origin.heads().len());
    eventually("nothing is in flight", async || {
        gateway.metric("bearergate_requests_in_flight").await == Some(0.0)
    })
    .await;
}

/// CVE-2025-8671: the peer makes the server reset its streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_its_streams_reset_by_mistakes_is_held_to_a_number() {
    let (origin, gateway) = world("").await;
    let mut neighbour = client(&gateway, "apis").await;
    let asked = head("POST", "/x", &[("content-length", "1")]);
    let code = flooded(&gateway, |number| {
        let stream = 2 * number + 1;
        [
            Frame::bytes(Frame::HEADERS, 4, stream, &asked),
            // A window that is opened too far is an error of the stream.
            Frame::bytes(Frame::WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]),
        ]
        .concat()
    });
    assert!(code.await.is_none_or(|code| code != 0));
    assert_eq!(ask(&mut neighbour, get("/")).await.unwrap().status, 200);
    assert!(origin.heads().len() < 2000, "{}", origin.heads().len());
}

/// CVE-2024-27316: a head without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_of_too_many_frames_or_bytes_ends_its_connection() {
    let (origin, gateway) = world("limits: { header: 8KiB }").await;
    for (what, first, payload) in [
        ("empty frames", vec![], vec![]),
        ("small frames", vec![0x82], vec![0, 1, b'x', 1, b'1']),
        (
            "large frames",
            vec![0x82],
            [0, 1, b'x', 1, b'1'].repeat(3000),
        ),
    ] {
        let code = flooded(&gateway, |number| match number {
            0 => Frame::bytes(Frame::HEADERS, 1, 1, &first),
            _ => Frame::bytes(Frame::CONTINUATION, 0, 1, &payload),
        });
        assert!([Some(CALM), None].contains(&code.await), "{what}");
    }
    let log = gateway.lines(3).await;
    let reasons: Vec<_> = log
        .iter()
        .map(|line| line["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["flood", "flood", "header_too_large"]);
    assert!(origin.heads().is_empty());
}

/// One field in the table, and many that name it: small on the wire, large when read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_swells_when_it_is_read_goes_no_further() {
    let (origin, gateway) = world("").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    // Literal with incremental indexing (RFC 7541 §6.2.1): it becomes entry 62.
    let mut planted = crate::support::field(b"x", &[b'a'; 4000]);
    planted[0] = 0x40;
    caller
        .ask(1, &[head("GET", "/x", &[]), planted].concat())
        .await;
    assert_eq!(caller.outcome(1).await, Ok("ok".to_owned()));
    let bomb = [head("GET", "/x", &[]), vec![0x80 | 62; 16_000]].concat();
    caller.ask(3, &bomb).await;
    assert!(caller.outcome(3).await.is_err());
    assert_eq!(origin.heads().len(), 1);
    let reasons = async || gateway.log().matches("\"reason\":\"").count();
    eventually("it is told", async || reasons().await == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_at_a_time_than_there_may_be_are_refused_and_told() {
    let origin = Origin::open().await;
    let gateway = super::before(&origin.url(), "limits: { streams: 2 }").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    for stream in [1, 3, 5] {
        caller.ask(stream, &head("GET", "/x", &[])).await;
    }
    assert_eq!(caller.outcome(5).await, Err(NOT_SERVED));
    let lines = gateway.lines(1).await;
    assert_eq!(lines[0]["reason"], "too_many_streams");
    assert_eq!(refused(&gateway, "streams").await, 1.0);
    for _ in 0..2 {
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream
            .send(super::ANSWER.replace("OK", "OK\r\nConnection: close"))
            .await;
    }
    let mut ended = 0;
    while ended < 2 {
        let frame = caller.next().await.unwrap();
        let ends = frame.kind == Frame::DATA && frame.flags & Frame::END_STREAM != 0;
        ended += usize::from(ends);
    }
    // Its neighbours have gone on, and there is room again.
    caller.ask(7, &head("GET", "/x", &[])).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(super::ANSWER).await;
    assert_eq!(caller.outcome(7).await, Ok("ok".to_owned()));
}
