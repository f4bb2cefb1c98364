//! Headers by which a request would be somebody else's: another user, another source, another proxy's word.

use crate::support::{API_KEY, Connection, GRAPH, Origin, Process, Reply};
use bearergate::config::Config;

use super::{fabrikam, setup, world};

/// The names that arrived at the echo.
fn arrived(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let headers: Vec<(String, String)> =
        serde_json::from_value(reply.json()["headers"].clone()).unwrap();
    headers.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_name_another_user_or_source_do_not_travel_beside_our_token() {
    let world = world().await;
    let dropped = [
        "MSCRMCallerID: 0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11",
        "CallerObjectId: 0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11",
        "Impersonate-User: root",
        "x-ms-copy-source: https://evil.example/blob",
        "x-ms-rename-source: /other/file",
        "x-ms-authorization-auxiliary: Bearer forged",
        "Destination: /elsewhere",
        "X-AnchorMailbox: ceo@contoso.example",
        "Whatever-Comes-Next: x",
        "Cookie: a=b",
        // Other spellings of what may go on are other names.
        "If_Match: x",
        "Content.Type: x",
    ];
    let kept = [
        "Accept: application/json",
        "Accept-Language: de",
        "Content-Type: text/plain",
        "If-Match: \"1\"",
        "Prefer: outlook.timezone=\"UTC\"",
        "ConsistencyLevel: eventual",
        "OData-MaxVersion: 4.0",
        "SOAPAction: x",
        "client-request-id: 1",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "User-Agent: legacy/1.0",
    ];
    let reply = world
        .with_key("/any/x", &[&dropped[..], &kept].concat())
        .await;
    let names = arrived(&reply);
    let name = |line: &str| line.split(':').next().unwrap().to_ascii_lowercase();
    for line in dropped {
        assert!(!names.contains(&name(line)), "{line} went on");
    }
    for line in kept {
        assert!(names.contains(&name(line)), "{line} stayed behind");
    }
    // Neither the caller's key, nor what is removed everywhere, is counted.
    let metric = "bearergate_headers_left_out_total{route=\"any\"}";
    assert_eq!(
        world.gateway.metric(metric).await,
        Some(dropped.len() as f64)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_may_keep_by_name_what_its_api_needs() {
    let route = "keep_headers: [x-ms-version, X-MS-Blob-Type]\n\
                 token: { identity: mail-daemon, scope: https://graph.microsoft.com/.default, allow_host_mismatch: true }";
    let fabrikam = fabrikam();
    let world = setup(&fabrikam)
        .plain("blobs", "url: $ECHO", route)
        .ready()
        .await;
    let lines = [
        format!("X-Api-Key: {API_KEY}"),
        "x-ms-version: 2024-11-04".to_owned(),
        "x-ms-blob-type: BlockBlob".to_owned(),
        "x_ms_version: 2024-11-04".to_owned(),
        "x-ms-copy-source: https://evil.example/blob".to_owned(),
    ];
    let names = arrived(&world.gateway.get("legacy", "/blobs/x", &lines).await);
    for (name, expected) in [
        ("x-ms-version", true),
        ("x-ms-blob-type", true),
        ("x_ms_version", false),
        ("x-ms-copy-source", false),
    ] {
        assert_eq!(names.iter().any(|it| it == name), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_out_is_named_at_debug_level_without_its_value() {
    let fabrikam = fabrikam();
    let setup = setup(&fabrikam).put("/log/level", "debug");
    let program = Process::serve(&setup.written()).await;
    let mut connection = Connection::open(program.address("legacy")).await;
    let request = format!(
        "GET /any/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\n\
         Destination: hunter2\r\nMSCRMCallerID: hunter2\r\n\r\n"
    );
    connection.send(request).await;
    assert_eq!(connection.reply().await.unwrap().status, 200);
    program.says("headers left out").await;
    let log = program.log();
    let line = log
        .lines()
        .find(|it| it.contains("headers left out"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["level"], &line["route"]),
        (&"DEBUG".into(), &"any".into())
    );
    let mut names: Vec<_> = line["headers"].as_str().unwrap().split(' ').collect();
    names.sort_unstable();
    assert_eq!(names, ["destination", "mscrmcallerid"]);
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity_headers_of_other_middleware_pass_on_no_route() {
    let world = world().await;
    let forged = "
        SM_USER SM_USERDN SM-ServerSessionId iv-user iv_groups iv-creds OAM_REMOTE_USER
        CT-Remote-User WL-Proxy-Client-IP WL-Proxy-Client-Cert WL-Proxy-SSL
        X-Amzn-Mtls-Clientcert-Subject X-Apigateway-Api-Userinfo X-Endpoint-API-UserInfo
        X-Jwt-Assertion X-JWT-Payload X-SSL-Subject X-SSL-Client-S-DN X-Client-Cert
        X-Client-Certificate X-Client-Cert-Chain X-Client-DN x.client.dn X-Authorization $WSRU $WSRA
        Shib-Session-ID CAS-User AJP_REMOTE_USER Mellon-Name-Id Tailscale-User-Login Remote-User
        X-ARR-ClientCert X-ID-Token Proxy X-Forwarded-Anything
    ";
    let lines: Vec<String> = forged
        .split_whitespace()
        .map(|it| format!("{it}: forged"))
        .collect();
    let public = world.gateway.get("apis", "/reader", &lines).await;
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for reply in [public, world.with_key("/any/x", &lines).await] {
        assert!(
            !reply.json()["headers"].to_string().contains("forged"),
            "{}",
            reply.text()
        );
        assert_eq!(reply.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_an_upstream_begins_with_our_token_is_not_the_callers() {
    const ANSWER: &str = "HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\nAuthorization: echo\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nAuthorization: echo\r\nSet-Cookie: session=1\r\nset-cookie: other=2\r\nSet-Cookie2: old=1\r\n\
        Trailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: 1\r\n\r\n";
    let origin = Origin::open().await;
    let upstream = origin.answering(|_| ANSWER.to_owned());
    let token =
        format!("token: {{ identity: mail-daemon, scope: {GRAPH}, allow_host_mismatch: true }}");
    let to = format!("url: {}", upstream.url);
    let fabrikam = fabrikam();
    let world = setup(&fabrikam)
        .plain("ours", &to, &token)
        .plain("kept", &to, &format!("{token}\nkeep_headers: [Set-Cookie]"))
        .plain("none", &to, "")
        .ready()
        .await;
    for (name, cookies, echoes) in [("ours", 0, 0), ("kept", 4, 0), ("none", 4, 2)] {
        let mut caller = world.gateway.connect("legacy").await;
        let request = format!(
            "GET /{name}/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\nTE: trailers\r\n\
             Connection: te, close\r\n\r\n"
        );
        caller.send(request).await;
        let answer = caller.rest().await.to_ascii_lowercase();
        assert!(answer.contains("http/1.1 103 early hints\r\n"), "{answer}");
        assert!(answer.contains("x-end: 1"), "{answer}");
        for (field, expected) in [("set-cookie", cookies), ("authorization", echoes)] {
            let count = answer.matches(field).count();
            assert_eq!(count, expected, "{name}: {field}: {answer}");
        }
    }
}

#[tokio::test]
async fn no_token_goes_astray_and_no_caller_chooses_whose_site_it_is() {
    let fabrikam = fabrikam();
    let token =
        |scope: &str| format!("token: {{ identity: mail-daemon, scope: {scope}/.default }}");
    for (upstream, more, loads) in [
        (
            "url: https://graph.microsoft.com",
            token("https://graph.microsoft.com"),
            true,
        ),
        (
            "url: https://evil.example",
            token("https://graph.microsoft.com"),
            false,
        ),
        (
            "url: https://api.contoso.example",
            token("https://api.contoso.example/v1"),
            true,
        ),
        (
            "url: https://evil.example",
            token("https://api.contoso.example/v1"),
            false,
        ),
        (
            "url: https://pay.vault.azure.net",
            token("https://vault.azure.net"),
            true,
        ),
        (
            "url: https://evil.example",
            token("https://vault.azure.net"),
            false,
        ),
        (
            "url: https://evil.example",
            token("797f4846-ba00-4fd7-ba43-dac1f8f63013"),
            false,
        ),
        (
            "url: https://api.contoso.example, host: preserve",
            String::new(),
            false,
        ),
    ] {
        let setup = setup(&fabrikam).plain("astray", upstream, &more);
        let parsed = Config::parse(&setup.text(), "x.yaml", setup.folder());
        assert_eq!(parsed.is_ok(), loads, "{upstream} {more}");
    }
}
