//! Requests: credentials that are doubled or odd, paths and lengths that two parsers read differently.

use crate::support::{API_KEY, is};

use super::{good, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_are_doubled_or_odd_stay_out() {
    let world = world().await;
    let token = good(&world).mint();
    let bearer = format!("Authorization: Bearer {token}");
    let key = format!("X-Api-Key: {API_KEY}");
    let in_query = format!("/calc/v1/x?access_token={}", &token[..64]);
    let box_path = "/boxes/a@payroll.contoso.example/messages";
    let basic = |text: &str| {
        format!(
            "Authorization: Basic {}",
            openssl::base64::encode_block(text.as_bytes())
        )
    };
    #[rustfmt::skip]
    let rows: Vec<(&str, &str, Vec<String>, u16, &str)> = vec![
        ("nothing", "/calc/v1/x", vec![], 401, "no_credential"),
        ("two Authorization", "/calc/v1/x", vec![bearer.clone(), bearer.clone()], 400, "repeated_credential"),
        ("two schemes", "/calc/v1/x", vec![bearer.clone(), basic("a:b")], 400, "repeated_credential"),
        ("no scheme", "/calc/v1/x", vec![format!("Authorization: {token}")], 401, "malformed_token"),
        ("scheme of another kind", "/calc/v1/x", vec![format!("Authorization: PoP {token}")], 401, "no_credential"),
        ("two tokens", "/calc/v1/x", vec![format!("{bearer}, Bearer {token}")], 401, "malformed_token"),
        ("empty bearer", "/calc/v1/x", vec!["Authorization: Bearer ".into()], 401, "malformed_token"),
        ("token in the query", &in_query, vec![], 401, "no_credential"),
        ("token in a cookie", "/calc/v1/x", vec![format!("Cookie: token={}", &token[..64])], 401, "no_credential"),
        ("key on a bearer route", "/calc/v1/x", vec![key.clone()], 401, "no_credential"),
        ("wrong key", box_path, vec!["X-Api-Key: payroll-0123456789abcdef0123456789abcdeg".into()], 401, "bad_key"),
        ("empty key", box_path, vec!["X-Api-Key: ".into()], 401, "bad_key"),
        ("two keys", box_path, vec![key.clone(), key.clone()], 400, "repeated_credential"),
        ("key as bearer", box_path, vec![format!("Authorization: Bearer {API_KEY}")], 401, "no_credential"),
        ("key as Basic, wrong user", box_path, vec![basic(&format!("admin:{API_KEY}"))], 401, "bad_key"),
        ("key as Basic, wrong password", box_path, vec![basic("payroll:x")], 401, "bad_key"),
        ("mailbox of another", "/boxes/ceo@contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("mailbox with two @", "/boxes/ceo@contoso.example@payroll.contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("mailbox twice escaped", "/boxes/ceo%2540payroll.contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("mailbox cut at ?", "/boxes/ceo%3F@payroll.contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("mailbox cut at #", "/boxes/ceo%23@payroll.contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("mailbox cut at ;", "/boxes/ceo%3B@payroll.contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("empty local part", "/boxes/@payroll.contoso.example/messages", vec![key.clone()], 403, "parameter_not_allowed"),
        ("network outside", "/inside", vec![], 403, "network_not_allowed"),
        ("network forged", "/inside", vec!["X-Forwarded-For: 10.1.1.1".into()], 403, "network_not_allowed"),
        ("network forged by Forwarded", "/inside", vec!["Forwarded: for=10.1.1.1".into()], 403, "network_not_allowed"),
    ];
    let before = world.contoso.echo.count();
    for (what, target, headers, status, reason) in rows {
        let reply = world.gateway.get_by_both("apis", target, &headers).await;
        assert_eq!(reply.verdict(), is(status, reason), "{what}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_that_two_parsers_read_differently_stay_out() {
    let world = world().await;
    let before = world.contoso.echo.count();
    for (target, status) in [
        ("/calc/v1/../../open", 400),
        ("/open/../calc/v1/x", 400),
        ("/open/%2e%2e/calc/v1/x", 400),
        ("/open/.%2E/calc/v1/x", 400),
        ("/calc/v1/%2fadd", 400),
        ("/calc/v1/a%5cb", 400),
        ("/calc/v1/a\\b", 400),
        ("/calc/v1/a%00b", 400),
        ("/calc//v1/x", 400),
        ("//open", 400),
        ("/calc/v1/x;a=1", 400),
        ("/open;x", 400),
        ("/calc/v1/%", 400),
        ("/calc/v1/%zz", 400),
        ("/calc/v1/%ff", 400),
        ("/open/", 404),
        ("/OPEN", 404),
        ("/openx", 404),
        ("*", 400),
    ] {
        let reply = world.gateway.get_by_both("apis", target, &[]).await;
        assert_eq!(reply.status, status, "{target}: {}", reply.text());
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
    let reply = world
        .gateway
        .raw("apis", "DELETE /calc/v1/x HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET, HEAD, POST"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_whose_length_is_ambiguous_stay_out() {
    let world = world().await;
    let before = world.contoso.echo.count();
    #[rustfmt::skip]
    let rows: &[(&str, &str, u16)] = &[
        ("no Host", "GET /open HTTP/1.1\r\n\r\n", 400),
        ("two Hosts", "GET /open HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("user in Host", "GET /open HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        ("list of lengths", "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400),
        ("two lengths", "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400),
        ("signed length", "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400),
        ("gzip, chunked", "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("not chunked last", "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        ("space before colon", "GET /open HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("folded header", "GET /open HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", 400),
        ("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        ("other absolute authority", "GET http://b/open HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("body too large", "POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n", 413),
    ];
    for (what, request, status) in rows {
        assert_eq!(
            world.gateway.raw("apis", request).await.status,
            *status,
            "{what}"
        );
    }
    let long = format!("GET /open?{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(3000));
    assert_eq!(world.gateway.raw("apis", long).await.status, 414);
    let large = format!(
        "GET /open HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n",
        "a".repeat(25 * 1024)
    );
    assert_eq!(world.gateway.raw("apis", large).await.status, 431);
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}
