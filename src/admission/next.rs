//! Whom does the plan refuse that is about to take this one's place? It is there, and waits for keys and
//! tokens that are new to it. Whom it refuses is refused at once, for who revokes a key must not wait for
//! an issuer; whom it lets in beyond this one has to wait. What it cannot judge yet is judged by this one
//! alone.

use super::admit::unrouted;
use super::{Admission, Denial, Plan, Refusal, guard};
use crate::clock::UnixTime;
use crate::policy::Principal;
use crate::request::{AccessRequest, Params};
use crate::routing::Route;

/// Asks the next plan, where there is one, about what this one lets in.
pub(super) fn refuses(
    plan: &Plan,
    admission: &Admission,
    request: AccessRequest<'_>,
    now: UnixTime,
) -> Result<(), Denial> {
    let next = plan.next.load();
    let Some(next) = &*next else {
        return Ok(());
    };
    let found = next.routes.find(request);
    let (route, params) = found.map_err(|miss| Denial::unrouted(unrouted(miss, request)))?;
    judge(route, &params, admission.permit().principal(), request, now).map_err(|why| why.on(route))
}

fn judge(
    route: &Route,
    params: &Params,
    principal: &Principal,
    request: AccessRequest<'_>,
    now: UnixTime,
) -> Result<(), Refusal> {
    guard::check(route, request)?;
    let (proven, unproven) = route.gate.identify_now(request, now)?;
    // SECURITY: only who came in by a token is excused by one that cannot be proven yet: a revoked key is
    // none the better for a token beside it.
    if unproven && matches!(principal, Principal::Token(_)) {
        return Ok(());
    }
    route.gate.authorize(proven, params)?;
    Ok(())
}
