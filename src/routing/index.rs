//! Listener, host, path and method to the place of a route: the table without what is alive.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use http::Method;

use super::folded_tree::FoldedTree;
use super::near_miss::{self, Traits};
use super::tree::PathTree;
use super::{HostPattern, RouteDefinition, RouteMiss, TableError};
use crate::request::{CanonicalPath, normalised_host};

#[derive(Debug, Default)]
pub(super) struct Index {
    /// A file has a few: comparing them is cheaper than hashing one.
    listeners: Vec<(Arc<str>, Hosts)>,
    traits: Vec<Traits>,
}

/// The patterns of one listener by host.
#[derive(Debug, Default)]
struct Hosts {
    exact: HashMap<String, Paths>,
    /// By what follows `*.`.
    suffix: HashMap<String, Paths>,
    any: Paths,
}

/// The patterns of one listener and host.
#[derive(Debug, Default)]
struct Paths {
    exact: PathTree,
    folded: FoldedTree,
    /// Whether some are found by the folded form.
    ignore_case: bool,
}

impl Index {
    /// Arranges the definitions; the places are theirs. Says as well which cannot both be meant.
    pub(super) fn of<'a>(
        definitions: impl Iterator<Item = &'a RouteDefinition>,
    ) -> (Self, Vec<TableError>) {
        let definitions: Vec<_> = definitions.collect();
        let mut index = Self::default();
        let traits = Traits::of(&definitions);
        let mut errors = Vec::new();
        for (place, definition) in definitions.iter().enumerate() {
            let paths = index
                .hosts_of(&definition.listener)
                .paths_for(&definition.host);
            let found = paths.add(&definitions, &traits, place);
            errors.extend(found);
        }
        index.traits = traits;
        for paths in index.listeners.iter().flat_map(|(_, hosts)| hosts.all()) {
            paths.tell_unreachable(&definitions, &mut errors);
        }
        errors.sort_by_key(|error| (error.second, error.first));
        for (place, definition) in definitions.iter().enumerate() {
            let yields = index
                .each_stricter(definition, place, &mut |_| ControlFlow::Break(()))
                .is_break();
            index.traits[place].yields = yields;
        }
        (index, errors)
    }

    fn hosts(&self, listener: &str) -> Option<&Hosts> {
        let mut listeners = self.listeners.iter();
        listeners.find_map(|(name, hosts)| (**name == *listener).then_some(hosts))
    }

    /// The same, made where it is not there.
    fn hosts_of(&mut self, listener: &Arc<str>) -> &mut Hosts {
        let place = self.listeners.iter().position(|(name, _)| name == listener);
        let place = place.unwrap_or_else(|| {
            self.listeners
                .push((Arc::clone(listener), Hosts::default()));
            self.listeners.len() - 1
        });
        &mut self.listeners[place].1
    }

    /// Tells which routes this one yields to: each takes some of its paths in another spelling.
    pub(super) fn each_stricter(
        &self,
        definition: &RouteDefinition,
        place: usize,
        visit: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self
            .hosts(&definition.listener)
            .and_then(|hosts| hosts.named(&definition.host))
        {
            Some(paths) => {
                near_miss::each_stricter(&paths.folded, &self.traits, place, definition, visit)
            }
            None => ControlFlow::Continue(()),
        }
    }

    pub(super) fn find(
        &self,
        listener: &str,
        host: Option<&str>,
        path: &CanonicalPath,
        method: &Method,
    ) -> Result<usize, RouteMiss> {
        let hosts = self.hosts(listener).ok_or(RouteMiss::NoRoute)?;
        let paths = hosts.best(host);
        let routes = paths.exact.find(path);
        // Any of them: which one takes the method is not known yet.
        let yields = routes.iter().any(|place| self.traits[*place].yields);
        if yields || routes.is_empty() && paths.ignore_case {
            return self.find_folded(paths, routes, path, method);
        }
        if routes.is_empty() {
            return Err(RouteMiss::NoRoute);
        }
        self.taking(routes.iter(), method)
    }

    /// Finds the route where the spelling of the path makes a difference.
    fn find_folded(
        &self,
        paths: &Paths,
        exact: &[usize],
        path: &CanonicalPath,
        method: &Method,
    ) -> Result<usize, RouteMiss> {
        let (tree, traits, path) = (&paths.folded, &self.traits, path.matched());
        let folded = match paths.ignore_case {
            true => near_miss::least_fitting(tree, traits, path, exact.first().copied()),
            false => None,
        };
        let folds = |place: &&usize| folded.is_none() || traits[**place].ignores_case;
        let routes = folded.unwrap_or(exact).iter().filter(folds);
        if routes.clone().next().is_none() {
            return Err(RouteMiss::NoRoute);
        }
        let winner = self.taking(routes, method)?;
        match near_miss::stricter(tree, traits, path, method, winner) {
            None => Ok(winner),
            Some(narrower) => Err(RouteMiss::PathNotExact {
                narrower: Arc::clone(&traits[narrower].id),
            }),
        }
    }

    /// Whether the first has the narrower pattern.
    pub(super) fn is_narrower(&self, one: usize, other: usize) -> bool {
        self.traits[one].comes_before(&self.traits[other])
    }

    /// Of the routes of one pattern the one that takes the method.
    fn taking<'a>(
        &self,
        routes: impl Iterator<Item = &'a usize> + Clone,
        method: &Method,
    ) -> Result<usize, RouteMiss> {
        let taking = routes
            .clone()
            .find(|place| self.traits[**place].methods.take(method));
        taking.copied().ok_or_else(|| {
            let mut allow = Vec::new();
            for method in routes.flat_map(|place| self.traits[*place].methods.allowed()) {
                if !allow.contains(&method) {
                    allow.push(method);
                }
            }
            RouteMiss::MethodNotAllowed { allow }
        })
    }
}

