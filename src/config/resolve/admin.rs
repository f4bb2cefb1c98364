//! The second listener, and who may see more on it than probes and metrics.

use std::sync::Arc;

use super::callers::{keys, observers};
use super::context::{Context, rules};
use super::names::Known;
use super::route::{Seen, check_keys};
use super::tls::tls;
use crate::config::AdminDefinition;
use crate::config::file::{Admin, Observer};
use crate::located::At;
use crate::policy::Callers;

pub(super) fn admin(
    context: &mut Context<'_>,
    known: &Known<'_>,
    seen: &mut Seen,
    written: &Admin,
) -> Option<AdminDefinition> {
    let tls = written.tls.optional(|at| tls(context, at));
    let callers = written
        .callers
        .optional(|at| callers(context, known, seen, at));
    Some(AdminDefinition {
        address: *written.address.value()?,
        tls: tls?,
        callers: callers?,
    })
}

fn callers(
    context: &mut Context<'_>,
    known: &Known<'_>,
    seen: &mut Seen,
    written: &At<Vec<At<Observer>>>,
) -> Option<Arc<Callers>> {
    rules! { context,
        written.is_empty() => written.node, "an empty list lets nobody in",
            "name who may see the status page";
    }
    let callers = observers(context, known, written)?;
    let given = written.iter().map(|entry| &entry.api_key);
    check_keys(context, seen, "admin", keys(given, &callers));
    Some(Arc::new(callers))
}
