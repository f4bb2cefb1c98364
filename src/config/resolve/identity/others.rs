//! Identities that others sign for: each must be known before the one that it helps.

use std::collections::HashMap;

use crate::config::file::Identity;
use crate::config::resolve::context::Context;
use crate::located::{At, Name, Named, suggestion};
use crate::outbound::IdentityDefinition;

/// Those that need no other one, and the names of all.
pub(super) struct Others<'f> {
    pub(super) written: &'f Named<Identity>,
    pub(super) made: HashMap<&'f str, Option<IdentityDefinition>>,
}

/// Whether an identity needs another one to prove itself.
pub(super) fn needs_another(identity: &Identity) -> bool {
    let credentials = identity.credentials.value().map_or(&[][..], |list| &list.0);
    credentials.iter().any(|at| {
        let sign = at.certificate.value().and_then(|it| it.sign.value());
        sign.is_some_and(|sign| sign.key_vault.is_written())
    })
}

impl Others<'_> {
    /// The one of that name; noted where there is none that may be.
    pub(super) fn find(
        &self,
        context: &mut Context<'_>,
        name: &At<Name>,
    ) -> Option<IdentityDefinition> {
        if let Some(known) = self.made.get(&*name.0) {
            return known.clone();
        }
        let mut written = self.written.entries.iter();
        if written.any(|(known, _)| **known == *name.0) {
            let message = format!("identity `{}` needs another one itself to sign", name.0);
            let hint = "name one that proves itself by anything else";
            context.problem(name.node, message).hint(hint);
            return None;
        }
        let names = self.written.entries.iter().map(|(known, _)| known.as_str());
        let message = format!("there is no identity `{}`", name.0);
        context.problem(name.node, message).hint = suggestion(&name.0, names);
        None
    }
}
