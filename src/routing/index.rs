//! Listener, host, path and method to the place of a route: the table without what is alive.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use super::methods::Methods;
use super::tree::PathTree;
use super::{HostPattern, RouteDefinition, RouteMiss, TableError};
use crate::request::{CanonicalPath, normalised_host};

#[derive(Debug, Default)]
pub(super) struct Index {
    listeners: HashMap<Arc<str>, Hosts>,
    methods: Vec<Methods>,
}

/// The patterns of one listener by host.
#[derive(Debug, Default)]
struct Hosts {
    exact: HashMap<String, PathTree>,
    /// By what follows `*.`.
    suffix: HashMap<String, PathTree>,
    any: PathTree,
}

impl Index {
    /// Arranges the definitions; the places are theirs. Says as well which cannot both be meant.
    pub(super) fn of<'a>(
        definitions: impl Iterator<Item = &'a RouteDefinition>,
    ) -> (Self, Vec<TableError>) {
        let mut index = Self::default();
        let mut errors = Vec::new();
        let mut tell = |first, second, problem| {
            errors.push(TableError {
                first,
                second,
                problem,
            });
        };
        let definitions: Vec<_> = definitions.collect();
        for (place, definition) in definitions.iter().enumerate() {
            let methods = Methods(definition.methods.clone());
            let listener = Arc::clone(&definition.listener);
            let hosts = index.listeners.entry(listener).or_default();
            let routes = hosts.tree_for(&definition.host).routes_of(&definition.path);
            let equal = routes.iter().find_map(|earlier| {
                let method = index.methods[*earlier].overlap(&methods)?;
                Some((*earlier, method))
            });
            if let Some((first, method)) = equal {
                let problem = format!(
                    "routes `{}` and `{}` have the same listener, host and path shape, and both \
                     take {method}: which one is meant?",
                    definitions[first].id, definition.id
                );
                tell(first, place, problem);
            } else if methods.0.as_ref().is_some_and(Vec::is_empty) {
                let problem = format!(
                    "no request reaches route `{}`: its `methods` are empty",
                    definition.id
                );
                tell(place, place, problem);
            }
            routes.push(place);
            index.methods.push(methods);
        }
        for tree in index.listeners.values().flat_map(Hosts::trees) {
            for (unreachable, lesser) in tree.unreachable() {
                for &second in unreachable {
                    let first = lesser.first().copied().unwrap_or(second);
                    let (route, lesser) = (definitions[second], definitions[first]);
                    let problem = format!(
                        "no request reaches route `{}`: `{}` and its neighbours are more exact and \
                         take every path of `{}`",
                        route.id,
                        lesser.id,
                        route.path.as_str()
                    );
                    tell(first, second, problem);
                }
            }
        }
        errors.sort_by_key(|error| (error.second, error.first));
        (index, errors)
    }

    pub(super) fn find(
        &self,
        listener: &str,
        host: Option<&str>,
        path: &CanonicalPath,
        method: &Method,
    ) -> Result<usize, RouteMiss> {
        let hosts = self.listeners.get(listener).ok_or(RouteMiss::NoRoute)?;
        let routes = hosts.best(host).find(path);
        if routes.is_empty() {
            return Err(RouteMiss::NoRoute);
        }
        let taking = routes
            .iter()
            .find(|place| self.methods[**place].take(method));
        taking.copied().ok_or_else(|| {
            let mut allow = Vec::new();
            for method in routes
                .iter()
                .flat_map(|place| self.methods[*place].allowed())
            {
                if !allow.contains(&method) {
                    allow.push(method);
                }
            }
            RouteMiss::MethodNotAllowed { allow }
        })
    }
}

impl Hosts {
    fn tree_for(&mut self, host: &Option<HostPattern>) -> &mut PathTree {
        match host {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => {
                let name = normalised_host(name).map_or_else(|| name.clone(), Into::into);
                self.exact.entry(name).or_default()
            }
            Some(HostPattern::Suffix(suffix)) => {
                let suffix = suffix.trim_start_matches('.').to_owned();
                self.suffix.entry(suffix).or_default()
            }
        }
    }

    /// The best level that names the host decides alone: the name itself, its longest suffix, none.
    fn best(&self, host: Option<&str>) -> &PathTree {
        let Some(host) = host else { return &self.any };
        if let Some(tree) = self.exact.get(host) {
            return tree;
        }
        let mut name = host;
        while let Some((_, parent)) = name.split_once('.').filter(|_| !self.suffix.is_empty()) {
            if let Some(tree) = self.suffix.get(parent) {
                return tree;
            }
            name = parent;
        }
        &self.any
    }

    fn trees(&self) -> impl Iterator<Item = &PathTree> {
        let named = self.exact.values().chain(self.suffix.values());
        named.chain(std::iter::once(&self.any))
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
