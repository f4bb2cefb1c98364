//! What operators are told of users' tokens: how many, why not, and what is to be done; never whose.

use crate::support::{World, eventually, is};
use bearergate::fake::UserState;
use serde_json::{Value, json};

use super::{ANN, BOB, ask, claims, setup, user};

const MAIL: &str = "https://graph.microsoft.com/Mail.Read";

async fn json(world: &World, path: &str) -> Value {
    world.gateway.get_admin(path).await.json()
}

/// Of the scope by which mail is read.
fn of_mail(report: &Value) -> &Value {
    let all = report["user_tokens"].as_array().unwrap();
    all.iter().find(|it| it["scope"] == MAIL).unwrap()
}

fn about_api(status: &Value) -> Option<&Value> {
    let mut all = status["attention"].as_array().unwrap().iter();
    all.find(|it| {
        it["about"] == "identity api" && it["what"].as_str().unwrap().contains("users'")
            || it["what"].as_str().unwrap().contains("user's token")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_user_is_refused_for_is_told_and_not_who_it_is() {
    let world = setup().ready().await;
    let issuer = &world.contoso.issuer;
    issuer.register(|registry| registry.with_user(ANN, UserState::SecondFactor));
    let (ann, bob) = (user(&world, ANN).mint(), user(&world, BOB).mint());
    assert_eq!(ask(&world, "/mine/x", &bob).await.status, 200);
    assert_eq!(ask(&world, "/mine/x", &bob).await.status, 200);
    let refused = ask(&world, "/mine/x", &ann).await;
    assert_eq!(refused.verdict(), is(401, "interaction_required"));

    let status = json(&world, "/status.json").await;
    let told = of_mail(&status);
    assert_eq!(told["state"], json!("well"), "it is one user's matter");
    for (member, count) in [
        ("kept", 2),
        ("found", 1),
        ("exchanged", 1),
        ("refused", 1),
        ("failed", 0),
        ("forgotten", 0),
        ("refused_in_a_row", 1),
    ] {
        assert_eq!(told[member], json!(count), "{member}: {told}");
    }
    let last = &told["last_refusal"];
    assert_eq!(last["reason"], json!("interaction_required"));
    let said = last["said"].as_str().unwrap();
    assert!(said.starts_with("AADSTS50076: the tenant demands more"));
    assert!(!last["fix"].as_str().unwrap().is_empty());
    assert!(last["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(about_api(&status), None);
    let ready = json(&world, "/readyz").await;
    assert_eq!(of_mail(&ready)["state"], json!("well"));

    let page = world.gateway.get_admin("/status").await.text();
    assert!(page.contains("AADSTS50076"), "{page}");
    for token in [&ann, &bob] {
        let claims = claims(token);
        for text in ["oid", "sub", "preferred_username", "uti"] {
            if let Some(text) = claims[text].as_str() {
                assert!(!told.to_string().contains(text), "{told}");
                assert!(!of_mail(&ready).to_string().contains(text));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pauses_the_exchange_for_everybody_is_told_until_it_is_over() {
    let setup = setup().put("/identities/api", "tokens: { cool_down: 1s }");
    let world = setup.ready().await;
    let issuer = &world.contoso.issuer;
    issuer.token_endpoint().fail_next(100, 503, Some("30"));
    let tokens: Vec<_> = (0..4)
        .map(|number| user(&world, &format!("user{number}@contoso.example")).mint())
        .collect();
    assert_eq!(ask(&world, "/mine/x", &tokens[0]).await.status, 503);
    let status = json(&world, "/status.json").await;
    assert_eq!(of_mail(&status)["state"], json!("failing"));
    assert_eq!(about_api(&status).unwrap()["severity"], json!("warning"));
    for token in &tokens[1..] {
        assert_eq!(ask(&world, "/mine/x", token).await.status, 503);
    }
    assert_eq!(issuer.token_requests(), 3, "three say enough");

    let status = json(&world, "/status.json").await;
    let told = of_mail(&status);
    assert_eq!(told["state"], json!("paused"));
    assert_eq!(told["reason"], json!("token_throttled"));
    assert_eq!(told["failed"], json!(3));
    assert!(told["last_error"].as_str().unwrap().contains("throttled"));
    assert!(
        told["paused_until"].as_str() > status["now"].as_str(),
        "{told}"
    );
    let attention = about_api(&status).unwrap();
    assert_eq!(attention["severity"], json!("critical"));
    let what = attention["what"].as_str().unwrap();
    assert!(
        what.contains(MAIL) && what.contains("asked again in"),
        "{what}"
    );
    assert!(!attention["fix"].as_str().unwrap().is_empty());
    let reply = world.gateway.get_admin("/readyz").await;
    assert_eq!(reply.status, 200, "other routes are served");
    let ready = reply.json();
    assert_eq!(of_mail(&ready)["state"], json!("paused"));
    assert_eq!(of_mail(&ready)["failure"], json!("token_throttled"));
    // Another scope of the same identity is another matter.
    issuer.token_endpoint().heal();
    assert_eq!(ask(&world, "/others/x", &tokens[0]).await.status, 200);
    let others = json(&world, "/status.json").await;
    let others = others["user_tokens"].as_array().unwrap().iter();
    let mut others = others.filter(|it| it["scope"] != MAIL);
    assert_eq!(others.next().unwrap()["state"], json!("well"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_somebody_is_served_nothing_of_an_outage_is_told() {
    let setup = setup().put("/identities/api", "tokens: { cool_down: 1s }");
    let world = setup.ready().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(3, 500, None);
    for number in 0..3 {
        let token = user(&world, &format!("user{number}@contoso.example")).mint();
        assert_eq!(ask(&world, "/mine/x", &token).await.status, 503);
    }
    assert_eq!(
        of_mail(&json(&world, "/readyz").await)["state"],
        json!("paused")
    );
    let bob = user(&world, BOB).mint();
    eventually("the pause ends", async || {
        ask(&world, "/mine/x", &bob).await.status == 200
    })
    .await;
    let status = json(&world, "/status.json").await;
    let told = of_mail(&status);
    assert_eq!(
        (&told["state"], &told["last_error"], &told["paused_until"]),
        (&json!("well"), &json!(null), &json!(null))
    );
    assert_eq!(about_api(&status), None, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_served_for_a_matter_of_each_users_own_somebody_must_look() {
    let mut setup = setup();
    setup.set(
        "/routes/0/token/scope",
        "https://graph.microsoft.com/Calendars.Read",
    );
    let world = setup.ready().await;
    for number in 0..10 {
        let token = user(&world, &format!("user{number}@contoso.example")).mint();
        let reply = ask(&world, "/mine/x", &token).await;
        assert_eq!(reply.verdict(), is(403, "consent_required"));
    }
    let status = json(&world, "/status.json").await;
    let attention = about_api(&status).unwrap();
    assert_eq!(attention["severity"], json!("warning"));
    let what = attention["what"].as_str().unwrap();
    assert!(
        what.starts_with("10 users' tokens in a row") && what.contains("AADSTS65001"),
        "{what}"
    );
    let fix = attention["fix"].as_str().unwrap();
    assert!(fix.contains("consent"), "{fix}");
}