impl Paths {
    /// Adds a route, and says what is wrong with it.
    fn add(
        &mut self,
        definitions: &[&RouteDefinition],
        traits: &[Traits],
        place: usize,
    ) -> Option<TableError> {
        let (definition, own) = (definitions[place], &traits[place]);
        let overlap = |earlier: &usize| {
            let method = traits[*earlier].methods.overlap(&own.methods)?;
            Some((*earlier, method))
        };
        self.ignore_case |= own.ignores_case;
        let routes = self.exact.routes_of(&definition.path);
        let equal = routes.iter().find_map(overlap);
        routes.push(place);
        let routes = self.folded.routes_of(&own.folded);
        let folded_equal = routes.iter().find_map(|earlier| {
            let is_folded = own.ignores_case || traits[*earlier].ignores_case;
            is_folded.then(|| overlap(earlier)).flatten()
        });
        routes.push(place);
        let (first, problem) = if let Some((first, method)) = equal {
            let problem = format!(
                "routes `{}` and `{}` have the same listener, host and path shape, and both take \
                 {method}: which one is meant?",
                definitions[first].id, definition.id
            );
            (first, problem)
        } else if let Some((first, method)) = folded_equal {
            let problem = format!(
                "the paths of routes `{}` and `{}` differ in spelling alone, which their upstream \
                 ignores, and both take {method}: which one is meant?",
                definitions[first].id, definition.id
            );
            (first, problem)
        } else if definition.methods.as_ref().is_some_and(Vec::is_empty) {
            let problem = format!(
                "no request reaches route `{}`: its `methods` are empty",
                definition.id
            );
            (place, problem)
        } else {
            return None;
        };
        Some(TableError {
            first,
            second: place,
            problem,
        })
    }

    fn tell_unreachable(&self, definitions: &[&RouteDefinition], errors: &mut Vec<TableError>) {
        for (unreachable, lesser) in self.exact.unreachable() {
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
                errors.push(TableError {
                    first,
                    second,
                    problem,
                });
            }
        }
    }
}

impl Hosts {
    fn paths_for(&mut self, host: &Option<HostPattern>) -> &mut Paths {
        match host {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => self.exact.entry(exact_name(name)).or_default(),
            Some(HostPattern::Suffix(suffix)) => {
                self.suffix.entry(suffix_name(suffix)).or_default()
            }
        }
    }

    fn named(&self, host: &Option<HostPattern>) -> Option<&Paths> {
        match host {
            None => Some(&self.any),
            Some(HostPattern::Exact(name)) => self.exact.get(&exact_name(name)),
            Some(HostPattern::Suffix(suffix)) => self.suffix.get(&suffix_name(suffix)),
        }
    }

    /// The best level that names the host decides alone: the name itself, its longest suffix, none.
    fn best(&self, host: Option<&str>) -> &Paths {
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

    fn all(&self) -> impl Iterator<Item = &Paths> {
        let named = self.exact.values().chain(self.suffix.values());
        named.chain(std::iter::once(&self.any))
    }
}

fn exact_name(name: &str) -> String {
    normalised_host(name).map_or_else(|| name.to_owned(), Into::into)
}

fn suffix_name(suffix: &str) -> String {
    suffix.trim_start_matches('.').to_owned()
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
