//! A managed identity, as the client itself and as the credential of an application.

use crate::config::value::IdentityResource;
use crate::guid::Guid;
use crate::located::{May, object};

object! {
    /// An identity of the platform that the gateway runs on: `{}` is the platform's own, or the only one that was assigned to it. Otherwise one of the keys.
    ManagedIdentity "a managed identity such as `{}` or `{ client_id: … }`" {
        /// A user-assigned identity, by its client id.
        client_id: May<Guid> = "the platform's own",
        /// The same by the object (principal) id of its service principal.
        object_id: May<Guid> = "the platform's own",
        /// The same by its resource id: `/subscriptions/…/userAssignedIdentities/NAME`.
        resource_id: May<IdentityResource> = "the platform's own",
    }
}
