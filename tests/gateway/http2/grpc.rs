//! What the gateway answers by itself, in gRPC's own words.

use http::Request;

use crate::support::{Reply, Setup, World, client, send, whole};

async fn asked(world: &World, path: &str, kind: &str, token: Option<String>) -> Reply {
    let mut client = client(&world.gateway, "apis").await;
    let mut request = Request::post(format!("http://a.example{path}"))
        .header("content-type", kind)
        .header("te", "trailers");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (answer, mut body) = client
        .send_request(request.body(()).unwrap(), false)
        .unwrap();
    send(&mut body, "\0\0\0\0\0", true);
    whole(answer.await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_a_status_of_grpc_with_its_reason() {
    let world = Setup::of("attacks.yaml").ready().await;
    let token = |role: &str| Some(world.token().role(role).mint());
    #[rustfmt::skip]
    let rows = [
        ("/calc/v1/x", "application/grpc", None, "16", "no_credential"),
        ("/calc/v1/x", "application/grpc+proto", token("other"), "7", "role_missing"),
        ("/calc/v1/x", "application/grpc; a=b", Some("a.b.c".to_owned()), "16", "malformed_token"),
        ("/nowhere", "application/grpc", None, "12", "no_route"),
        ("/calc//v1", "application/grpc", None, "3", "bad_path"),
    ];
    for (path, kind, token, status, reason) in rows {
        let reply = asked(&world, path, kind, token).await;
        assert_eq!(reply.status, 200, "{reason}");
        assert_eq!(reply.header("content-type"), Some("application/grpc"));
        assert_eq!(reply.header("grpc-status"), Some(status), "{reason}");
        let message = reply.header("grpc-message").unwrap();
        assert!(message.starts_with(&format!("{reason}: ")), "{message}");
        assert!(reply.body.is_empty() && reply.header("content-length").is_none());
        assert!(reply.header("x-request-id").is_some());
    }
    // Others get HTTP's, and so does gRPC for the web, which reads it otherwise.
    for kind in [
        "application/json",
        "application/grpc-web",
        "application/grpcx",
    ] {
        let reply = asked(&world, "/calc/v1/x", kind, None).await;
        assert_eq!(reply.verdict(), (401, "no_credential".to_owned()), "{kind}");
    }
    let by_http1 = world.gateway.raw(
        "apis",
        "POST /calc/v1/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(by_http1.await.status, 401);
    let lines = world.gateway.lines(9).await;
    // Told as what it is in HTTP: alarms go by it.
    assert_eq!(
        (&lines[0]["status"], &lines[0]["reason"]),
        (&401.into(), &"no_credential".into())
    );
}
