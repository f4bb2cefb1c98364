//! A managed identity: which one is meant, and which platform it is that gives it.

use std::path::Path;

use crate::config::file::ManagedIdentity as Written;
use crate::config::resolve::context::{Context, rules};
use crate::entra::{ManagedIdentity, Platform, Selector};
use crate::located::{At, NodeId};
use crate::secret::{Secret, SecretError, SecretSource};

pub(super) fn managed_identity(
    context: &mut Context<'_>,
    at: &At<Written>,
) -> Option<ManagedIdentity> {
    let written = [
        at.client_id.is_written(),
        at.object_id.is_written(),
        at.resource_id.is_written(),
    ];
    let named = written.into_iter().filter(|is| *is).count();
    rules! { context,
        named > 1 => at.node, "a managed identity is named in one way",
            "leave all but one of `client_id`, `object_id` and `resource_id` out";
    }
    let selector = selector(at).filter(|_| named == 1);
    let platform = platform(context, at.node);
    if named == 0 {
        let (platform, selector) = (platform?, Selector::Own);
        return Some(ManagedIdentity { platform, selector });
    }
    let (platform, (selector, place)) = (platform?, selector?);
    let unfit = platform.fits(&selector).err();
    rules! { context,
        unfit.is_some() => place, format!("this runs on {platform}: {}", unfit.unwrap_or_default()),
            "write `managed_identity: {}` there";
    }
    unfit
        .is_none()
        .then_some(ManagedIdentity { platform, selector })
}

fn selector(at: &Written) -> Option<(Selector, NodeId)> {
    let client = at
        .client_id
        .get()
        .map(|it| (Selector::ClientId(it.value), it.node));
    let object = || {
        let it = at.object_id.get()?;
        Some((Selector::ObjectId(it.value), it.node))
    };
    let resource = || {
        let it = at.resource_id.get()?;
        Some((Selector::ResourceId(it.0.clone()), it.node))
    };
    client.or_else(object).or_else(resource)
}

fn platform(context: &mut Context<'_>, place: NodeId) -> Option<Platform> {
    match Platform::detect(variable, Path::exists) {
        Ok(platform) => Some(platform),
        Err(why) => {
            context.problem(place, why.to_string());
            None
        }
    }
}

/// What a variable says; nothing where it is not set, or empty.
fn variable(name: &'static str) -> Result<Option<Secret<String>>, String> {
    match SecretSource::Env(name.to_owned()).read_text() {
        Ok(text) => Ok(Some(text)),
        Err(SecretError::Unset(_) | SecretError::Empty(_)) => Ok(None),
        Err(why) => Err(why.to_string()),
    }
}
