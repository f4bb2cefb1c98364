//! What one who knows the gateway's source would try: where two things that are each in order meet.
//! Two issuers, one cache, one key on several routes, a scheme that a route does not read.

use std::sync::Arc;

use crate::support::{API, API_KEY, CALCULATOR, Gateway, MAIL_TENANT, Reply, TENANT, eventually};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearergate::fake::{
    Contoso, Intake, Neighbourhood, Origin, Ports, Request, Response, Running, SigningKey,
    TokenBuilder, bind, serve,
};
use http::StatusCode;
use serde_json::{Value, json};

const FABRIKAM: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const OTHER_API: &str = "aaaa0000-1111-4222-8333-444444444444";
const OTHER_CLIENT: &str = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11";
const USER: &str = "ann@contoso.example";
const NIGHT_KEY: &str = "night-0123456789abcdef0123456789abcdef";
const CLIENT_SECRET: &str = "a~client~secret~that~is~never~told~to~anyone";

/// Two organisations, each with its own keys, in front of one gateway.
struct World {
    contoso: Contoso,
    fabrikam: Contoso,
    gateway: Gateway,
    _doors: [Neighbourhood; 2],
    _folder: tempfile::TempDir,
}

fn organisations() -> (Contoso, Contoso) {
    let other = SigningKey::generate().unwrap();
    (
        Contoso::with_key(SigningKey::shared().unwrap()),
        Contoso::with_key(other),
    )
}

async fn world() -> World {
    let (contoso, fabrikam) = organisations();
    let world = World::of(contoso, fabrikam).await;
    world.gateway.ready().await;
    world
}

fn write_secrets(folder: &std::path::Path) {
    for (name, secret) in [
        ("payroll.key", API_KEY),
        ("night.key", NIGHT_KEY),
        ("client.secret", CLIENT_SECRET),
    ] {
        std::fs::write(folder.join(name), secret).unwrap();
    }
}

fn yaml(doors: &Neighbourhood, others: &Neighbourhood, level: &str) -> String {
    format!(
        r#"
version: 1
listeners:
  apis: {{ address: 127.0.0.1:0 }}
  legacy: {{ address: 127.0.0.1:0 }}
admin: {{ address: 127.0.0.1:0 }}
fetch: {{ timeout: 2s }}
log: {{ level: {level} }}
issuers:
  contoso: {{ entra: {{ tenant: {TENANT}, authority: "{one}" }} }}
  fabrikam: {{ entra: {{ tenant: {FABRIKAM}, authority: "{two}" }} }}
  twin: {{ entra: {{ tenant: {TENANT}, authority: "{two}" }} }}
identities:
  mail-daemon:
    entra: {{ tenant: {MAIL_TENANT}, client_id: {mail}, authority: "{one}" }}
    credentials: [secret: {{ file: client.secret }}]
routes:
  - id: first
    listener: apis
    match: {{ path: /first }}
    callers: [bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}]
    upstream: {{ url: "{echo}" }}
  - id: second
    listener: apis
    match: {{ path: /second }}
    callers: [bearer: {{ issuer: contoso, audiences: [{OTHER_API}], roles: [Second] }}]
    upstream: {{ url: "{echo}" }}
  - id: third
    listener: apis
    match: {{ path: /third }}
    callers: [bearer: {{ issuer: contoso, audiences: [{API}], all_roles: [First, Third] }}]
    upstream: {{ url: "{echo}" }}
  - id: oid
    listener: apis
    match: {{ path: /oid }}
    callers: [bearer: {{ issuer: contoso, audiences: [{API}], oid: [0b0b0b0b-1111-4222-8333-999999999999] }}]
    upstream: {{ url: "{echo}" }}
  - id: reports
    listener: apis
    match: {{ path: /reports }}
    callers: [bearer: {{ issuer: contoso, audiences: ["api://reports"], scp: [Reports.Read] }}]
    upstream: {{ url: "{echo}" }}
  - id: fabrikam
    listener: apis
    match: {{ path: /fabrikam }}
    callers: [bearer: {{ issuer: fabrikam, audiences: [{API}], roles: [First] }}]
    upstream: {{ url: "{echo}" }}
  - id: both
    listener: apis
    match: {{ path: /both }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}
      - bearer: {{ issuer: fabrikam, audiences: [{OTHER_API}], roles: [First] }}
    upstream: {{ url: "{echo}" }}
  - id: twin
    listener: apis
    match: {{ path: /twin }}
    callers: [bearer: {{ issuer: twin, audiences: [{API}], roles: [First] }}]
    upstream: {{ url: "{echo}" }}
  - id: twins
    listener: apis
    match: {{ path: /twins }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}
      - bearer: {{ issuer: twin, audiences: [{API}], roles: [First] }}
    upstream: {{ url: "{echo}" }}
  - id: key-or-near
    listener: apis
    match: {{ path: /key-or-near }}
    callers:
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
      - network: [127.0.0.0/8]
        alone: true
    upstream: {{ url: "{echo}" }}
  - id: token-or-near
    listener: apis
    match: {{ path: /token-or-near }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}
      - network: [127.0.0.0/8]
        alone: true
    upstream: {{ url: "{echo}" }}
  - id: token-from-afar
    listener: apis
    match: {{ path: /token-from-afar }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}
        network: [10.0.0.0/8]
    upstream: {{ url: "{echo}" }}
  - id: token-or-key
    listener: apis
    match: {{ path: /token-or-key }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
    upstream: {{ url: "{echo}" }}
  - id: teams
    listener: apis
    match: {{ path: "/teams/{{team}}" }}
    callers:
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
        where: {{ team: [payroll] }}
      - api_key: {{ id: night, key: {{ file: night.key }} }}
        where: {{ team: ["night-*", "*-ops"] }}
    upstream: {{ url: "{echo}" }}
  - id: told
    listener: apis
    match: {{ path: /told }}
    callers: [bearer: {{ issuer: contoso, audiences: [{API}], any_valid_token: true }}]
    upstream: {{ url: "{echo}" }}
    caller_headers: {{ X-Who: principal, X-Name: name, X-Roles: roles, X-Scopes: scp, X-Sub: sub, X-User: preferred_username }}
  - id: inside
    listener: apis
    match: {{ path: /hosted, host: inside.example }}
    callers: public
    upstream: {{ url: "{echo}" }}
  - id: outside
    listener: apis
    match: {{ path: /hosted }}
    callers: [bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}]
    upstream: {{ url: "{echo}" }}
  - id: reader
    listener: apis
    match: {{ path: /reader, methods: [GET] }}
    callers: public
    upstream: {{ url: "{echo}" }}
  - id: any
    listener: legacy
    match: {{ path: "/any/**" }}
    callers: &payroll
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
    upstream: {{ url: "{echo}", strip_prefix: /any }}
    token: &ours {{ identity: mail-daemon, scope: "https://graph.microsoft.com/.default", allow_host_mismatch: true }}
  - id: inbox
    listener: legacy
    match: {{ path: "/users/{{mailbox}}/messages" }}
    callers:
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
        where: {{ mailbox: ["*@payroll.contoso.example", "hr-*"] }}
    upstream: {{ url: "{echo}" }}
    token: *ours
"#,
        one = doors.issuer.base(),
        two = others.issuer.base(),
        echo = doors.echo.base(),
        mail = Contoso::MAIL_CLIENT,
    )
}

