//! Which route? Listener, host, path and method to one route, never to a broader one.

mod cors;
mod fold;
mod folded;
mod folded_tree;
mod index;
mod methods;
mod near_miss;
mod route;
#[cfg(test)]
pub(crate) mod samples;
mod table;
mod template;
mod tree;

pub use cors::{Cors, CorsDefinition, Origins, origin_of};
pub use route::{CallerClaim, HostPattern, Route, RouteDefinition, RouteLimits};
pub use table::{RouteMiss, Table, TableError};
pub use template::{Template, TemplateError};
