//! The same by HTTP/2, where one connection has many requests.

use http::{Request, StatusCode};

use crate::support::{API_KEY, Connection, Origin, Setup, World, client, eventually, send, whole};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn world(upstream: &str) -> World {
    let setup = Setup::of("limits.yaml").fill("UPSTREAM", upstream);
    let setup = setup.put("/listeners/apis", "protocols: [http1, h2c]");
    setup.start().await
}

fn get(target: &str) -> Request<()> {
    Request::get(format!("http://a.example{target}"))
        .body(())
        .unwrap()
}

/// A request that its upstream has and has not answered.
async fn head_of(origin: &Origin) -> Connection {
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_one_connection_are_requests_at_a_time_and_a_reset_gives_a_place_back() {
    let origin = Origin::open().await;
    let world = world(&origin.url()).await;
    let mut caller = client(&world.gateway, "apis").await;
    let (_first, mut first) = caller.send_request(get("/few/a"), true).unwrap();
    let _upstream = head_of(&origin).await;
    let (second, _) = caller.send_request(get("/few/b"), true).unwrap();
    let mut upstream = head_of(&origin).await;
    for _ in 0..3 {
        let (third, _) = caller.send_request(get("/few/c"), true).unwrap();
        let reply = whole(third.await.unwrap()).await.unwrap();
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (429, "concurrency_limit")
        );
    }
    first.send_reset(h2::Reason::CANCEL);
    let mut let_in = false;
    eventually("a place is free", async || {
        let (mut again, _) = caller.send_request(get("/few/d"), true).unwrap();
        tokio::select! {
            mut upstream = head_of(&origin) => {
                upstream.send(OK).await;
                let_in = true;
            }
            answer = &mut again => {
                assert_eq!(answer.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
            }
        }
        let_in
    })
    .await;
    upstream.send(OK).await;
    assert_eq!(second.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_of_grpc_says_that_something_is_used_up_and_when_to_come_again() {
    let origin = Origin::open().await.answering(|_| OK.to_owned());
    let world = world(&origin.url).await;
    let mut caller = client(&world.gateway, "apis").await;
    let mut last = None;
    for _ in 0..3 {
        let request = Request::post("http://a.example/callers/a")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-api-key", API_KEY);
        let (answer, mut body) = caller
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        send(&mut body, "\0\0\0\0\0", true);
        last = Some(whole(answer.await.unwrap()).await.unwrap());
    }
    let reply = last.unwrap();
    assert_eq!(
        (reply.status, reply.header("grpc-status")),
        (200, Some("8"))
    );
    assert!(
        reply
            .header("grpc-message")
            .unwrap()
            .starts_with("rate_limit: ")
    );
    assert_eq!(
        reply.header("ratelimit-policy"),
        Some(r#""caller";q=2;w=3600"#)
    );
    assert!(reply.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_announces_no_length_is_held_to_its_routes_size() {
    let origin = Origin::open().await;
    let world = world(&origin.url()).await;
    let mut caller = client(&world.gateway, "apis").await;
    let request = Request::post("http://a.example/small").body(()).unwrap();
    let (answer, mut body) = caller.send_request(request, false).unwrap();
    send(&mut body, "hello", false);
    let mut upstream = origin.accept().await;
    upstream.until("hello").await.unwrap();
    send(&mut body, "world!", true);
    let reply = whole(answer.await.unwrap()).await.unwrap();
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (413, "body_too_large")
    );
    let rest = upstream.rest().await;
    assert!(
        !rest.contains("0\r\n\r\n"),
        "it must not look complete: {rest}"
    );
}
