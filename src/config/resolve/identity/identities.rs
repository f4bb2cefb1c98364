//! All identities, each with the client that it is.

use std::sync::Arc;

use super::entra::entra;
use crate::config::file::Identity;
use crate::config::resolve::context::Context;
use crate::located::Named;
use crate::outbound::{ClientDefinition, IdentityDefinition};

/// All identities, in file order.
pub(in crate::config::resolve) fn identities(
    context: &mut Context<'_>,
    written: &Named<Identity>,
) -> Option<Vec<IdentityDefinition>> {
    written.each(|name, identity| {
        Some(IdentityDefinition {
            name: Arc::from(name.as_str()),
            client: ClientDefinition::Entra(entra(context, identity)?),
            tokens: identity.tokens.fill(),
        })
    })
}
