//! What goes on to the upstream, what comes back to the caller, and what the log is told.

use crate::support::is;
use serde_json::json;

use super::{CALCULATOR, good, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_never_sees_credentials_or_forged_identities() {
    let world = world().await;
    let token = good(&world).mint();
    let mut request = format!(
        "GET /calc/v1/add/1/1?q=%2F HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {token}\r\n\
         Connection: close, X-Client-Id, X-Roles, X-Request-Id\r\n"
    );
    #[rustfmt::skip]
    let forged = [
        "X-Client-Id", "x_client_id", "X.Client.Id", "X-Roles", "X_Roles", "X-Api-Key", "X_Api_Key",
        "Remote-User", "REMOTE_USER", "X-Remote-User", "X-Forwarded-User", "X-Forwarded-Email",
        "X-Auth-Request-User", "X-Auth-Request-Email", "X-MS-CLIENT-PRINCIPAL",
        "X-MS-CLIENT-PRINCIPAL-ID", "X-MS-TOKEN-AAD-ACCESS-TOKEN", "X_MS_Token_AAD_Id_Token",
        "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
        "X-Original-URL", "X-Rewrite-URL",
    ];
    for name in forged {
        request.push_str(&format!("{name}: forged\r\n"));
    }
    request.push_str("\r\n");
    let reply = world.gateway.raw("apis", request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = reply.json();
    let headers: Vec<(String, String)> = serde_json::from_value(seen["headers"].clone()).unwrap();
    assert!(
        headers
            .iter()
            .all(|(_, value)| value != "forged" && !value.contains(&token)),
        "{headers:?}"
    );
    let value = |name: &str| {
        let all: Vec<&str> = headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect();
        all.join("|")
    };
    assert_eq!(value("x-client-id"), CALCULATOR);
    assert_eq!(value("x-roles"), "invokeRole");
    assert_eq!(value("authorization"), "");
    assert_eq!(value("x-forwarded-for"), "127.0.0.1");
    assert_eq!(value("x-forwarded-host"), "gateway.test");
    assert_eq!(value("x-forwarded-proto"), "http");
    assert_eq!(
        value("host"),
        world.echo.base().trim_start_matches("http://")
    );
    assert_eq!(seen["query"], "q=%2F");
    assert_eq!(
        Some(value("x-request-id").as_str()),
        reply.header("x-request-id")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_routes_strip_credentials_and_absolute_targets_become_origin_form() {
    let world = world().await;
    let reply = world
        .gateway
        .raw(
            "apis",
            "GET http://gateway.test/open?a=1 HTTP/1.1\r\nHost: gateway.test\r\n\
             Authorization: Bearer whatever\r\nX-Api-Key: whatever\r\n\r\n",
        )
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.json()["headers"].to_string().contains("whatever"));
    assert_eq!(
        (&reply.json()["path"], &reply.json()["query"]),
        (&json!("/open"), &json!("a=1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_unread_body_does_not_cost_the_caller_the_answer_or_the_connection() {
    let world = world().await;
    let mut connection = world.gateway.connect("apis").await;
    for _ in 0..2 {
        connection
            .send("POST /calc/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            .await;
        let reply = connection.reply().await.expect("the connection stays open");
        assert_eq!(reply.verdict(), is(401, "no_credential"));
    }
    connection
        .send("POST /calc/v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        .await;
    assert_eq!(connection.reply().await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_told_in_full_to_the_log_and_safely_to_the_caller() {
    let world = world().await;
    let token = good(&world).without("roles").mint();
    let reply = world
        .gateway
        .get(
            "apis",
            "/calc/v1/x?secret=1",
            &[format!("Authorization: Bearer {token}")],
        )
        .await;
    let problem = reply.json();
    assert_eq!(
        (problem["status"].as_u64(), problem["reason"].as_str()),
        (Some(403), Some("role_missing"))
    );
    assert_eq!(problem["request_id"].as_str(), reply.header("x-request-id"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let lines = world.gateway.lines(1).await;
    let line = lines.last().unwrap();
    assert_eq!(line["route"], "calc");
    assert_eq!(line["reason"], "role_missing");
    assert_eq!(line["principal"], format!("app:{CALCULATOR}"));
    assert_eq!(line["request_id"].as_str(), reply.header("x-request-id"));
    let text = line.to_string();
    assert!(
        !text.contains(&token) && !text.contains("secret=1"),
        "{text}"
    );
}