fn register_secret(contoso: &Contoso) {
    let app = bearergate::fake::AppRegistration::new(Contoso::MAIL_CLIENT)
        .in_tenant(MAIL_TENANT)
        .secret(CLIENT_SECRET)
        .role(bearergate::fake::ApiRegistration::GRAPH, "Mail.Read");
    contoso.issuer.register(|registry| registry.with_app(app));
}

impl World {
    async fn of(contoso: Contoso, fabrikam: Contoso) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_secrets(folder.path());
        register_secret(&contoso);
        let doors = [&contoso, &fabrikam].map(|one| one.open(Ports::default(), None).unwrap());
        let gateway = Gateway::start(&yaml(&doors[0], &doors[1], "info"), folder.path()).await;
        Self {
            contoso,
            fabrikam,
            gateway,
            _doors: doors,
            _folder: folder,
        }
    }

    fn token(&self) -> TokenBuilder {
        self.contoso
            .issuer
            .token(TENANT)
            .audience(API)
            .client(CALCULATOR)
    }

    fn foreign(&self) -> TokenBuilder {
        self.fabrikam
            .issuer
            .token(FABRIKAM)
            .audience(OTHER_API)
            .client(CALCULATOR)
    }

    async fn present(&self, target: &str, token: &str) -> (u16, String) {
        verdict(&self.gateway.get("apis", target, &[bearer(token)]).await)
    }

    async fn with_key(&self, target: &str, more: &[&str]) -> Reply {
        let mut headers = vec![format!("X-Api-Key: {API_KEY}")];
        headers.extend(more.iter().map(|line| (*line).to_owned()));
        self.gateway.get("legacy", target, &headers).await
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

fn verdict(reply: &Reply) -> (u16, String) {
    (reply.status, reply.reason())
}

fn is(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_of_one_route_is_no_permit_for_another() {
    let world = world().await;
    let one = world.token().role("First").mint();
    let wide = world
        .token()
        .claim("aud", json!([API, OTHER_API]))
        .role("First")
        .mint();
    for _ in 0..2 {
        assert_eq!(world.present("/first", &one).await, is(200, ""));
        assert_eq!(
            world.present("/second", &one).await,
            is(401, "wrong_audience")
        );
        assert_eq!(world.present("/third", &one).await, is(403, "role_missing"));
        assert_eq!(
            world.present("/oid", &one).await,
            is(403, "object_not_allowed")
        );
        assert_eq!(
            world.present("/reports", &one).await,
            is(401, "wrong_audience")
        );
        assert_eq!(
            world.present("/fabrikam", &one).await,
            is(401, "unknown_issuer")
        );
        assert_eq!(
            world.present("/token-from-afar", &one).await,
            is(403, "network_not_allowed")
        );
        assert_eq!(
            world.present("/second", &wide).await,
            is(403, "role_missing")
        );
        // One byte more or less is another token.
        assert_eq!(world.present("/first", &one[..one.len() - 1]).await.0, 401);
        assert_eq!(world.present("/first", &format!("{one}A")).await.0, 401);
        let (rest, last) = one.split_at(one.len() - 1);
        let other = if last == "A" { "Q" } else { "A" };
        assert_eq!(
            world.present("/first", &format!("{rest}{other}")).await.0,
            401
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_scopes_and_objects_are_asked_one_by_one() {
    let world = world().await;
    let reports = || world.token().v1().audience("api://reports").user(USER);
    let object = "0b0b0b0b-1111-4222-8333-999999999999";
    for (what, target, token, expected) in [
        (
            "both of two",
            "/third",
            world.token().role("First").role("Third"),
            is(200, ""),
        ),
        (
            "one of two",
            "/third",
            world.token().role("Third"),
            is(403, "role_missing"),
        ),
        (
            "scope",
            "/reports",
            reports().scope("Reports.Read"),
            is(200, ""),
        ),
        (
            "scope, with a slash",
            "/reports",
            reports().scope("Reports.Read").audience("api://reports/"),
            is(200, ""),
        ),
        (
            "two slashes",
            "/reports",
            reports().scope("Reports.Read").audience("api://reports//"),
            is(401, "wrong_audience"),
        ),
        (
            "another scope",
            "/reports",
            reports().scope("Reports.ReadWrite"),
            is(403, "scope_missing"),
        ),
        (
            "scope in two words",
            "/reports",
            reports().scope("Reports .Read"),
            is(403, "scope_missing"),
        ),
        (
            "scope by tab",
            "/reports",
            reports().scope("x\tReports.Read"),
            is(403, "scope_missing"),
        ),
        (
            "scope as role",
            "/reports",
            reports().scope("x").role("Reports.Read"),
            is(403, "scope_missing"),
        ),
        (
            "app with the role",
            "/reports",
            world
                .token()
                .v1()
                .audience("api://reports")
                .role("Reports.Read"),
            is(403, "principal_not_allowed"),
        ),
        (
            "object",
            "/oid",
            world.token().claim("oid", object).claim("sub", object),
            is(200, ""),
        ),
        (
            "object in sub",
            "/oid",
            world.token().claim("sub", object).claim("idtyp", "app"),
            is(403, "object_not_allowed"),
        ),
    ] {
        assert_eq!(
            world.present(target, &token.mint()).await,
            expected,
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_contradict_themselves_stay_out() {
    let world = world().await;
    let good = || world.token().role("First");
    let names = vec!["First"; 1025];
    let text =
        json!({"iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0")}).to_string();
    let parts: Vec<String> = good()
        .kid("nobody")
        .mint()
        .split('.')
        .map(str::to_owned)
        .collect();
    let rows: Vec<(&str, String, &str)> = vec![
        (
            "payload an array",
            good()
                .payload(
                    &json!([format!("https://login.microsoftonline.com/{TENANT}/v2.0")])
                        .to_string(),
                )
                .mint(),
            "malformed_token",
        ),
        (
            "payload with more behind",
            good().payload(&format!("{text} {{}}")).mint(),
            "malformed_token",
        ),
        (
            "iss twice",
            good().payload(&text.replace('{', r#"{"iss":"x","#)).mint(),
            "malformed_token",
        ),
        (
            "a thousand roles",
            good().claim("roles", json!(names)).mint(),
            "malformed_claim",
        ),
        (
            "tid in two cases",
            good().claim("TID", FABRIKAM).mint(),
            "malformed_claim",
        ),
        (
            "tid in another case only",
            good().without("tid").claim("Tid", TENANT).mint(),
            "malformed_claim",
        ),
        (
            "no scope",
            good().claim("scp", " ").mint(),
            "malformed_claim",
        ),
        (
            "scp null",
            good().claim("scp", Value::Null).mint(),
            "malformed_claim",
        ),
        ("at_hash", good().claim("at_hash", "x").mint(), "wrong_type"),
        ("c_hash", good().claim("c_hash", "x").mint(), "wrong_type"),
        (
            "nonce null",
            good().claim("nonce", Value::Null).mint(),
            "wrong_type",
        ),
        (
            "cnf null",
            good().claim("cnf", Value::Null).mint(),
            "sender_constrained",
        ),
        (
            "azp no GUID",
            good().claim("azp", "calculator").mint(),
            "malformed_claim",
        ),
        (
            "azp in braces",
            good().claim("azp", format!("{{{CALCULATOR}}}")).mint(),
            "malformed_claim",
        ),
        (
            "oid no GUID",
            good().claim("oid", "*").claim("sub", "*").mint(),
            "malformed_claim",
        ),
        (
            "app with a scope",
            good().claim("idtyp", "app").claim("scp", "x").mint(),
            "malformed_claim",
        ),
        (
            "a user's, with roles and no scope",
            good().claim("sub", "pairwise").mint(),
            "wrong_type",
        ),
        (
            "idtyp user, no scope",
            good().claim("idtyp", "user").mint(),
            "wrong_type",
        ),
        (
            "no sub, no idtyp",
            good().without("sub").mint(),
            "wrong_type",
        ),
        (
            "ver 3.0",
            good().claim("ver", "3.0").mint(),
            "unknown_issuer",
        ),
        ("no ver", good().without("ver").mint(), "unknown_issuer"),
        (
            "ver a number",
            good().claim("ver", 2.0).mint(),
            "malformed_claim",
        ),
        (
            "ver 1.0 in v2's clothes",
            good().claim("ver", "1.0").claim("appid", CALCULATOR).mint(),
            "unknown_issuer",
        ),
        ("typ empty", good().header("typ", "").mint(), "wrong_type"),
        (
            "typ a list",
            good().header("typ", json!(["JWT"])).mint(),
            "wrong_type",
        ),
        (
            "alg a list",
            good().header("alg", json!(["RS256"])).mint(),
            "algorithm_not_allowed",
        ),
        (
            "crit null",
            good().header("crit", Value::Null).mint(),
            "critical_header",
        ),
        (
            "enc",
            good().header("enc", "A256GCM").mint(),
            "critical_header",
        ),
        ("kid empty", good().kid("").mint(), "malformed_token"),
        (
            "kid of 300",
            good().kid(&"k".repeat(300)).mint(),
            "malformed_token",
        ),
        // The shape is judged before anybody is asked for a key.
        (
            "four parts of an unknown key",
            format!("{}.x", parts.join(".")),
            "malformed_token",
        ),
        (
            "no base64 in it",
            format!("{}.{}.~~~~", parts[0], parts[1]),
            "malformed_token",
        ),
    ];
    for (what, token, reason) in rows {
        assert_eq!(
            world.present("/first", &token).await,
            is(401, reason),
            "{what}"
        );
    }
    assert_eq!(world.contoso.echo.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_issuer_of_a_route_vouches_for_its_own_only() {
    let world = world().await;
    let (ours, theirs) = (
        world.contoso.issuer.signing_key(),
        world.fabrikam.issuer.signing_key(),
    );
    let kid = theirs.kid().to_owned();
    for (what, token, expected) in [
        ("contoso's", world.token().role("First"), is(200, "")),
        ("fabrikam's", world.foreign().role("First"), is(200, "")),
        (
            "fabrikam's for contoso's entry",
            world.foreign().audience(API).role("First"),
            is(401, "wrong_audience"),
        ),
        (
            "contoso's for fabrikam's entry",
            world.token().audience(OTHER_API).role("First"),
            is(401, "wrong_audience"),
        ),
        (
            "fabrikam's by contoso's key",
            world.foreign().signed_by(&ours).role("First"),
            is(401, "unknown_key"),
        ),
        (
            "and under its kid",
            world.foreign().signed_by(&ours).kid(&kid).role("First"),
            is(401, "bad_signature"),
        ),
        (
            "contoso's by fabrikam's key",
            world.token().signed_by(&theirs).role("First"),
            is(401, "unknown_key"),
        ),
        (
            "tid of the other",
            world.foreign().claim("tid", TENANT).role("First"),
            is(401, "wrong_tenant"),
        ),
    ] {
        let token = token.mint();
        for _ in 0..2 {
            assert_eq!(world.present("/both", &token).await, expected, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_issuer_is_asked_does_not_depend_on_what_is_cached() {
    let world = world().await;
    let token = world
        .fabrikam
        .issuer
        .token(TENANT)
        .audience(API)
        .role("First")
        .mint();
    assert_eq!(
        world.present("/twins", &token).await,
        is(401, "unknown_key")
    );
    assert_eq!(world.present("/twin", &token).await, is(200, ""));
    assert_eq!(
        world.present("/twins", &token).await,
        is(401, "unknown_key")
    );
}

/// Publishes whatever it was given as the keys of every tenant.
struct Publisher(Value);

impl Origin for Publisher {
    fn intake(&self) -> Intake {
        Intake::Beginning(1024)
    }

    fn answer(&self, _: &Request) -> Response {
        Response::json(StatusCode::OK, &self.0)
    }
}

/// A gateway with one route, whose issuer publishes these keys.
async fn published(keys: Value) -> (Gateway, Running, Running, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let keys = serve(bind(0).unwrap(), None, Arc::new(Publisher(keys))).unwrap();
    let echo = serve(
        bind(0).unwrap(),
        None,
        Arc::new(bearergate::fake::Echo::new()),
    )
    .unwrap();
    let yaml = format!(
        r#"
version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0 }} }}
admin: {{ address: 127.0.0.1:0 }}
issuers: {{ contoso: {{ entra: {{ tenant: {TENANT}, authority: "{}" }} }} }}
routes:
  - id: first
    listener: apis
    match: {{ path: /first }}
    callers: [bearer: {{ issuer: contoso, audiences: [{API}], roles: [First] }}]
    upstream: {{ url: "{}" }}
"#,
        keys.base(),
        echo.base(),
    );
    let gateway = Gateway::start(&yaml, folder.path()).await;
    gateway.ready().await;
    (gateway, keys, echo, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_were_not_published_to_sign_verify_nothing() {
    let contoso = Contoso::with_key(SigningKey::shared().unwrap());
    let door = contoso.open(Ports::default(), None).unwrap();
    let url = format!("{}/{TENANT}/discovery/v2.0/keys", door.issuer.base());
    let bytes = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let with = |kid: &str, change: &dyn Fn(&mut Value)| {
        let mut key = document["keys"][0].clone();
        key["kid"] = kid.into();
        change(&mut key);
        key
    };
    let good = with("good", &|_| {});
    let bad: Vec<(&str, Value)> = vec![
        ("use-enc", with("use-enc", &|key| key["use"] = "enc".into())),
        (
            "ops-sign",
            with("ops-sign", &|key| key["key_ops"] = json!(["sign"])),
        ),
        (
            "alg-ps256",
            with("alg-ps256", &|key| key["alg"] = "PS256".into()),
        ),
        ("kty-ec", with("kty-ec", &|key| key["kty"] = "EC".into())),
        ("kty-oct", with("kty-oct", &|key| key["kty"] = "oct".into())),
        ("private", with("private", &|key| key["d"] = "AQAB".into())),
        (
            "exponent-3",
            with("exponent-3", &|key| key["e"] = "Aw".into()),
        ),
        (
            "short",
            with("short", &|key| key["n"] = "_".repeat(172).into()),
        ),
        (
            "even",
            with("even", &|key| {
                key["n"] = format!("{}g", "_".repeat(341)).into()
            }),
        ),
        (
            "of-another",
            with("of-another", &|key| {
                key["issuer"] = format!("https://login.microsoftonline.com/{FABRIKAM}/v2.0").into();
            }),
        ),
        (
            "of-a-stranger",
            with("of-a-stranger", &|key| {
                key["issuer"] = "https://issuer.example/{tenantid}/v2.0".into();
            }),
        ),
        ("claimed-twice", with("claimed-twice", &|_| {})),
    ];
    let double = with("claimed-twice", &|key| {
        key["n"] = format!("{}w", "_".repeat(341)).into()
    });
    let mut keys: Vec<&Value> = vec![&good, &double];
    keys.extend(bad.iter().map(|(_, key)| key));
    let (gateway, _keys, _echo, _folder) = published(json!({ "keys": keys })).await;
    let present = async |kid: &str| {
        let token = contoso
            .issuer
            .token(TENANT)
            .audience(API)
            .role("First")
            .kid(kid)
            .mint();
        verdict(&gateway.get("apis", "/first", &[bearer(&token)]).await)
    };
    assert_eq!(present("good").await, is(200, ""));
    for (kid, _) in &bad {
        assert_eq!(present(kid).await, is(401, "unknown_key"), "{kid}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_at_one_issuer_is_not_felt_at_the_other() {
    let world = world().await;
    let before = [&world.contoso, &world.fabrikam].map(|one| one.issuer.key_fetches());
    let address = world.gateway.address("apis");
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let token = world.foreign().kid(&format!("flood-{number}")).mint();
            let request = format!(
                "GET /both HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
                bearer(&token)
            );
            tokio::spawn(async move {
                let mut connection = crate::support::Connection::open(address).await;
                connection.send(request).await;
                verdict(&connection.reply().await.unwrap())
            })
        })
        .collect();
    let good = world.token().role("First").mint();
    assert_eq!(world.present("/both", &good).await, is(200, ""));
    for caller in flood {
        assert_eq!(caller.await.unwrap(), is(401, "unknown_key"));
    }
    let after = [&world.contoso, &world.fabrikam].map(|one| one.issuer.key_fetches());
    assert_eq!(after[0], before[0]);
    // `twin` asks at the same door, but nobody asked `twin`.
    assert!(after[1] <= before[1] + 1, "{before:?} {after:?}");
    let known = world.foreign().role("First").mint();
    assert_eq!(
        world.present("/both", &known).await,
        is(200, ""),
        "known keys are not affected"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_hangs_keeps_nobody_waiting_but_its_own_callers() {
    let (contoso, fabrikam) = organisations();
    fabrikam.issuer.key_endpoint().hang();
    let world = World::of(contoso, fabrikam).await;
    let theirs = world.foreign().role("First").mint();
    let request = format!(
        "GET /both HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
        bearer(&theirs)
    );
    let mut waiting = crate::support::Connection::open(world.gateway.address("apis")).await;
    waiting.send(request).await;
    let ours = world.token().role("First").mint();
    eventually("contoso's caller is let in", async || {
        world.present("/both", &ours).await.0 == 200
    })
    .await;
    let reply = waiting.reply().await.unwrap();
    assert_eq!(
        verdict(&reply),
        is(503, "keys_unavailable"),
        "and theirs wait only so long"
    );
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.header("www-authenticate"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheme_that_a_route_does_not_read_counts_as_absent_and_one_that_it_reads_must_be_good() {
    let world = world().await;
    let foreign = bearer(&world.token().audience(OTHER_API).role("First").mint());
    let no_role = bearer(&world.token().mint());
    for (target, line, expected) in [
        ("/key-or-near", "Accept: */*", is(200, "")),
        ("/key-or-near", "Authorization: Bearer", is(200, "")),
        ("/key-or-near", "Authorization: Bearer a b", is(200, "")),
        ("/key-or-near", foreign.as_str(), is(200, "")),
        ("/key-or-near", "Authorization: Basic", is(401, "bad_key")),
        (
            "/key-or-near",
            "Authorization: Basic !!!",
            is(401, "bad_key"),
        ),
        (
            "/key-or-near",
            "Authorization: \"Basic\" x",
            is(401, "bad_key"),
        ),
        ("/key-or-near", "X-Api-Key: x", is(401, "bad_key")),
        ("/token-or-near", "Accept: */*", is(200, "")),
        ("/token-or-near", "X-Api-Key: x", is(200, "")),
        ("/token-or-near", "Authorization: Basic", is(200, "")),
        ("/token-or-near", "Authorization: Basic !!!", is(200, "")),
        (
            "/token-or-near",
            "Authorization: Negotiate !!!",
            is(200, ""),
        ),
        (
            "/token-or-near",
            "Authorization: Bearer",
            is(401, "malformed_token"),
        ),
        (
            "/token-or-near",
            "Authorization: Bearer a b",
            is(401, "malformed_token"),
        ),
        (
            "/token-or-near",
            "Authorization:",
            is(401, "malformed_token"),
        ),
        // A token that proves to be for others refuses; one that does not suffice leaves the rest.
        (
            "/token-or-near",
            foreign.as_str(),
            is(401, "wrong_audience"),
        ),
        ("/token-or-near", no_role.as_str(), is(200, "")),
    ] {
        let reply = world.gateway.get("apis", target, &[line.to_owned()]).await;
        assert_eq!(verdict(&reply), expected, "{target} {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_its_own_doors_only() {
    let world = world().await;
    let get = async |target: &str, key: &str| {
        verdict(
            &world
                .gateway
                .get("apis", target, &[format!("X-Api-Key: {key}")])
                .await,
        )
    };
    assert_eq!(get("/teams/payroll", API_KEY).await, is(200, ""));
    assert_eq!(get("/teams/night-1", NIGHT_KEY).await, is(200, ""));
    assert_eq!(
        get("/teams/night-1", API_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(
        get("/teams/payroll", NIGHT_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(
        get("/teams/night-", NIGHT_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(get("/teams/late-ops", NIGHT_KEY).await, is(200, ""));
    for team in [
        "-ops",
        "late-opsx",
        "late-ops-x",
        "xlate-ops%20",
        "late-OPS",
    ] {
        let answer = get(&format!("/teams/{team}"), NIGHT_KEY).await;
        assert_eq!(answer, is(403, "parameter_not_allowed"), "{team}");
    }
    assert_eq!(
        get("/teams/xpayroll", API_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(get("/key-or-near", NIGHT_KEY).await, is(401, "bad_key"));
    let basic = |text: &[u8]| format!("Authorization: Basic {}", STANDARD.encode(text));
    let pair = |user: &str, key: &str| basic(format!("{user}:{key}").as_bytes());
    let good = pair("payroll", API_KEY);
    assert_eq!(
        world
            .gateway
            .get("legacy", "/any/x", std::slice::from_ref(&good))
            .await
            .status,
        200
    );
    let before = world.contoso.echo.count();
    for line in [
        pair("night", NIGHT_KEY),
        pair("Payroll", API_KEY),
        pair("", API_KEY),
        pair(API_KEY, "payroll"),
        pair("payroll:", API_KEY),
        pair("payroll", &format!(":{API_KEY}")),
        pair("payroll", &format!("{API_KEY}\n")),
        pair("payroll", &format!("{API_KEY}\0")),
        pair("payroll\0", API_KEY),
        pair("payroll", ""),
        basic(b"payroll"),
        basic(b":"),
        basic(b""),
        basic(b"\xff\xfe:\xff"),
        basic(&[b"payroll:", [0xff; 40].as_slice()].concat()),
        basic("pаyroll:x".as_bytes()),
        format!("Authorization: Basic {}", "QUFB".repeat(4000)),
        good.trim_end_matches('=').to_owned() + "AA",
        good.replace("Basic ", "Basic%20"),
        format!("{good}, {good}"),
        format!("X-Api-Key: {API_KEY}, {API_KEY}"),
        format!("X-Api-Key: Bearer {API_KEY}"),
        format!("X-Api-Key: {}", API_KEY.to_uppercase()),
        format!("X-Api-Key: {}", &API_KEY[1..]),
        format!("X-Api-Key: {API_KEY}{}", "x".repeat(2000)),
    ] {
        let reply = world
            .gateway
            .get("legacy", "/any/x", std::slice::from_ref(&line))
            .await;
        let reason = reply.reason();
        assert_eq!(reply.status, 401, "{line}: {reason}");
        assert!(
            ["bad_key", "no_credential"].contains(&reason.as_str()),
            "{line}: {reason}"
        );
    }
    for line in [
        "X_Api_Key",
        "Api-Key",
        "X-API-Key-",
        "X.Api.Key",
        "Proxy-Authorization",
    ] {
        let reply = world
            .gateway
            .get("legacy", "/any/x", &[format!("{line}: {API_KEY}")])
            .await;
        assert_eq!(verdict(&reply), is(401, "no_credential"), "{line}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_where_is_not_talked_round() {
    let world = world().await;
    for mailbox in [
        "a@payroll.contoso.example",
        "A%40PAYROLL.contoso.EXAMPLE",
        "hr-x",
        "%68r-%C3%A9",
    ] {
        let reply = world
            .with_key(&format!("/users/{mailbox}/messages"), &[])
            .await;
        assert_eq!(reply.status, 200, "{mailbox}: {}", reply.text());
    }
    let before = world.contoso.echo.count();
    for (mailbox, status) in [
        ("ceo@contoso.example", 403),
        ("@payroll.contoso.example", 403),
        ("%40payroll.contoso.example", 403),
        ("ceo%2540payroll.contoso.example", 403),
        ("ceo%2540contoso.example%253F@payroll.contoso.example", 403),
        ("ceo@contoso.example%2523@payroll.contoso.example", 403),
        ("ceo@contoso.example@payroll.contoso.example", 403),
        ("a@payroll.contoso.example@contoso.example", 403),
        ("a@payroll.contoso.example@", 403),
        ("a@payroll.contoso.example.", 403),
        ("a@payroll.contoso.example%20", 403),
        ("a@payroll.contoso.example.evil.example", 403),
        ("a@xpayroll.contoso.example", 403),
        ("a@payroll%EF%BC%8Econtoso.example", 403),
        ("a%EF%BC%A0payroll.contoso.example", 403),
        ("a@payro%E2%84%93l.contoso.example", 403),
        ("hr-", 403),
        ("HR-x", 403),
        ("hr-x%25", 403),
        ("hr-x%252F..%252Fceo", 403),
        ("hr-x%2Fceo", 400),
        ("hr-x/../ceo", 400),
        ("", 400),
        (".", 400),
        ("hr-x;ceo", 400),
        ("hr-x%5Cceo", 400),
        ("hr-x%00", 400),
        ("hr-x%0A", 400),
        ("hr-x%ff", 400),
    ] {
        let reply = world
            .with_key(&format!("/users/{mailbox}/messages"), &[])
            .await;
        assert_eq!(reply.status, status, "{mailbox}: {}", reply.text());
    }
    for (query, expected) in [
        ("$expand=manager", is(403, "expand_not_allowed")),
        ("$top=1&%24Expand=manager", is(403, "expand_not_allowed")),
        ("%2524expand=manager", is(403, "expand_not_allowed")),
        ("&&expand", is(403, "expand_not_allowed")),
    ] {
        let reply = world
            .with_key(&format!("/users/hr-x/messages?{query}"), &[])
            .await;
        assert_eq!(verdict(&reply), expected, "{query}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_web_pages_nor_batches_use_our_token() {
    let world = world().await;
    for line in [
        "Sec-Fetch-Site: none",
        "Sec-Fetch-Mode: navigate",
        "Referer: http://x/",
    ] {
        assert_eq!(
            world.with_key("/any/x", &[line]).await.status,
            200,
            "{line}"
        );
    }
    let before = world.contoso.echo.count();
    for lines in [
        &["Origin: https://evil.example"][..],
        &["Origin: null"],
        &["Origin:"],
        &["ORIGIN: http://127.0.0.1"],
        &["Sec-Fetch-Site: cross-site"],
        &["Sec-Fetch-Site: same-origin"],
        &["Sec-Fetch-Site: same-site"],
        &["Sec-Fetch-Site: NONE"],
        &["Sec-Fetch-Site:"],
        &["Sec-Fetch-Site: none, cross-site"],
        &["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"],
    ] {
        let reply = world.with_key("/any/x", lines).await;
        assert_eq!(verdict(&reply), is(403, "browser_not_allowed"), "{lines:?}");
    }
    for path in [
        "$batch",
        "$batch/",
        "%24batch",
        "$BATCH",
        "v1.0/$batch",
        "v1.0/$batch/x",
        "%24%62%61tch",
    ] {
        let reply = world.with_key(&format!("/any/{path}"), &[]).await;
        assert_eq!(verdict(&reply), is(403, "batch_not_allowed"), "{path}");
    }
    let preflight = "OPTIONS /any/x HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n\
                     Access-Control-Request-Method: POST\r\n\r\n";
    let reply = world.gateway.raw("legacy", preflight).await;
    assert_eq!(verdict(&reply), is(403, "browser_not_allowed"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_hosts_and_targets_have_one_reading() {
    let world = world().await;
    let send = async |request: &str| {
        world
            .gateway
            .raw("apis", format!("{request}\r\n\r\n"))
            .await
    };
    for (request, status) in [
        ("GET /reader HTTP/1.1\r\nHost: a", 200),
        ("HEAD /reader HTTP/1.1\r\nHost: a\r\nConnection: close", 200),
        ("get /reader HTTP/1.1\r\nHost: a", 405),
        ("Get /reader HTTP/1.1\r\nHost: a", 405),
        ("OPTIONS /reader HTTP/1.1\r\nHost: a", 405),
        ("TRACE /hosted HTTP/1.1\r\nHost: inside.example", 405),
        ("trace /hosted HTTP/1.1\r\nHost: inside.example", 405),
        // Another spelling of the host is the same host, another host is another.
        ("GET /hosted HTTP/1.1\r\nHost: inside.example", 200),
        ("GET /hosted HTTP/1.1\r\nHost: INSIDE.example.:8080", 200),
        (
            "GET http://inside.example/hosted HTTP/1.1\r\nHost: inside.example",
            200,
        ),
        ("GET /hosted HTTP/1.1\r\nHost: outside.example", 401),
        ("GET /hosted HTTP/1.1\r\nHost: xinside.example", 401),
        (
            "GET /hosted HTTP/1.1\r\nHost: inside.example.evil.example",
            401,
        ),
        ("GET /hosted HTTP/1.0", 401),
        (
            "GET http://inside.example/hosted HTTP/1.1\r\nHost: outside.example",
            400,
        ),
        (
            "GET http://outside.example/hosted HTTP/1.1\r\nHost: inside.example",
            400,
        ),
        (
            "GET http://inside.example@outside.example/hosted HTTP/1.1\r\nHost: outside.example",
            400,
        ),
        (
            "GET /hosted HTTP/1.1\r\nHost: outside.example, inside.example",
            400,
        ),
        (
            "GET /hosted HTTP/1.1\r\nHost: outside.example\r\nHost: inside.example",
            400,
        ),
        (
            "GET /hosted HTTP/1.1\r\nHost: inside.example@outside.example",
            400,
        ),
        ("GET /hosted HTTP/1.1\r\nHost: inside.example..", 400),
        (
            "GET /hosted HTTP/1.1\r\nHost: outside.example\r\nX-Forwarded-Host: inside.example",
            401,
        ),
        (
            "GET /hosted HTTP/1.1\r\nHost: outside.example\r\nForwarded: host=inside.example",
            401,
        ),
        (
            "GET /reader HTTP/1.1\r\nHost: a\r\nX-Original-URL: /first",
            200,
        ),
        (
            "GET /first HTTP/1.1\r\nHost: a\r\nX-Rewrite-URL: /reader",
            401,
        ),
    ] {
        let reply = send(request).await;
        assert_eq!(reply.status, status, "{request}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_token_is_set_once_and_nothing_of_the_callers_goes_beside_it() {
    let world = world().await;
    let lines = [
        "Connection: close, Authorization, X-Request-Id",
        "Cookie: session=forged",
        "Proxy-Authorization: Basic forged",
        "Authorization: Negotiate forged",
        "X-Forwarded-For: forged",
        "X_Api_Key: forged",
    ];
    let reply = world.with_key("/any/x", &lines).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let headers: Vec<(String, String)> =
        serde_json::from_value(reply.json()["headers"].clone()).unwrap();
    let ours: Vec<&String> = headers
        .iter()
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(ours.len(), 1);
    assert!(ours[0].starts_with("Bearer ey"));
    for (name, value) in &headers {
        assert!(
            !value.contains("forged") && !value.contains(API_KEY),
            "{name}: {value}"
        );
        assert!(!name.starts_with("x-forwarded"), "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_says_of_its_bearer_stays_within_its_header() {
    let world = world().await;
    let told = async |token: TokenBuilder| -> Value {
        let reply = world
            .gateway
            .get("apis", "/told", &[bearer(&token.mint())])
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let headers: Vec<(String, String)> =
            serde_json::from_value(reply.json()["headers"].clone()).unwrap();
        let mut seen = serde_json::Map::new();
        for (name, value) in headers {
            assert_ne!(name, "x-evil", "{value}");
            let twice = seen.insert(name.clone(), value.into());
            assert_eq!(twice, None, "{name}");
        }
        Value::Object(seen)
    };
    let user = || world.token().user(USER).scope("Read");
    for name in [
        "x\r\nX-Evil: 1",
        "x\nX-Evil: 1",
        "x\r\n\r\nGET / HTTP/1.1",
        "x\0",
        "\u{7f}",
    ] {
        let seen = told(user().claim("name", name).claim("preferred_username", name)).await;
        for told in ["x-name", "x-user"] {
            let text = seen[told].as_str().unwrap_or_default();
            assert!(!text.contains(char::is_control), "{name:?}: {text:?}");
        }
        assert!(seen["x-who"].as_str().unwrap().starts_with("user:"));
    }
    let seen = told(
        user()
            .claim("name", "n".repeat(4000))
            .claim("roles", json!(["a", "b,Admin", "c\r\nX-Evil: 1"])),
    )
    .await;
    assert_eq!(seen["x-name"].as_str().map(str::len), Some(4000));
    let roles = seen["x-roles"].as_str().unwrap_or_default();
    assert!(
        roles.split(',').all(|role| role.trim() != "Admin"),
        "{roles}"
    );
    let app = world
        .token()
        .claim("name", "Ann")
        .claim("preferred_username", USER);
    let seen = told(app).await;
    assert_eq!(
        (&seen["x-name"], &seen["x-user"]),
        (&Value::Null, &Value::Null),
        "chosen by somebody"
    );
    assert_eq!(seen["x-who"], format!("app:{CALCULATOR}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_is_challenged_as_the_standards_say() {
    let world = world().await;
    let expired = bearer(&world.token().claim("exp", 1).role("First").mint());
    let no_role = bearer(&world.token().client(OTHER_CLIENT).mint());
    let wrong_key = "X-Api-Key: wrong".to_owned();
    let uri = "https://login.microsoftonline.com";
    for (target, lines, status, bearer_part, basic) in [
        ("/first", vec![], 401, Some("no error"), false),
        (
            "/first",
            vec![wrong_key.clone()],
            401,
            Some("no error"),
            false,
        ),
        (
            "/first",
            vec![expired.clone()],
            401,
            Some("invalid_token"),
            false,
        ),
        (
            "/first",
            vec!["Authorization: Bearer x".to_owned()],
            401,
            Some("invalid_token"),
            false,
        ),
        (
            "/first",
            vec![no_role.clone()],
            403,
            Some("insufficient_scope"),
            false,
        ),
        ("/token-from-afar", vec![], 403, None, false),
        ("/token-or-key", vec![], 401, Some("no error"), true),
        (
            "/token-or-key",
            vec![wrong_key.clone()],
            401,
            Some("no error"),
            true,
        ),
        (
            "/token-or-key",
            vec!["Authorization: Basic !".to_owned()],
            401,
            Some("no error"),
            true,
        ),
        (
            "/token-or-key",
            vec![expired.clone()],
            401,
            Some("invalid_token"),
            true,
        ),
        (
            "/token-or-key",
            vec![no_role.clone()],
            403,
            Some("insufficient_scope"),
            false,
        ),
        ("/teams/x", vec![], 401, None, true),
        ("/teams/x", vec![wrong_key], 401, None, true),
        (
            "/teams/x",
            vec![format!("X-Api-Key: {API_KEY}")],
            403,
            None,
            false,
        ),
        ("/nowhere", vec![], 404, None, false),
        (
            "/first",
            vec![expired.clone(), expired.clone()],
            400,
            None,
            false,
        ),
    ] {
        let reply = world.gateway.get("apis", target, &lines).await;
        let what = format!("{target} {lines:?}");
        assert_eq!(reply.status, status, "{what}");
        let challenges = reply.all("www-authenticate");
        let bearers: Vec<_> = challenges
            .iter()
            .filter(|text| text.starts_with("Bearer "))
            .collect();
        let basics: Vec<_> = challenges
            .iter()
            .filter(|text| text.starts_with("Basic "))
            .collect();
        assert_eq!(
            bearers.len() + basics.len(),
            challenges.len(),
            "{what}: {challenges:?}"
        );
        assert_eq!(
            (bearers.len(), basics.len()),
            (usize::from(bearer_part.is_some()), usize::from(basic)),
            "{what}"
        );
        if let (Some(error), Some(challenge)) = (bearer_part, bearers.first()) {
            let start = format!("Bearer realm=\"{TENANT}\", authorization_uri=\"");
            assert!(challenge.starts_with(&start), "{what}: {challenge}");
            match error {
                "no error" => assert!(!challenge.contains("error"), "{what}: {challenge}"),
                code => assert!(
                    challenge.contains(&format!(", error=\"{code}\", ")),
                    "{what}: {challenge}"
                ),
            }
            assert_eq!(challenge.matches('"').count() % 2, 0, "{what}: {challenge}");
            assert!(
                !challenge.contains(uri) || !challenge.contains("127.0.0.1"),
                "{challenge}"
            );
        }
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
        for line in &lines {
            let secret = line.rsplit(' ').next().unwrap();
            assert!(secret.len() < 6 || !reply.text().contains(secret), "{what}");
            assert!(
                secret.len() < 6 || challenges.iter().all(|text| !text.contains(secret)),
                "{what}"
            );
        }
    }
}

/// Every credential there is, good and bad, put to the real program at its most talkative.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_program_writes_holds_a_secret() {
    let (contoso, fabrikam) = organisations();
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    register_secret(&contoso);
    let doors = contoso.open(Ports::default(), None).unwrap();
    let others = fabrikam.open(Ports::default(), None).unwrap();
    std::fs::write(
        folder.path().join("gateway.yaml"),
        yaml(&doors, &others, "trace"),
    )
    .unwrap();
    let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let sink = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_bearergate"))
        .args(["serve", "--config", "gateway.yaml"])
        .current_dir(folder.path())
        .env("RUST_LOG", "trace")
        .stdin(std::process::Stdio::null())
        .stdout(sink("stdout"))
        .stderr(sink("stderr"))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let address = |listener: &str| {
        let log = written("stderr");
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut told =
            lines.filter(|line| line["listener"] == listener && line["message"] == "listening");
        told.next()
            .and_then(|line| line["address"].as_str()?.parse().ok())
    };
    eventually("it listens", async || {
        address("apis").is_some() && address("legacy").is_some()
    })
    .await;
    let send = async |listener: &str, target: &str, line: &str| {
        let mut connection = crate::support::Connection::open(address(listener).unwrap()).await;
        connection
            .send(format!(
                "GET {target} HTTP/1.1\r\nHost: a\r\n{line}\r\nConnection: close\r\n\r\n"
            ))
            .await;
        connection.reply().await.map(|reply| reply.status)
    };
    let token = |change: &dyn Fn(TokenBuilder) -> TokenBuilder| {
        change(contoso.issuer.token(TENANT).audience(API).role("First")).mint()
    };
    let good = token(&|token| token);
    let presented = [
        good.clone(),
        token(&|token| token.claim("exp", 1)),
        token(&|token| token.kid("nobody")),
        token(&|token| token.claim("iss", "https://issuer.example/")),
        token(&|token| token.audience(OTHER_API)),
        token(&|token| token.signed_by(&fabrikam.issuer.signing_key())),
        token(&|token| token.unsigned()),
        format!("{good}.{good}"),
        "A".repeat(17 * 1024),
    ];
    let mut secrets: Vec<String> = [API_KEY, NIGHT_KEY, CLIENT_SECRET]
        .map(str::to_owned)
        .into();
    eventually("its keys are there", async || {
        send("apis", "/first", &bearer(&good)).await == Some(200)
    })
    .await;
    for token in &presented {
        for target in [
            "/first",
            "/both",
            "/told",
            "/key-or-near",
            "/nowhere",
            "/first/../x",
        ] {
            send("apis", target, &bearer(token)).await;
        }
        send(
            "apis",
            &format!("/first?access_token={}", &token[..64.min(token.len())]),
            "Accept: */*",
        )
        .await;
        send(
            "apis",
            "/first",
            &format!("Authorization: Bearer {token} {token}"),
        )
        .await;
        send("apis", "/first", &format!("Authorization : Bearer {token}")).await;
        send("apis", "/first", &format!("Authorization: {token}")).await;
        secrets.extend(
            token
                .split('.')
                .filter(|part| part.len() > 40)
                .map(str::to_owned),
        );
    }
    for key in [
        API_KEY,
        NIGHT_KEY,
        "a-wrong-key-that-is-long-enough-to-be-one",
    ] {
        let basic = STANDARD.encode(format!("payroll:{key}"));
        send("legacy", "/any/x", &format!("X-Api-Key: {key}")).await;
        send("legacy", "/any/x", &format!("Authorization: Basic {basic}")).await;
        send("legacy", "/any/x?status=401", &format!("X-Api-Key: {key}")).await;
        send("legacy", "/any/\u{1}", &format!("X-Api-Key: {key}")).await;
        secrets.extend([key.to_owned(), basic]);
    }
    let ours = contoso.echo.last().unwrap();
    let ours = ours
        .header("authorization")
        .unwrap()
        .trim_start_matches("Bearer ")
        .to_owned();
    assert!(ours.starts_with("ey"), "our token went upstream");
    secrets.extend(ours.split('.').map(str::to_owned));
    contoso.issuer.token_endpoint().fail_next(1000, 400, None);
    doors.issuer.stop().await;
    send("apis", "/first", &bearer(&presented[2])).await;

    let id = program.id().unwrap().to_string();
    let stopped = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap();
    assert!(stopped.success());
    program.wait().await.unwrap();
    for name in ["stdout", "stderr"] {
        let text = written(name);
        assert!(!text.contains("panicked"), "{name}: {text}");
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{name} holds {secret}");
        }
    }
    let lines = written("stdout") + &written("stderr");
    assert!(
        lines.contains("\"reason\":\"token_expired\""),
        "the access lines are among what was read"
    );
}

#[test]
fn no_debug_output_of_a_configuration_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let pair = bearergate::fake::KeyPair::generate("mail").unwrap();
    std::fs::write(
        folder.path().join("mail.pfx"),
        pair.pkcs12("a passphrase").unwrap(),
    )
    .unwrap();
    std::fs::write(folder.path().join("mail.pass"), "a passphrase").unwrap();
    let yaml = r#"
version: 1
listeners: { legacy: { address: 127.0.0.1:0 } }
identities:
  one:
    entra: { tenant: 5e0699a2-7e10-4d08-8ebb-4f7d7406ad09, client_id: bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc }
    credentials: [secret: { file: client.secret }]
  two:
    entra: { tenant: 5e0699a2-7e10-4d08-8ebb-4f7d7406ad09, client_id: bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc }
    credentials: [certificate: { file: mail.pfx, passphrase: { file: mail.pass } }]
routes:
  - id: inbox
    listener: legacy
    match: { path: /x }
    callers: [api_key: { id: payroll, key: { file: payroll.key } }]
    upstream: { url: https://graph.microsoft.com }
    token: { identity: one, scope: https://graph.microsoft.com/.default }
"#;
    let config = bearergate::config::Config::parse(yaml, "x.yaml", folder.path());
    let text = match config {
        Ok(config) => format!("{config:?} {config:#?}"),
        Err(problems) => panic!("{problems}"),
    };
    for secret in [CLIENT_SECRET, API_KEY, "a passphrase", "PRIVATE"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
