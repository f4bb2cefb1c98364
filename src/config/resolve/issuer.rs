//! Issuers: whose tokens are accepted, and where their keys are.

use std::sync::Arc;

use super::context::Context;
use crate::config::file::{Issuer, Keys};
use crate::entra::{Authority, Cloud, Tenant};
use crate::inbound::{IssuerDefinition, IssuerKind};
use crate::located::{At, Filled, HttpUrl, Named, Or, Text};
use crate::policy::Audience;
use crate::refresh::RefetchTimes;

/// All issuers, in file order.
pub(super) fn issuers(
    context: &mut Context<'_>,
    written: &Named<Issuer>,
) -> Option<Vec<IssuerDefinition>> {
    written.each(|name, issuer| {
        let keys = key_times(context, &issuer.keys);
        let audiences = issuer.audiences.get().map(|at| audiences(&at.value));
        let entra = &issuer.entra.get()?.value;
        let (tenant, base) = (entra.tenant.get(), entra.authority.get());
        Some(IssuerDefinition {
            name: Arc::from(name.value.as_str()),
            kind: IssuerKind::Entra(authority(context, *entra.cloud, tenant, base)?),
            audiences: audiences.unwrap_or_default(),
            leeway: *issuer.leeway,
            keys,
        })
    })
}

fn key_times(context: &mut Context<'_>, written: &Or<Keys>) -> RefetchTimes {
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
    let audience = |Text(text): &Text| match text.parse() {
        Ok(guid) => Audience::Application(guid),
        Err(_) => Audience::Literal(text.clone()),
    };
    written.values().map(audience).collect()
}

/// A tenant of a cloud, by its own base URL or another one.
pub(super) fn authority(
    context: &mut Context<'_>,
    cloud: Cloud,
    tenant: Option<&At<Tenant>>,
    base: Option<&At<HttpUrl>>,
) -> Option<Authority> {
    if let Some(At { value: url, node }) = base {
        // SECURITY: who can answer for this URL signs our callers' tokens and sees our secrets.
        if url.is_exposed() {
            let message = "an authority must be https, or http to a loopback address";
            context.problem(*node, message).hint(url.less_exposed());
        } else if !url.is_bare() {
            context
                .problem(*node, "an authority is scheme, host and port")
                .hint("leave the path out; the tenant has a key of its own");
        }
    }
    let url = base.map(|base| &base.value.0);
    Some(Authority::new(cloud, tenant?.value, url))
}
