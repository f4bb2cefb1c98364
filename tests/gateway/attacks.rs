//! Every way in that must stay shut, through the real gateway: token forms, header forms, paths,
//! framing. Each row has the status and the reason it must get, and nothing may reach the upstream.

use crate::support::{API, API_KEY, CALCULATOR, Connection, Gateway, TENANT};
use bearergate::clock::UnixTime;
use bearergate::fake::{Contoso, Neighbourhood, Ports, SigningKey, TokenBuilder};
use serde_json::json;

const OTHER_CLIENT: &str = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11";
const USER: &str = "0b0b0b0b-1111-4222-8333-999999999999";

struct World {
    contoso: Contoso,
    doors: Neighbourhood,
    gateway: Gateway,
    _folder: tempfile::TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("payroll.key"), API_KEY).unwrap();
    let contoso = Contoso::with_key(SigningKey::shared().unwrap());
    let doors = contoso.open(Ports::default(), None).unwrap();
    let (authority, upstream) = (doors.issuer.base(), doors.echo.base());
    let gateway = Gateway::start(
        &format!(
            r#"
version: 1
listeners:
  apis: {{ address: 127.0.0.1:0, limits: {{ uri: 2KiB, header: 24KiB, body: 64KiB }} }}
admin: {{ address: 127.0.0.1:0 }}
issuers:
  contoso: {{ entra: {{ tenant: {TENANT}, authority: {authority} }} }}
routes:
  - id: calc
    listener: apis
    match: {{ path: /calc/v1/**, methods: [GET, POST] }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{API}], azp: [{CALCULATOR}], roles: [invokeRole] }}
    upstream: {{ url: "{upstream}" }}
    caller_headers: {{ X-Client-Id: azp, X-Roles: roles }}
  - id: reports
    listener: apis
    match: {{ path: /reports }}
    callers:
      - bearer: {{ issuer: contoso, audiences: ["api://reports"], scp: [Reports.Read] }}
    upstream: {{ url: "{upstream}" }}
  - id: box
    listener: apis
    match: {{ path: "/boxes/{{mailbox}}/messages" }}
    callers:
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
        where: {{ mailbox: ["*@payroll.contoso.example"] }}
    upstream: {{ url: "{upstream}" }}
  - id: inside
    listener: apis
    match: {{ path: /inside }}
    callers: [{{ network: [10.0.0.0/8] }}]
    upstream: {{ url: "{upstream}" }}
  - id: open
    listener: apis
    match: {{ path: /open }}
    callers: public
    upstream: {{ url: "{upstream}" }}
"#
        ),
        folder.path(),
    )
    .await;
    gateway.ready().await;
    World {
        contoso,
        doors,
        gateway,
        _folder: folder,
    }
}

fn in_seconds(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(UnixTime::now().seconds().saturating_add_signed(seconds))
}

impl World {
    /// A token that is let in to `calc`; every attack changes one thing of it.
    fn good(&self) -> TokenBuilder {
        self.contoso
            .issuer
            .token(TENANT)
            .audience(API)
            .client(CALCULATOR)
            .role("invokeRole")
    }

    fn good_v1(&self) -> TokenBuilder {
        self.contoso
            .issuer
            .token(TENANT)
            .v1()
            .audience(&format!("api://{API}"))
            .client(CALCULATOR)
            .role("invokeRole")
    }

    fn good_user(&self) -> TokenBuilder {
        self.contoso
            .issuer
            .token(TENANT)
            .v1()
            .audience("api://reports")
            .client(OTHER_CLIENT)
            .user(USER)
            .scope("Reports.Read")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_genuine_and_allowed_come_in() {
    let world = world().await;
    for (what, target, token) in [
        ("v2 app", "/calc/v1/add/1/1", world.good().mint()),
        ("v1 app", "/calc/v1/add/1/1", world.good_v1().mint()),
        (
            "v1 app, guid audience",
            "/calc/v1/add/1/1",
            world.good_v1().audience(API).mint(),
        ),
        (
            "v1 app, trailing slash",
            "/calc/v1/x",
            world.good_v1().audience(&format!("api://{API}/")).mint(),
        ),
        (
            "audience array",
            "/calc/v1/x",
            world.good().claim("aud", json!(["x", API])).mint(),
        ),
        (
            "upper-case audience",
            "/calc/v1/x",
            world.good().audience(&API.to_uppercase()).mint(),
        ),
        (
            "idtyp app",
            "/calc/v1/x",
            world.good().claim("idtyp", json!("app")).mint(),
        ),
        (
            "no typ",
            "/calc/v1/x",
            world.good().without_header("typ").mint(),
        ),
        (
            "expired within leeway",
            "/calc/v1/x",
            world.good().expires_at(in_seconds(-30)).mint(),
        ),
        (
            "nbf within leeway",
            "/calc/v1/x",
            world
                .good()
                .claim("nbf", json!(in_seconds(30).seconds()))
                .mint(),
        ),
        ("user", "/reports", world.good_user().mint()),
        (
            "user with two scopes",
            "/reports",
            world.good_user().scope("Other").mint(),
        ),
    ] {
        let reply = world
            .gateway
            .get("apis", target, &[format!("Authorization: Bearer {token}")])
            .await;
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_forged_stale_or_foreign_stay_out() {
    let world = world().await;
    let other_key = SigningKey::generate().unwrap();
    let kid = world.contoso.issuer.signing_key().kid().to_owned();
    let cut = |token: String, by: usize| token[..token.len() - by].to_owned();
    let good = world.good().mint();
    let parts: Vec<&str> = good.split('.').collect();
    #[rustfmt::skip]
    let rows: Vec<(&str, u16, &str, String)> = vec![
        // shape
        ("not a JWT", 401, "malformed_token", "garbage".into()),
        ("two parts", 401, "malformed_token", format!("{}.{}", parts[0], parts[1])),
        ("four parts", 401, "malformed_token", format!("{good}.x")),
        ("five parts, a JWE", 401, "malformed_token", format!("{good}.x.y")),
        ("empty signature", 401, "malformed_token", format!("{}.{}.", parts[0], parts[1])),
        ("empty payload", 401, "malformed_token", format!("{}..{}", parts[0], parts[2])),
        ("padding", 401, "malformed_token", format!("{}=.{}.{}", parts[0], parts[1], parts[2])),
        ("standard base64", 401, "malformed_token", format!("{}.{}.+/{}", parts[0], parts[1], parts[2])),
        ("signature cut", 401, "bad_signature", cut(good.clone(), 2)),
        ("signature of zeros", 401, "bad_signature", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(342))),
        ("too large", 401, "token_too_large", format!("{good}{}", "A".repeat(17 * 1024))),
        // header
        ("alg none", 401, "malformed_token", world.good().unsigned().mint()),
        ("alg none with a signature", 401, "algorithm_not_allowed", format!("{}{}", world.good().unsigned().mint(), parts[2])),
        ("HS256 with the public key", 401, "algorithm_not_allowed", world.good().hs256_with_public_key().mint()),
        ("alg RS512", 401, "algorithm_not_allowed", world.good().header("alg", json!("RS512")).mint()),
        ("alg PS256", 401, "algorithm_not_allowed", world.good().header("alg", json!("PS256")).mint()),
        ("alg rs256", 401, "algorithm_not_allowed", world.good().header("alg", json!("rs256")).mint()),
        ("alg missing", 401, "algorithm_not_allowed", world.good().without_header("alg").mint()),
        ("crit", 401, "critical_header", world.good().header("crit", json!(["exp"])).mint()),
        ("b64", 401, "critical_header", world.good().header("b64", json!(false)).mint()),
        ("zip", 401, "critical_header", world.good().header("zip", json!("DEF")).mint()),
        ("nonce of a Graph token", 401, "token_not_for_us", world.good().header("nonce", json!("x")).mint()),
        ("typ pop", 401, "wrong_type", world.good().header("typ", json!("pop")).mint()),
        ("typ at+jwt", 401, "wrong_type", world.good().header("typ", json!("at+jwt")).mint()),
        ("kid missing", 401, "malformed_token", world.good().without_header("kid").mint()),
        ("kid not a string", 401, "malformed_token", world.good().header("kid", json!(7)).mint()),
        ("kid unknown", 401, "unknown_key", world.good().kid("no-such-key").mint()),
        ("kid a path", 401, "unknown_key", world.good().kid("../../../etc/passwd").mint()),
        ("embedded jwk", 401, "bad_signature", world.good().signed_by(&other_key).kid(&kid).header("jwk", json!({"kty": "RSA"})).mint()),
        ("jku elsewhere", 401, "bad_signature", world.good().signed_by(&other_key).kid(&kid).header("jku", json!("http://127.0.0.1:1/k")).mint()),
        // signature
        ("signed by another key", 401, "bad_signature", world.good().signed_by(&other_key).kid(&kid).mint()),
        ("payload swapped", 401, "bad_signature", {
            let other = world.good().role("Admin").mint();
            let other: Vec<&str> = other.split('.').collect();
            format!("{}.{}.{}", parts[0], other[1], parts[2])
        }),
        ("header swapped", 401, "bad_signature", {
            let other = world.good().header("x", json!(1)).mint();
            format!("{}.{}.{}", other.split('.').next().unwrap(), parts[1], parts[2])
        }),
        // times
        ("expired", 401, "token_expired", world.good().expires_at(in_seconds(-120)).mint()),
        ("exp 0", 401, "token_expired", world.good().claim("exp", json!(0)).mint()),
        ("exp missing", 401, "missing_claim", world.good().without("exp").mint()),
        ("exp a string", 401, "malformed_claim", world.good().claim("exp", json!("9999999999")).mint()),
        ("exp negative", 401, "malformed_claim", world.good().claim("exp", json!(-1)).mint()),
        ("exp 1e300", 401, "malformed_claim", world.good().claim("exp", json!(1e300)).mint()),
        ("exp null", 401, "malformed_claim", world.good().claim("exp", json!(null)).mint()),
        ("nbf ahead", 401, "token_not_yet_valid", world.good().claim("nbf", json!(in_seconds(600).seconds())).mint()),
        ("nbf a string", 401, "malformed_claim", world.good().claim("nbf", json!("0")).mint()),
        ("nbf missing", 401, "missing_claim", world.good().without("nbf").mint()),
        // issuer and tenant
        ("iss of another tenant", 401, "unknown_issuer", world.good().claim("iss", json!("https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-222222222222/v2.0")).mint()),
        ("iss v2 with a slash", 401, "unknown_issuer", world.good().claim("iss", json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0/"))).mint()),
        ("iss v1 without a slash", 401, "unknown_issuer", world.good_v1().claim("iss", json!(format!("https://sts.windows.net/{TENANT}"))).mint()),
        ("iss the dev authority", 401, "unknown_issuer", world.good().claim("iss", json!(format!("{}/{TENANT}/v2.0", world.doors.issuer.base()))).mint()),
        ("iss the template", 401, "unknown_issuer", world.good().claim("iss", json!("https://login.microsoftonline.com/{tenantid}/v2.0")).mint()),
        ("iss an array", 401, "malformed_claim", world.good().claim("iss", json!([format!("https://login.microsoftonline.com/{TENANT}/v2.0")])).mint()),
        ("iss v1 in a v2 token", 401, "unknown_issuer", world.good().claim("iss", json!(format!("https://sts.windows.net/{TENANT}/"))).mint()),
        ("ver 2.0 with iss v1", 401, "unknown_issuer", world.good_v1().claim("ver", json!("2.0")).claim("azp", json!(CALCULATOR)).mint()),
        ("tid of another tenant", 401, "wrong_tenant", world.good().claim("tid", json!("11111111-aaaa-4bbb-8ccc-222222222222")).mint()),
        ("tid missing", 401, "missing_claim", world.good().without("tid").mint()),
        // audience
        ("aud of another API", 401, "wrong_audience", world.good().audience(OTHER_CLIENT).mint()),
        ("aud Graph", 401, "wrong_audience", world.good().audience("https://graph.microsoft.com").mint()),
        ("aud api:// in a v2 token", 401, "wrong_audience", world.good().audience(&format!("api://{API}")).mint()),
        ("aud with more behind", 401, "wrong_audience", world.good_v1().audience(&format!("api://{API}/x")).mint()),
        ("aud missing", 401, "missing_claim", world.good().without("aud").mint()),
        ("aud empty array", 401, "malformed_claim", world.good().claim("aud", json!([])).mint()),
        ("aud mixed array", 401, "malformed_claim", world.good().claim("aud", json!([API, 7])).mint()),
        ("aud an object", 401, "malformed_claim", world.good().claim("aud", json!({"a": API})).mint()),
        // not an access token of an application
        ("cnf", 401, "sender_constrained", world.good().claim("cnf", json!({"x5t#S256": "x"})).mint()),
        ("ID token", 401, "wrong_type", world.good().without("azp").without("azpacr").claim("nonce", json!("n")).mint()),
        ("oid missing", 401, "missing_claim", world.good().without("oid").mint()),
        ("azp missing", 401, "missing_claim", world.good().without("azp").mint()),
        ("azp a number", 401, "malformed_claim", world.good().claim("azp", json!(7)).mint()),
        ("appid instead of azp in v2", 401, "missing_claim", world.good().without("azp").claim("appid", json!(CALCULATOR)).mint()),
        ("idtyp device", 401, "wrong_type", world.good().claim("idtyp", json!("device")).mint()),
        ("roles a string", 401, "malformed_claim", world.good().claim("roles", json!("invokeRole")).mint()),
        ("roles of numbers", 401, "malformed_claim", world.good().claim("roles", json!([1])).mint()),
        ("scp an array", 401, "malformed_claim", world.good_user().claim("scp", json!(["Reports.Read"])).mint()),
        // genuine, but not allowed
        ("no role", 403, "role_missing", world.good().without("roles").mint()),
        ("another role", 403, "role_missing", world.good().claim("roles", json!(["invokerole"])).mint()),
        ("role in scp", 403, "principal_not_allowed", world.good().without("roles").user(USER).scope("invokeRole").mint()),
        ("user with the role", 403, "principal_not_allowed", world.good().user(USER).scope("x").mint()),
        ("another client", 403, "client_not_allowed", world.good().client(OTHER_CLIENT).mint()),
    ];
    assert!(rows.len() >= 60);
    let before = world.contoso.echo.count();
    let mut wrong = Vec::new();
    for (what, status, reason, token) in rows {
        let reply = world
            .gateway
            .get(
                "apis",
                "/calc/v1/add/1/1",
                &[format!("Authorization: Bearer {token}")],
            )
            .await;
        if (reply.status, reply.reason().as_str()) != (status, reason) {
            wrong.push(format!(
                "{what}: {} {}, not {status} {reason}",
                reply.status,
                reply.reason()
            ));
            continue;
        }
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        let error = if status == 401 {
            "invalid_token"
        } else {
            "insufficient_scope"
        };
        assert!(
            challenge.contains(&format!("error=\"{error}\"")),
            "{what}: {challenge}"
        );
        assert!(
            !reply.text().contains(&token),
            "{what}: the answer holds the token"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_are_doubled_or_odd_stay_out() {
    let world = world().await;
    let good = world.good().mint();
    let bearer = format!("Authorization: Bearer {good}");
    let key = format!("X-Api-Key: {API_KEY}");
    let in_query = format!("/calc/v1/x?access_token={}", &good[..64]);
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
        ("no scheme", "/calc/v1/x", vec![format!("Authorization: {good}")], 401, "no_credential"),
        ("scheme of another kind", "/calc/v1/x", vec![format!("Authorization: PoP {good}")], 401, "no_credential"),
        ("two tokens", "/calc/v1/x", vec![format!("{bearer}, Bearer {good}")], 401, "malformed_token"),
        ("empty bearer", "/calc/v1/x", vec!["Authorization: Bearer ".into()], 401, "malformed_token"),
        ("token in the query", &in_query, vec![], 401, "no_credential"),
        ("token in a cookie", "/calc/v1/x", vec![format!("Cookie: token={}", &good[..64])], 401, "no_credential"),
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
        let reply = world.gateway.get("apis", target, &headers).await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (status, reason),
            "{what}"
        );
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
        let reply = world.gateway.get("apis", target, &[]).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_never_sees_credentials_or_forged_identities() {
    let world = world().await;
    let token = world.good().mint();
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
        "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL",
        "X-Rewrite-URL",
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
        world.doors.echo.base().trim_start_matches("http://")
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
    let mut connection = Connection::open(world.gateway.address("apis")).await;
    for _ in 0..2 {
        connection
            .send("POST /calc/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            .await;
        let reply = connection.reply().await.expect("the connection stays open");
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (401, "no_credential")
        );
    }
    connection
        .send("POST /calc/v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        .await;
    assert_eq!(connection.reply().await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_told_in_full_to_the_log_and_safely_to_the_caller() {
    let world = world().await;
    let token = world.good().without("roles").mint();
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
