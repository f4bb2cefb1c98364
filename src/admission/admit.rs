//! The one screen that explains the product: which route, who is calling, may it come in, and
//! whose token goes on. Everything that decides goes through here, whoever asks.

use std::pin::pin;
use std::sync::Arc;

use super::{Denial, Passage, Plan, Refusal, guard, next};
use crate::clock::UnixTime;
use crate::outbound::Carried;
use crate::policy::Permit;
use crate::reason::Reason;
use crate::request::{AccessRequest, AllowedForms, Params};
use crate::routing::{Route, RouteMiss};

/// A request that may go on. Only `admit` makes one, and without one nothing is forwarded.
pub struct Admission {
    route: Arc<Route>,
    permit: Permit,
    token: Carried,
}

impl Admission {
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    pub fn token(&self) -> &Carried {
        &self.token
    }
}

/// A denial knows its route, and the principal where one was proven. `passage` is what the request takes
/// up of limits and waited for, also where it is denied.
pub async fn admit(
    plan: &Plan,
    request: AccessRequest<'_>,
    now: UnixTime,
    passage: &mut Passage,
) -> Result<Admission, Denial> {
    let at_the_door = passage.held.at_the_door(plan, request);
    at_the_door.map_err(Denial::unrouted)?;
    let found = plan.routes.find(request);
    let (route, params) = found.map_err(|miss| Denial::unrouted(unrouted(miss, request)))?;
    let decided = decide(plan, route, &params, request, now, passage).await;
    let admission = decided.map_err(|why| why.on(route))?;
    next::refuses(plan, &admission, request, now)?;
    Ok(admission)
}

/// What only a route could have let pass is told, where none was found.
pub(super) fn unrouted(miss: RouteMiss, request: AccessRequest<'_>) -> Refusal {
    let path = &request.head.path;
    match miss {
        RouteMiss::NoRoute | RouteMiss::MethodNotAllowed { .. } if !path.forms().are_none() => {
            let why = AllowedForms::default().allow(path).err();
            Refusal::Guard {
                reason: Reason::BadPath,
                detail: why.map(|why| why.to_string()).unwrap_or_default(),
            }
        }
        RouteMiss::MethodNotAllowed { .. } if request.head.is_overridden => {
            let reason = Reason::MethodOverrideNotAllowed;
            let detail = reason.sentence().to_owned();
            Refusal::Guard { reason, detail }
        }
        miss => Refusal::Route(miss),
    }
}

async fn decide(
    plan: &Plan,
    route: &Arc<Route>,
    params: &Params,
    request: AccessRequest<'_>,
    now: UnixTime,
    passage: &mut Passage,
) -> Result<Admission, Refusal> {
    guard::check(route, request)?;
    passage.held.of_address(plan, route, request)?;
    let proven = {
        let identifying = pin!(route.gate.identify(request, now));
        passage.through("fetch keys", || None, identifying).await?
    };
    let permit = route.gate.authorize(proven, params)?;
    passage.held.of_caller(plan, route, &permit)?;
    let acquired = {
        let acquiring = pin!(route.egress.token(&permit, now));
        let whose = || identity(route);
        passage.through("acquire token", whose, acquiring).await
    };
    match acquired {
        Ok(token) => Ok(Admission {
            route: Arc::clone(route),
            permit,
            token,
        }),
        Err(why) => Err(Refusal::Token {
            why,
            principal: permit.principal().clone(),
        }),
    }
}

/// Whose token a route carries.
fn identity(route: &Route) -> Option<(&'static str, String)> {
    let identity = route.definition.token.identity()?;
    Some(("bearergate.identity", identity.to_string()))
}
