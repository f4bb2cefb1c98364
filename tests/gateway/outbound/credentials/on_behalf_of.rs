//! Users are acted for whatever proves the application: each kind of credential in an exchange that an issuer
//! verifies, and the next one where one is refused.

use crate::outbound::managed_identity::{ASSIGNED, machine, within};
use crate::support::{Connection, Process, Setup, World, is};
use bearergate::fake::{AppRegistration, Contoso, KeyPair};
use serde_json::{Value, json};

use super::{in_an_hour, proof, signed};

const API: &str = Contoso::CALC_API;
const BROKER: (&str, &str, &str) = (
    "https://broker.example",
    "gateway",
    "api://AzureADTokenExchange",
);

/// An API that acts for its users, proven like this.
fn proven_by(credentials: &str) -> Setup {
    let mut setup = Setup::of("on-behalf-of.yaml");
    setup.set(
        "/identities/api/credentials",
        &format!("[{{ {credentials} }}]"),
    );
    let folder = setup.folder().display().to_string();
    setup.fill("FOLDER", folder)
}

fn registered(setup: &Setup, change: impl FnOnce(AppRegistration) -> AppRegistration) {
    let issuer = &setup.contoso.issuer;
    issuer.register(|registry| registry.with_app_changed(API, change));
}

/// What a broker says of us, which the application trusts.
fn brokered(setup: Setup) -> Setup {
    let broker = KeyPair::generate("broker").unwrap();
    let (issuer, subject, audience) = BROKER;
    let claims = json!({ "iss": issuer, "sub": subject, "aud": audience, "exp": in_an_hour() });
    let der = broker.certificate().to_der().unwrap();
    registered(&setup, |app| app.federated(BROKER, &der).unwrap());
    setup.file("assertion", signed(&claims, &broker))
}

fn anns(setup: &Setup) -> String {
    let token = setup.token().user("ann@contoso.example");
    token.scope("access_as_user").mint()
}

fn header(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// Ann's request, which goes on with a token of hers that this application was given.
async fn acts_for_ann(world: &World) {
    let token = anns(world);
    let reply = world
        .gateway
        .get("apis", "/mine/x", &[header(&token)])
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    is_anns(world, &token);
}

fn is_anns(setup: &Setup, token: &str) {
    let (theirs, ours) = (
        crate::outbound::claims(token),
        crate::outbound::claims(&setup.echoed("authorization")),
    );
    assert_eq!(ours["oid"], theirs["oid"]);
    assert_eq!(
        (&ours["appid"], &ours["scp"]),
        (&json!(API), &json!("Mail.Read"))
    );
    let asked = setup.contoso.issuer.last_token_request().unwrap();
    assert_eq!(asked.field("assertion"), Some(token));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_a_file_and_assertions_of_a_file_and_of_a_command() {
    for credential in [
        "federated_token: { file: assertion }",
        "assertion: { file: assertion }",
        "exec: { command: [/bin/cat, $FOLDER/assertion] }",
    ] {
        let world = brokered(proven_by(credential)).ready().await;
        acts_for_ann(&world).await;
        assert_eq!(proof(&world), "client_assertion", "{credential}");
        let asked = world.contoso.issuer.last_token_request().unwrap();
        let shown = crate::outbound::claims(asked.field("client_assertion").unwrap());
        assert_eq!(shown["iss"], json!(BROKER.0), "{credential}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_a_command_prints() {
    let secret = "exec: { command: [/bin/cat, $FOLDER/api.secret], prints: secret }";
    let world = proven_by(secret).ready().await;
    acts_for_ann(&world).await;
    assert_eq!(proof(&world), "client_secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_credential_is_used_for_users_too_and_no_user_notices() {
    let setup = proven_by("secret: { file: old.secret } }, { secret: { file: api.secret }");
    let world = setup
        .file("old.secret", "a-secret-that-was-taken-away")
        .ready()
        .await;
    acts_for_ann(&world).await;
    let issuer = &world.contoso.issuer;
    assert_eq!(issuer.token_requests(), 2);
    // Another user's is not tried by it first.
    let bob = world.token().user("bob@contoso.example");
    let bob = header(&bob.scope("access_as_user").mint());
    let reply = world.gateway.get("apis", "/mine/x", &[bob]).await;
    assert_eq!((reply.status, issuer.token_requests()), (200, 3));
    let status: Value = world.gateway.get_admin("/status.json").await.json();
    let credentials = &status["identities"][0]["credentials"];
    assert!(credentials[0]["refused_because"].is_string(), "{status}");
    assert_eq!(credentials[1]["in_use"], json!(true), "{status}");
    assert_eq!(status["user_tokens"][0]["state"], json!("well"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_had_is_the_gateways_trouble_and_no_users() {
    let failing = "exec: { command: [/bin/sh, -c, 'echo the slot is empty >&2; exit 4'] }";
    let world = proven_by(failing).ready().await;
    let token = header(&anns(&world));
    let reply = world.gateway.get("apis", "/mine/x", &[token]).await;
    assert_eq!(reply.verdict(), is(503, "credential_unavailable"));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.header("www-authenticate"), None);
    assert_eq!(world.contoso.issuer.token_requests(), 0);
    let detail = world.gateway.lines(1).await[0]["detail"].to_string();
    assert!(detail.contains("the slot is empty"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_identity_that_the_application_trusts() {
    let setup = proven_by(&format!("managed_identity: {{ client_id: {ASSIGNED} }}"));
    let (machine, platform) = machine(&setup, Contoso::CALC_TENANT);
    let (object, _) = machine.ids(ASSIGNED).unwrap();
    let entra = format!(
        "https://login.microsoftonline.com/{}/v2.0",
        Contoso::CALC_TENANT
    );
    let signer = setup.contoso.issuer.signing_key();
    let signer = signer.certificate_der().unwrap();
    registered(&setup, |app| {
        let record = (entra.as_str(), object.as_str(), BROKER.2);
        app.federated(record, &signer).unwrap()
    });
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", platform.base())];
    let process = Process::serve_as(&setup.written(), |command| {
        within(command, &variables);
    })
    .await;
    let token = anns(&setup);
    let mut connection = Connection::open(process.address("apis")).await;
    let request = format!(
        "GET /mine/x HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
        header(&token)
    );
    connection.send(request).await;
    let reply = connection.reply().await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    is_anns(&setup, &token);
    let asked = setup.contoso.issuer.last_token_request().unwrap();
    let shown = crate::outbound::claims(asked.field("client_assertion").unwrap());
    assert_eq!(shown["azp"], json!(ASSIGNED));
    process.stop().await;
}
