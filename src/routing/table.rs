//! All routes, arranged so that finding one costs the same with ten thousand as with ten.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use http::Method;

use super::index::Index;
use super::{Route, RouteDefinition};
use crate::reason::Reason;
use crate::request::{AccessRequest, Head, Host, Params};

pub struct Table {
    routes: Vec<Arc<Route>>,
    index: Index,
}

/// Two routes that cannot both be meant, or one that no request reaches. Indices into the
/// definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// The route that stands in the way; the same one where a route is unreachable by itself.
    pub first: usize,
    /// The later or unreachable route, where the problem is reported.
    pub second: usize,
    pub problem: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteMiss {
    /// Nothing matches: 404.
    NoRoute,
    /// The winning pattern does not list the method: 405 with these in `Allow`.
    MethodNotAllowed { allow: Vec<Method> },
    /// Another spelling of what this narrower route takes, on other terms: 404.
    PathNotExact { narrower: Arc<str> },
}

impl RouteMiss {
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoRoute => Reason::NoRoute,
            Self::MethodNotAllowed { .. } => Reason::MethodNotAllowed,
            Self::PathNotExact { .. } => Reason::PathNotExact,
        }
    }
}

/// For the log.
impl fmt::Display for RouteMiss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathNotExact { narrower } => write!(
                out,
                "the path is another spelling of one that route `{narrower}` takes"
            ),
            _ => out.write_str(self.reason().sentence()),
        }
    }
}

impl Table {
    /// Finds routes that are equal or unreachable, before any of them is alive; in file order.
    pub fn conflicts(definitions: &[RouteDefinition]) -> Vec<TableError> {
        let (_, errors) = Index::of(definitions.iter());
        errors
    }

    /// For each route the narrower ones that take some of its paths in another spelling, on other
    /// terms. Places of the definitions.
    pub fn yielding(definitions: &[RouteDefinition]) -> Vec<Vec<usize>> {
        let (index, _) = Index::of(definitions.iter());
        let definitions = definitions.iter().enumerate();
        let yielding = definitions.clone().map(|(place, definition)| {
            let mut stricter = BTreeSet::new();
            let _ = index.each_stricter(definition, place, &mut |other| {
                if index.is_narrower(other, place) {
                    stricter.insert(other);
                }
                ControlFlow::Continue(())
            });
            stricter.into_iter().collect()
        });
        yielding.collect()
    }

    /// Arranges the routes. Definitions with conflicts must have been refused before; of two equal
    /// routes the earlier would be found.
    pub fn new(routes: Vec<Arc<Route>>) -> Self {
        let (index, _) = Index::of(routes.iter().map(|route| &route.definition));
        Self { routes, index }
    }

    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    pub fn find(&self, request: AccessRequest<'_>) -> Result<(&Arc<Route>, Params), RouteMiss> {
        let head = request.head;
        let route = self.taking(head, &head.method)?;
        let definition = &route.definition;
        let params = match definition.path.parameters().next() {
            Some(_) => definition.params(&head.path).ok_or(RouteMiss::NoRoute)?,
            None => Params::none(),
        };
        Ok((route, params))
    }

    /// The route that a request of another method would go by.
    pub fn taking(&self, head: &Head, method: &Method) -> Result<&Arc<Route>, RouteMiss> {
        let host = head.host.as_ref().map(Host::as_str);
        let place = self.index.find(&head.listener, host, &head.path, method)?;
        Ok(&self.routes[place])
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
