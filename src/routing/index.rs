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
                errors.push(TableError::equal(first, place, &definitions, &method));
            } else if methods.are_none() {
                errors.push(TableError::without_methods(place, definition));
            }
            routes.push(place);
            index.methods.push(methods);
        }
        for tree in index.listeners.values().flat_map(Hosts::trees) {
            for (unreachable, lesser) in tree.unreachable() {
                let errors_of = |second: &usize| {
                    let first = lesser.first().copied().unwrap_or(*second);
                    TableError::unreachable(first, *second, &definitions)
                };
                errors.extend(unreachable.iter().map(errors_of));
            }
        }
        errors.sort_by_key(|error| (error.second, error.first));
        (index, errors)
    }

    /// The place of the one route for a request.
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

impl TableError {
    fn equal(first: usize, second: usize, all: &[&RouteDefinition], method: &Method) -> Self {
        let (earlier, later) = (&all[first], &all[second]);
        Self {
            first,
            second,
            problem: format!(
                "routes `{}` and `{}` have the same listener, host and path shape, and both take \
                 {method}: which one is meant?",
                earlier.id, later.id
            ),
        }
    }

    fn unreachable(first: usize, second: usize, all: &[&RouteDefinition]) -> Self {
        Self {
            first,
            second,
            problem: format!(
                "no request reaches route `{}`: `{}` and its neighbours are more exact and take \
                 every path of `{}`",
                all[second].id,
                all[first].id,
                all[second].path.as_str()
            ),
        }
    }

    fn without_methods(place: usize, definition: &RouteDefinition) -> Self {
        Self {
            first: place,
            second: place,
            problem: format!(
                "no request reaches route `{}`: its `methods` are empty; leave the key out for all",
                definition.id
            ),
        }
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
