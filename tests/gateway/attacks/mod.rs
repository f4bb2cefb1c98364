//! Every way in that must stay shut, through the real gateway: token forms, header forms, paths,
//! framing. Each row has the status and the reason it must get, and nothing may reach the upstream.

mod answers;
mod path_forms;
mod requests;
mod tokens;

use crate::support::{Setup, World};
use bearergate::fake::{Contoso, TokenBuilder};

const API: &str = Contoso::CALC_API;
const TENANT: &str = Contoso::CALC_TENANT;
const CALCULATOR: &str = Contoso::CALC_CLIENT;
const OTHER_CLIENT: &str = Contoso::GUEST_CLIENT;
const USER: &str = "0b0b0b0b-1111-4222-8333-999999999999";

async fn world() -> World {
    Setup::of("attacks.yaml").ready().await
}

/// A token that is let in to `calc`; every attack changes one thing of it.
fn good(world: &World) -> TokenBuilder {
    world.token().role(Contoso::CALC_ROLE)
}
