//! Limits: what each must say to be one.

use super::context::{Context, rules};
use crate::config::file::{Limit as Written, Listener, Route};
use crate::config::value::Pace;
use crate::limit::{Limit, Rate};
use crate::located::{At, May};
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
    let (rate, burst, concurrent) = (&written.rate, &written.burst, &written.concurrent);
    RouteLimits {
        whole: made(context, rate, burst, concurrent),
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
        complete,
    } = &at.value;
    let is_empty = !rate.is_written() && !concurrent.is_written() && !burst.is_written();
    rules! { context,
        is_empty && *complete => at.node, "this limit limits nothing",
            "it takes `rate`, `concurrent` or both";
    }
    made(context, rate, burst, concurrent)
}

fn made(
    context: &mut Context<'_>,
    rate: &May<Pace>,
    burst: &May<usize>,
    concurrent: &May<usize>,
) -> Option<Limit> {
    rules! { context,
        !rate.is_written() => burst.node(), "`burst` is about `rate`, and there is none";
    }
    let number = |key: &May<usize>| key.value().and_then(|number| u32::try_from(*number).ok());
    let rate = rate.value().map(|pace| Rate {
        requests: pace.requests,
        unit: pace.unit,
        burst: number(burst).unwrap_or(pace.requests),
    });
    let concurrent = number(concurrent);
    let limits = rate.is_some() || concurrent.is_some();
    limits.then_some(Limit { rate, concurrent })
}
