//! What is told of the gateway itself, and that the page of it in `docs` has every word.

use std::collections::BTreeSet;

use super::*;
use crate::support::{Connection, Process, eventually};

/// What somebody is to look at, by what it is about.
fn about<'s>(status: &'s Value, about: &str) -> &'s Value {
    let all = status["attention"].as_array().unwrap();
    let found = all.iter().find(|it| it["about"] == about);
    found.unwrap_or_else(|| panic!("nothing about {about}: {}", status["attention"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_entra_refuses_is_said_with_its_fix() {
    let setup = Setup::of("outbound.yaml").file("mail.secret", "a-secret-that-is-none-of-its");
    let world = setup.start().await;
    world.gateway.ask_for_tokens();
    eventually("the refusal", async || {
        status(&world).await["identities"][0]["last_error"].is_string()
    })
    .await;
    let status = status(&world).await;
    let identity = &status["identities"][0];
    assert_eq!(
        (&identity["state"], &identity["reason"]),
        (&"no_token".into(), &"token_refused".into())
    );
    let said = identity["last_error"].as_str().unwrap();
    assert!(
        said.contains("7000215") && said.contains("secret's Value"),
        "{said}"
    );
    let attention = about(&status, "identity mail");
    assert_eq!(attention["severity"], "critical");
    assert!(attention["what"].as_str().unwrap().contains("7000215"));
    assert!(attention["fix"].as_str().unwrap().contains("AADSTS"));
    assert!(page(&world).await.text().contains("AADSTS7000215"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_hand_is_told_of_and_not_shown() {
    let world = mail().await;
    assert_eq!(world.gateway.ask(&inbox("")).await.status, 200);
    let status = status(&world).await;
    let identity = &status["identities"][0];
    assert_eq!(identity["state"], "token_held");
    assert_eq!(
        (
            &identity["credential"]["kind"],
            &identity["credential"]["number"]
        ),
        (&"certificate".into(), &1.into())
    );
    for time in [
        "acquired_at",
        "expires_at",
        "next_fetch_at",
        "certificate_ends_at",
    ] {
        let told = identity[time]
            .as_str()
            .unwrap_or_else(|| panic!("{time}: {identity}"));
        assert!(
            told.ends_with('Z') && told.starts_with("20"),
            "{time} {told}"
        );
    }
    assert!(!status.to_string().contains("eyJ"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_without_keys_is_the_first_thing_to_look_at() {
    let mut setup = Setup::of("calc.yaml");
    setup.stop_issuer().await;
    let world = setup.start().await;
    eventually("the failed fetch", async || {
        status(&world).await["issuers"][0]["last_error"].is_string()
    })
    .await;
    let status = status(&world).await;
    let issuer = &status["issuers"][0];
    assert_eq!(
        (&issuer["keys"], &issuer["needed"]),
        (&0.into(), &true.into())
    );
    assert!(issuer["next_fetch_at"].is_string(), "{issuer}");
    assert_eq!(about(&status, "issuer contoso")["severity"], "critical");
    assert_eq!(about(&status, "gateway")["severity"], "critical");
    assert_eq!(status["state"], "starting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_configuration_runs_and_what_is_wrong_with_the_next() {
    let mut setup = Setup::of("calc.yaml");
    let program = Process::serve(&setup.written()).await;
    let get = async |path: &str| {
        let mut connection = Connection::open(program.address("admin")).await;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        connection.send(head).await;
        connection.reply().await.unwrap()
    };
    let read = async || get("/status.json").await.json();
    let first = read().await["configuration"].clone();
    assert_eq!(
        (&first["state"], &first["generation"]),
        (&"current".into(), &1.into())
    );
    setup.set("/routes/0/id", "renamed");
    setup.written();
    eventually("another generation", async || {
        read().await["configuration"]["generation"] == 2
    })
    .await;
    std::fs::write(
        setup.path("gate.yaml"),
        "version: 1\nlisteners: { apis: { secret: hunter2 } }\n<script>alert(1)</script>: 1\n",
    )
    .unwrap();
    eventually("a refusal", async || {
        read().await["configuration"]["state"] == "refused"
    })
    .await;
    let status = read().await;
    assert_eq!(
        status["configuration"]["generation"], 2,
        "the one before it goes on"
    );
    let attention = about(&status, "configuration");
    let what = attention["what"].as_str().unwrap();
    assert!(what.contains("gate.yaml:2:"), "{what}");
    assert!(!status.to_string().contains("hunter2"), "{status}");
    let page = get("/status").await.text();
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<script"), "{page}");
    setup.written();
    eventually("well again", async || {
        read().await["configuration"]["state"] == "current"
    })
    .await;
    let status = read().await;
    assert_eq!(status["configuration"]["generation"], 2, "nothing differs");
    let attention = status["attention"].as_array().unwrap();
    assert!(
        !attention.iter().any(|it| it["about"] == "configuration"),
        "{attention:?}"
    );
}

/// Every member that is there, as a path.
fn members(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members_of) => {
            for (name, member) in members_of {
                let place = match path {
                    "refusals.reasons" => format!("{path}.*"),
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                found.insert(place.clone());
                members(member, &place, found);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| members(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_docs_has_every_member_and_no_other() {
    let setup = Setup::of("reload.yaml").file("mail.secret", "a-secret-that-is-none-of-its");
    let setup = setup.file("state.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let setup = setup.put("/state", "{ key: { file: state.key }, file: state }");
    let world = setup.ready().await;
    world
        .gateway
        .raw("apis", "GET / HTTP/1.1\nnonsense\r\n\r\n")
        .await;
    world
        .gateway
        .get("apis", "/mail/x", &[format!("X-Api-Key: {API_KEY}")])
        .await;
    let of_mail = mail().await;
    assert_eq!(of_mail.gateway.ask(&inbox("")).await.status, 200);
    let of_users = Setup::of("on-behalf-of.yaml").ready().await;
    let blocked = bearergate::fake::UserState::Blocked;
    let issuer = &of_users.contoso.issuer;
    issuer.register(|registry| registry.with_user("ann@contoso.example", blocked));
    let token = of_users.token().user("ann@contoso.example");
    let token = token.scope("access_as_user").mint();
    let header = format!("Authorization: Bearer {token}");
    of_users.gateway.get("apis", "/mine/x", &[header]).await;
    let mut found = BTreeSet::new();
    eventually("all that there can be", async || {
        found.clear();
        for world in [&world, &of_mail, &of_users] {
            members(&status(world).await, "", &mut found);
        }
        [
            "listeners[].refused[].cause",
            "attention[].fix",
            "refusals.reasons.*.title",
            "identities[].credential.kind",
        ]
        .iter()
        .all(|it| found.contains(*it))
    })
    .await;
    let page = std::fs::read_to_string("docs/status.md").unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let documented: BTreeSet<String> = rows.map(|(member, _)| member.to_owned()).collect();
    let missing: Vec<_> = found.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&found).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing {missing:?}, unknown {unknown:?}"
    );
}
