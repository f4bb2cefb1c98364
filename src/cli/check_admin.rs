//! Where are probes answered, and who may see the status page? The admin listener in the plan.

use std::iter::once;

use super::check_plan::who;
use super::check_tls;
use crate::config::AdminDefinition;

pub(super) fn admin(admin: Option<&AdminDefinition>) -> Vec<String> {
    let Some(admin) = admin else {
        return vec!["none: no probes, no metrics".to_owned()];
    };
    let tls = admin.tls.as_ref().map(check_tls::spoken);
    once(admin.address.to_string())
        .chain(tls.into_iter().flatten())
        .chain(observers(admin))
        .collect()
}

/// Who may see the status page.
fn observers(admin: &AdminDefinition) -> Vec<String> {
    let Some(callers) = &admin.callers else {
        let whom = match admin.address.ip().is_loopback() {
            true => "to whoever is on this host",
            false => "to nobody: `callers` names none",
        };
        return vec![format!("  status page {whom}")];
    };
    let lines = who(callers).into_iter().map(|line| format!("    {line}"));
    once("  status page to".to_owned()).chain(lines).collect()
}
