//! Tokens that outlive the process: what a restart finds in the state file, and what it must not take
//! from there.

use std::fs;

use serde_json::Value;

use crate::support::{Setup, World, eventually, is};

use super::setup;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn with_state() -> Setup {
    let setup = setup().file("state.key", KEY);
    setup.put("/state", "{ key: { file: state.key }, file: state }")
}

/// A gateway that has a token, and has kept it.
async fn served() -> World {
    let world = with_state().start().await;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    kept(&world, 1).await;
    world
}

/// Waits until the file has so many tokens.
async fn kept(setup: &Setup, count: usize) {
    eventually("the file is written", async || {
        let text = fs::read_to_string(setup.path("state")).unwrap_or_default();
        text.lines().count() == count + 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_during_an_outage_goes_on_with_the_token_from_before() {
    let mut world = served().await;
    let first = world.echoed("authorization");
    let text = fs::read_to_string(world.path("state")).unwrap();
    assert!(!text.contains(&first[20..60]), "{text}");
    world.gateway.drain().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(u32::MAX, 500, None);

    let again = world.setup.gateway().await;
    again.ask_for_tokens();
    for _ in 0..5 {
        assert_eq!(again.ask("/mail/x").await.status, 200);
        assert_eq!(world.echoed("authorization"), first);
    }
    assert_eq!(world.contoso.issuer.token_requests(), 1, "nobody was asked");
    let metrics = again.get_admin("/metrics").await.text();
    for told in [
        "bearergate_tokens_remembered_total{identity=\"mail\"} 1",
        "bearergate_token_fetches_total{identity=\"mail\",outcome=\"success\"} 0",
        "bearergate_state_well{store=\"file\"} 1",
        "bearergate_state_operations_total{outcome=\"found\",store=\"file\"} 1",
    ] {
        assert!(metrics.contains(told), "{told} in\n{metrics}");
    }
    let ready = again.get_admin("/readyz").await.json();
    assert_eq!(ready["stores"][0]["place"], "file");
    assert_eq!(ready["stores"][0]["state"], "well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_found_by_none_but_the_same_client_for_the_same_scope_with_the_same_credential()
{
    let mut world = served().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(u32::MAX, 500, None);
    let same = world.setup.gateway().await;
    assert_eq!(same.ask("/mail/x").await.status, 200, "the same finds it");
    let secret = world.contoso.mail_secret.expose().clone();
    let identity = |text: &str| {
        let credentials = "credentials: [secret: { file: mail.secret }]";
        format!("{{ mail: {{ entra: {{ {text} }}, {credentials} }} }}")
    };
    let tenant = "tenant: $MAIL_TENANT, client_id: $MAIL_CLIENT, authority: $ISSUER";
    for (what, place, yaml, mail_secret) in [
        (
            "scope",
            "/routes/0/token/scope",
            "api://other/.default".to_owned(),
            secret.clone(),
        ),
        (
            "tenant",
            "/identities",
            identity(&tenant.replace("MAIL_TENANT", "CALC_TENANT")),
            secret.clone(),
        ),
        (
            "client",
            "/identities",
            identity(&tenant.replace("MAIL_CLIENT", "CALC_CLIENT")),
            secret.clone(),
        ),
        (
            "endpoint",
            "/identities",
            identity(&format!("{tenant}, endpoint: v1")),
            secret.clone(),
        ),
        (
            "credential",
            "/identities",
            identity(tenant),
            "another secret".to_owned(),
        ),
        (
            "key",
            "/state",
            "{ key: { file: other.key }, file: state }".to_owned(),
            secret.clone(),
        ),
    ] {
        let (tree, text) = (world.tree.clone(), fs::read(world.path("state")).unwrap());
        world.setup.set(place, &yaml);
        fs::write(world.path("mail.secret"), mail_secret).unwrap();
        fs::write(world.path("other.key"), OTHER_KEY).unwrap();
        let gateway = world.setup.gateway().await;
        let reply = gateway.ask("/mail/x").await;
        assert_eq!(
            reply.verdict(),
            is(503, "token_unavailable"),
            "another {what}"
        );
        assert_eq!(
            fs::read(world.path("state")).unwrap(),
            text,
            "nothing was lost"
        );
        world.setup.tree = tree;
    }
    fs::write(world.path("mail.secret"), secret).unwrap();
    let same = world.setup.gateway().await;
    assert_eq!(same.ask("/mail/x").await.status, 200, "the same still does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_purged_is_in_no_file_any_more() {
    let mut world = served().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(u32::MAX, 500, None);
    let order = "POST /tokens/purge HTTP/1.1\r\nHost: localhost\r\nX-Bearergate-Order: yes\r\n\r\n";
    assert_eq!(world.gateway.raw("admin", order).await.status, 202);
    kept(&world, 0).await;
    world.gateway.drain().await;
    let again = world.setup.gateway().await;
    assert_eq!(again.ask("/mail/x").await.status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_is_taken_over_while_it_runs_and_keeps_the_token_in_hand() {
    let mut world = served().await;
    let first = world.echoed("authorization");
    let first_line = |world: &World| {
        let text = fs::read_to_string(world.path("state")).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let before = first_line(&world);
    fs::write(world.path("state.key"), OTHER_KEY).unwrap();
    world.gateway.reload(world.setup.config()).await.unwrap();
    eventually("it is kept anew", async || first_line(&world) != before).await;
    kept(&world, 1).await;
    world.gateway.drain().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(u32::MAX, 500, None);
    let again = world.setup.gateway().await;
    assert_eq!(again.ask("/mail/x").await.status, 200);
    assert_eq!(world.echoed("authorization"), first);
    let ready: Value = again.get_admin("/readyz").await.json();
    assert_eq!(ready["ready"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_file_can_be_written_that_is_told_and_no_request_fails() {
    let mut setup = with_state();
    fs::create_dir(setup.path("folder")).unwrap();
    setup.set("/state/file", "folder/state");
    let config = setup.text();
    let world = setup.start().await;
    assert!(config.contains("folder/state"));
    fs::remove_dir(world.path("folder")).unwrap();
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    eventually("it is told", async || {
        let ready = world.gateway.get_admin("/readyz").await.json();
        ready["ready"] == true && ready["stores"][0]["state"] == "of_no_use"
    })
    .await;
    let status = world.gateway.get_admin("/status.json").await.json();
    let attention = status["attention"].as_array().unwrap();
    let about = attention.iter().find(|it| it["about"] == "state").unwrap();
    assert_eq!(about["severity"], "warning");
    assert!(
        about["what"].as_str().unwrap().contains("No such file"),
        "{about}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_tampered_with_serves_nobody() {
    let mut world = served().await;
    world.gateway.drain().await;
    let issuer = &world.contoso.issuer;
    issuer.token_endpoint().fail_next(u32::MAX, 500, None);
    let text = fs::read_to_string(world.path("state")).unwrap();
    let (head, line) = text.trim_end().split_once('\n').unwrap();
    let [name, end, sealed] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let changed = |text: &str, place: usize| {
        let other = if &text[place..=place] == "1" {
            "2"
        } else {
            "1"
        };
        format!("{}{other}{}", &text[..place], &text[place + 1..])
    };
    let later = (end.parse::<u64>().unwrap() + 3600).to_string();
    let lines = [
        format!("{name} {later} {sealed}"),
        format!("{} {end} {sealed}", changed(name, 0)),
        format!("{name} {end} {}", changed(sealed, 0)),
        format!("{name} {end} {}", changed(sealed, sealed.len() / 2)),
        format!("{name} {end} {}", changed(sealed, sealed.len() - 8)),
        format!("{name} {end} {}", &sealed[..sealed.len() - 8]),
        format!("{name} {end} {}", &sealed[..8]),
        line.to_owned(),
    ];
    for (number, tampered) in lines.iter().enumerate() {
        let file = format!("state-{number}");
        fs::copy(world.path("state"), world.path(&file)).unwrap();
        fs::write(world.path(&file), format!("{head}\n{tampered}\n")).unwrap();
        world.setup.set("/state/file", &file);
        let gateway = world.setup.gateway().await;
        let reply = gateway.ask("/mail/x").await;
        match tampered == line {
            false => assert_eq!(reply.verdict(), is(503, "token_unavailable"), "{tampered}"),
            true => assert_eq!(reply.status, 200, "what is whole serves"),
        }
    }
}
