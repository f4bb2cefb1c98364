//! All identities, each with the client that it is.

use std::collections::HashMap;
use std::sync::Arc;

use super::entra::entra;
use super::managed_identity::managed_identity;
use super::oauth2::oauth2;
use super::others::{Others, needs_another};
use crate::config::file::Identity;
use crate::config::resolve::context::{Context, rules};
use crate::located::{At, Named, NodeId};
use crate::outbound::{ClientDefinition, IdentityDefinition, ManagedIdentityClient};

/// All identities, in file order.
pub(in crate::config::resolve) fn identities(
    context: &mut Context<'_>,
    written: &Named<Identity>,
) -> Option<Vec<IdentityDefinition>> {
    let mut others = Others {
        written,
        made: HashMap::new(),
    };
    // Those that need no other one are known to those that do.
    let mut made = HashMap::new();
    for needs in [false, true] {
        for (name, identity) in written.iter() {
            if needs_another(identity) == needs {
                let one = self::identity(context, name, identity, &others);
                made.insert(name.as_str(), one);
            }
        }
        others.made.clone_from(&made);
    }
    let names = written.iter().map(|(name, _)| name.as_str());
    names
        .map(|name| made.get(name).cloned().flatten())
        .collect()
}

fn identity(
    context: &mut Context<'_>,
    name: &At<String>,
    identity: &Identity,
    others: &Others<'_>,
) -> Option<IdentityDefinition> {
    Some(IdentityDefinition {
        name: Arc::from(name.as_str()),
        client: client(context, name.node, identity, others)?,
        tokens: identity.tokens.fill(),
    })
}

/// The one kind of client that an identity is.
fn client(
    context: &mut Context<'_>,
    place: NodeId,
    identity: &Identity,
    others: &Others<'_>,
) -> Option<ClientDefinition> {
    let written = [
        identity.entra.is_written(),
        identity.managed_identity.is_written(),
        identity.oauth2.is_written(),
    ];
    let kinds = written.into_iter().filter(|is| *is).count();
    rules! { context,
        kinds > 1 => place, "an identity is of one kind",
            "`entra` for an app registration, `managed_identity` for the platform's own, `oauth2` for a \
             client of another server";
        kinds == 0 && identity.complete => place,
            "expected `entra`, `managed_identity` or `oauth2`";
    }
    if kinds > 1 {
        return None;
    }
    if let Some(at) = identity.managed_identity.get() {
        rules! { context,
            true => identity.credentials.node(),
                "a managed identity needs no credentials: the platform knows who runs on it";
        }
        let identity = managed_identity(context, at)?;
        let client = ManagedIdentityClient(identity);
        return Some(ClientDefinition::ManagedIdentity(client));
    }
    let no_credentials = !identity.credentials.is_written() && identity.complete;
    rules! { context,
        no_credentials && !identity.managed_identity.is_written() && kinds == 1 => place,
            "`credentials` is missing";
    }
    if let Some(at) = identity.oauth2.get() {
        return oauth2(context, identity, at, others).map(ClientDefinition::OAuth2);
    }
    entra(context, identity, others).map(ClientDefinition::Entra)
}
