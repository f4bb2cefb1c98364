//! Issuers: whose tokens are accepted, and where their keys are.

use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use crate::config::file::{Issuer, Keys};
use crate::entra::{Authority, Cloud, Tenant};
use crate::inbound::{IssuerDefinition, KeyTimes};
use crate::located::{At, Filled, HttpUrl, May, Named, Or, Text};
use crate::policy::Audience;

const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);
/// More than this is no clock that runs wrong, it is a token that lives longer than it says.
const LONGEST_LEEWAY: Duration = Duration::from_secs(300);

/// All issuers, in file order.
pub(super) fn issuers(
    context: &mut Context<'_, '_, '_>,
    written: Option<&At<Named<Issuer>>>,
) -> Option<Vec<IssuerDefinition>> {
    let Some(written) = written else {
        return Some(Vec::new());
    };
    // All of them are resolved before any is missed, so that every problem is seen.
    let all: Vec<_> = written
        .value
        .iter()
        .map(|(name, issuer)| one(context, name, issuer))
        .collect();
    all.into_iter().collect()
}

fn one(
    context: &mut Context<'_, '_, '_>,
    name: &At<String>,
    issuer: &Issuer,
) -> Option<IssuerDefinition> {
    let leeway = context.within(
        &issuer.leeway,
        DEFAULT_LEEWAY,
        Duration::ZERO..=LONGEST_LEEWAY,
    );
    let keys = key_times(context, &issuer.keys);
    let audiences = issuer
        .audiences
        .get()
        .map(|at| audiences(&at.value))
        .unwrap_or_default();
    let entra = &issuer.entra.get()?.value;
    let authority = authority(
        context,
        &entra.cloud,
        entra.tenant.get(),
        entra.authority.get(),
    )?;
    Some(IssuerDefinition {
        name: Arc::from(name.value.as_str()),
        authority,
        audiences,
        leeway,
        keys,
    })
}

fn key_times(context: &mut Context<'_, '_, '_>, written: &Or<Keys>) -> KeyTimes {
    let keys = written.fill();
    if let Some(node) = written.node()
        && keys.max_stale < keys.refresh
    {
        context
            .problem(node, "keys would be dropped before they are refreshed")
            .hint("`max_stale` must not be shorter than `refresh`");
    }
    keys
}

/// Audiences, GUIDs told apart from the rest.
pub(super) fn audiences(written: &Filled<Text>) -> Vec<Audience> {
    written
        .values()
        .map(|Text(text)| match text.parse() {
            Ok(guid) => Audience::Application(guid),
            Err(_) => Audience::Literal(text.clone()),
        })
        .collect()
}

/// A tenant of a cloud, by its own base URL or another one.
pub(super) fn authority(
    context: &mut Context<'_, '_, '_>,
    cloud: &May<Cloud>,
    tenant: Option<&At<Tenant>>,
    base: Option<&At<HttpUrl>>,
) -> Option<Authority> {
    if let Some(base) = base {
        // SECURITY: who can answer for this URL signs our callers' tokens and sees our secrets.
        if base.value.is_exposed() {
            context
                .problem(
                    base.node,
                    "an authority must be https, or http to a loopback address",
                )
                .hint(base.value.less_exposed());
        } else if !base.value.is_bare() {
            context
                .problem(base.node, "an authority is scheme, host and port")
                .hint("leave the path out; the tenant has a key of its own");
        }
    }
    let url = base.map(|base| &base.value.0);
    Some(Authority::new(
        cloud.or(Cloud::default()),
        tenant?.value,
        url,
    ))
}
