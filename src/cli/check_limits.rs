//! How much does the plan let through? The limits of listeners and routes, one a line.

use bytesize::ByteSize;

use crate::config::Config;
use crate::edge::ListenerDefinition;
use crate::routing::RouteDefinition;

/// What a listener allows to each address.
pub(super) fn at_the_door(config: &Config, listener: &ListenerDefinition) -> Option<String> {
    let mut doors = config.doors.iter();
    let (_, limit) = doors.find(|(name, _)| *name == listener.name)?;
    Some(format!("  each address {limit}"))
}

pub(super) fn of_route(route: &RouteDefinition) -> Vec<String> {
    let limits = &route.limits;
    let each = [
        ("", limits.whole),
        ("each caller ", limits.per_caller),
        ("each address ", limits.per_address),
    ];
    let each = each.into_iter();
    let lines = each.filter_map(|(whose, limit)| Some(format!("{whose}{}", limit?)));
    let body = limits.body.map(ByteSize::b);
    let body = body.map(|most| format!("bodies up to {}", most.display().iec()));
    let end = route
        .end_with_token
        .then_some("until the caller's token ends");
    lines.chain(body).chain(end.map(str::to_owned)).collect()
}
