//! An app registration of Entra's.

use super::credential::credential;
use crate::config::file::Identity;
use crate::config::resolve::context::{Context, rules};
use crate::config::resolve::issuer::authority;
use crate::outbound::EntraClient;

pub(super) fn entra(context: &mut Context<'_>, identity: &Identity) -> Option<EntraClient> {
    let credentials = identity.credentials.value().map_or(&[][..], |list| &list.0);
    rules! { context,
        true => credentials.get(1).map(|second| second.node),
            "more than one credential is not implemented in this version";
    }
    let credential = credentials.first().and_then(|at| credential(context, at));
    let entra = identity.entra.value()?;
    let authority = authority(context, *entra.cloud, &entra.tenant, &entra.authority);
    Some(EntraClient {
        authority: authority?,
        client_id: *entra.client_id.value()?,
        endpoint: *entra.endpoint,
        credentials: vec![credential?],
    })
}
