//! The names that one part of the file gives and another refers to.

use std::collections::HashMap;

use super::context::Context;
use crate::config::file::{Identity, Issuer, Listener};
use crate::located::{At, Name, Named, suggestion};

/// The names a route may refer to.
pub(super) struct Known<'f> {
    pub(super) listeners: Names<'f, Listener>,
    pub(super) issuers: Names<'f, Issuer>,
    pub(super) identities: Names<'f, Identity>,
}

/// What has a name.
pub(super) struct Names<'f, T> {
    kind: &'static str,
    /// A name whose definition could not be read is known all the same.
    values: HashMap<&'f str, Option<&'f T>>,
    /// What has no name here was never given one.
    complete: bool,
}

impl<'f, T> Names<'f, T> {
    /// `complete`: no key is misspelt that could have held them.
    pub(super) fn new(kind: &'static str, named: Option<&'f Named<T>>, complete: bool) -> Self {
        let values: HashMap<_, _> = named.map(Named::by_name).unwrap_or_default();
        let complete = complete || !values.is_empty();
        Self {
            kind,
            values,
            complete,
        }
    }

    /// What the name stands for; noted where it is nobody's.
    pub(super) fn find(&self, context: &mut Context<'_>, name: Option<&At<Name>>) -> Option<&'f T> {
        let name = name?;
        let value = self.values.get(&*name.0);
        if value.is_none() && self.complete {
            let message = format!("there is no {} `{}`", self.kind, name.0);
            let hint = self.others(&name.0);
            context.problem(name.node, message).hint(hint);
        }
        *value?
    }

    /// What the name stands for, where that could be read.
    pub(super) fn named(&self, name: &str) -> Option<&'f T> {
        *self.values.get(name)?
    }

    fn others(&self, name: &str) -> String {
        // Sorted, so that the same file always gets the same words.
        let mut names: Vec<_> = self.values.keys().copied().collect();
        names.sort_unstable();
        suggestion(name, names.iter().copied()).unwrap_or_else(|| match names.len() {
            0 => format!("the file defines no {}", self.kind),
            1..=8 => format!("there is: {}", names.join(", ")),
            count => format!("there are {count} of them, none with a name like it"),
        })
    }
}
