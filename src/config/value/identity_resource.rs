//! The resource id of a user-assigned identity, as Azure Resource Manager writes it.

use crate::located::{Scalar, Wrong};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct IdentityResource(pub(in crate::config) String);

const PROVIDER: &str = "/providers/microsoft.managedidentity/userassignedidentities/";

impl Scalar for IdentityResource {
    const EXPECTED: &str = "the resource id of a user-assigned identity";
    const PATTERN: &str = "^/[Ss]ubscriptions/.+/[Uu]ser[Aa]ssigned[Ii]dentities/[^/]+$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let lower = text.to_ascii_lowercase();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        let name = lower.split_once(PROVIDER).map(|(_, name)| name);
        let is_one = lower.starts_with("/subscriptions/")
            && name.is_some_and(|name| !name.is_empty() && !name.contains('/'));
        if is_plain && is_one {
            return Ok(Self(text.to_owned()));
        }
        let form = "/subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME";
        Err(Wrong::but(Some(format!("it is {form}"))))
    }
}
