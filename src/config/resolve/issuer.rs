//! Issuers: whose tokens are accepted, and where their keys are.

use std::sync::Arc;

use super::context::{Context, rules};
use crate::config::file::Issuer;
use crate::entra::{Authority, Cloud, Tenant, Versions};
use crate::inbound::{IssuerDefinition, IssuerKind};
use crate::located::{Filled, HttpUrl, May, Named, Text};
use crate::policy::Audience;

/// All issuers, in file order.
pub(super) fn issuers(
    context: &mut Context<'_>,
    written: &Named<Issuer>,
) -> Option<Vec<IssuerDefinition>> {
    written.each(|name, issuer| {
        let keys = issuer.keys.fill();
        rules! { context,
            keys.max_stale < keys.refresh => issuer.keys.node(),
                "keys would be dropped before they are refreshed",
                "`max_stale` must not be shorter than `refresh`";
        }
        let entra = issuer.entra.value()?;
        let tenant = entra.tenant.value().copied();
        let authority = authority(context, *entra.cloud, tenant, &entra.authority);
        let versions = entra.versions.value();
        let versions = versions.and_then(|named| Versions::of(named.values().copied()));
        Some(IssuerDefinition {
            name: Arc::from(name.as_str()),
            kind: IssuerKind::Entra(authority?, versions.unwrap_or_default()),
            audiences: issuer.audiences.value().map(audiences).unwrap_or_default(),
            leeway: *issuer.leeway,
            keys,
        })
    })
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
    tenant: Option<Tenant>,
    base: &May<HttpUrl>,
) -> Option<Authority> {
    if let Some(url) = base.get() {
        rules! { context,
            // SECURITY: who can answer for this URL signs our callers' tokens and sees our secrets.
            url.is_exposed() => url.node,
                "an authority must be https, or http to a loopback address", url.less_exposed();
            !url.is_exposed() && !url.is_bare() => url.node,
                "an authority is scheme, host and port",
                "leave the path out; the tenant has a key of its own";
        }
    }
    let url = base.value().map(|url| &url.0);
    Some(Authority::new(cloud, tenant?, url))
}
