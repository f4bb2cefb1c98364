//! The status page, and the same for programs: what it says, whom it is shown to, and what it never
//! tells.

mod observers;
mod page;
mod told;
mod why;

use serde_json::Value;

use crate::support::{API_KEY, MAILBOX, Reply, Setup, World, inbox};
use bearergate::fake::Contoso;

/// The API that adds numbers, for whom has the role.
async fn calc() -> World {
    Setup::of("calc.yaml").ready().await
}

/// The mailboxes, for who has a key.
async fn mail() -> World {
    Setup::mail(crate::support::contoso()).start().await
}

/// What programs are told.
async fn status(world: &World) -> Value {
    let reply = world.gateway.get_admin("/status.json").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

/// What people are shown.
async fn page(world: &World) -> Reply {
    let reply = world.gateway.get_admin("/status").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

/// Asks the API without the role that it wants.
async fn without_role(world: &World) -> Reply {
    let token = world.token().role("Other").mint();
    let header = format!("Authorization: Bearer {token}");
    let reply = world
        .gateway
        .get("apis", "/calc/v1/add/1/1", &[header])
        .await;
    assert_eq!(reply.reason(), "role_missing");
    reply
}

fn last(status: &Value) -> &Value {
    &status["refusals"]["requests"][0]
}
