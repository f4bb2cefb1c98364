//! Which of the platform's identities is meant?

use std::fmt;

use crate::guid::Guid;

/// One of the identities that the platform has for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Its own (system-assigned); where it has none, the only one that was assigned to it.
    Own,
    /// Of a user-assigned identity.
    ClientId(Guid),
    /// Of a user-assigned identity's service principal: also called principal id.
    ObjectId(Guid),
    /// `/subscriptions/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME`.
    ResourceId(String),
}

impl Selector {
    /// The key of the file that it is written by.
    pub(super) fn key(&self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::ClientId(_) => Some("client_id"),
            Self::ObjectId(_) => Some("object_id"),
            Self::ResourceId(_) => Some("resource_id"),
        }
    }

    pub(super) fn value(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::ClientId(id) | Self::ObjectId(id) => Some(id.to_string()),
            Self::ResourceId(id) => Some(id.clone()),
        }
    }
}

/// As an operator reads it: `client_id 7c6e…`, or `its own`.
impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => out.write_str("its own"),
            Self::ClientId(id) => write!(out, "client_id {id}"),
            Self::ObjectId(id) => write!(out, "object_id {id}"),
            Self::ResourceId(id) => write!(out, "resource_id {id}"),
        }
    }
}
