//! Acting for the user who calls, through the real gateway, against an issuer that verifies what is put to it.

mod apart;
mod attacked;
mod chaos;
mod exchange;
mod lives;
mod purged;
mod refusals;
mod told;
mod upstream;

use crate::support::{Reply, Setup, World};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::fake::{Contoso, TokenBuilder};
use serde_json::Value;

const ANN: &str = "ann@contoso.example";
const BOB: &str = "bob@contoso.example";

fn setup() -> Setup {
    Setup::of("on-behalf-of.yaml")
}

/// A token of this user for the API, by the client that calls it.
fn user(world: &Setup, name: &str) -> TokenBuilder {
    world.token().user(name).scope("access_as_user")
}

/// A token of the client itself.
fn app(world: &Setup) -> TokenBuilder {
    world.token()
}

async fn ask(world: &World, target: &str, token: &str) -> Reply {
    let headers = [format!("Authorization: Bearer {token}")];
    world.gateway.get("apis", target, &headers).await
}

/// The claims of a compact token, or of an `Authorization` field with one.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Of what the upstream was sent last.
fn carried(world: &World) -> Value {
    claims(&world.echoed("authorization"))
}

const GRAPH: &str = "https://graph.microsoft.com";
const API: &str = Contoso::CALC_API;
