//! Limits: what each must say to be one.

use super::context::{Context, rules};
use crate::config::file::{Limit as Written, Listener, Route};
use crate::config::value::Pace;
use crate::limit::{Limit, Rate};
use crate::located::{At, May, Or};
use crate::policy::Callers;
use crate::routing::RouteLimits;

/// The bounds of a route; `listener` is the one that it is reached by.
pub(super) fn of_route(
    context: &mut Context<'_>,
    route: &Route,
    listener: Option<&Listener>,
    callers: Option<&Callers>,
) -> RouteLimits {
    let written = &route.limits;
    let body = written.body.value().copied().map(u64::from);
    let most = listener.map(|listener| u64::from(*listener.limits.body));
    let too_large = body.zip(most).is_some_and(|(body, most)| body > most);
    rules! { context,
        too_large => written.body.node(), "the listener takes no body that is so large",
            "raise `limits.body` of the listener";
        callers == Some(&Callers::Public) => written.per_caller.node(),
            "on a public route everybody is one caller",
            "`rate` and `concurrent` are for all together, `per_address` is for each address";
    }
    let (rate, burst) = (&written.rate, &written.burst);
    let (concurrent, shared) = (&written.concurrent, &written.shared);
    RouteLimits {
        whole: made(context, rate, burst, concurrent, shared),
        per_caller: written.per_caller.get().and_then(|at| limit(context, at)),
        per_address: written.per_address.get().and_then(|at| limit(context, at)),
        body,
    }
}

/// `None` only where a problem has been noted.
pub(super) fn limit(context: &mut Context<'_>, at: &At<Written>) -> Option<Limit> {
    let Written {
        rate,
        burst,
        concurrent,
        shared,
        complete,
    } = &at.value;
    let is_empty = !rate.is_written() && !concurrent.is_written();
    let is_empty = is_empty && !burst.is_written() && shared.node().is_none();
    rules! { context,
        is_empty && *complete => at.node, "this limit limits nothing",
            "it takes `rate`, `concurrent` or both";
    }
    made(context, rate, burst, concurrent, shared)
}

fn made(
    context: &mut Context<'_>,
    rate: &May<Pace>,
    burst: &May<usize>,
    concurrent: &May<usize>,
    shared: &Or<bool>,
) -> Option<Limit> {
    let has_store = context.has_shared_store;
    rules! { context,
        !rate.is_written() => burst.node(), "`burst` is about `rate`, and there is none";
        **shared && !rate.is_written() => shared.node(), "`shared` is about `rate`, and there is none";
        **shared && rate.is_written() && !has_store => shared.node(),
            "replicas share by `state.redis`, and there is none",
            "name one there, or leave `shared` out: then each replica counts by itself";
    }
    let number = |key: &May<usize>| key.value().and_then(|number| u32::try_from(*number).ok());
    let rate = rate.value().map(|pace| Rate {
        requests: pace.requests,
        unit: pace.unit,
        burst: number(burst).unwrap_or(pace.requests),
        shared: **shared,
    });
    let concurrent = number(concurrent);
    let limits = rate.is_some() || concurrent.is_some();
    limits.then_some(Limit { rate, concurrent })
}
