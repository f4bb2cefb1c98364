//! The file as a whole: its parts, and what one part says about another.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::context::Context;
use super::{identity, issuer, route, server};
use crate::config::definition::Config;
use crate::config::file::{File, Identity, Issuer};
use crate::located::{Found, NodeId, Read, Reader};
use crate::routing::{RouteDefinition, Table};

/// The names a route may refer to. A name whose definition could not be read is known all the same.
pub(super) struct Known<'f> {
    pub(super) listeners: HashSet<&'f str>,
    pub(super) issuers: HashMap<&'f str, Option<&'f Issuer>>,
    pub(super) identities: HashMap<&'f str, Option<&'f Identity>>,
    /// No top-level key is misspelt: what is not defined was not meant to be.
    pub(super) complete: bool,
}

/// Resolves the whole file; `None` only where a problem has been noted for what is missing.
pub(in crate::config) fn resolve(
    root: NodeId,
    reader: Reader<'_>,
    base: &Path,
) -> (Option<Config>, Vec<Found>) {
    let mut context = Context::new(reader, base);
    let config = File::read(root, &mut context.reader).and_then(|file| whole(&mut context, &file));
    (config, context.reader.into_found())
}

fn whole(context: &mut Context<'_>, file: &File) -> Option<Config> {
    let listeners = server::listeners(context, file);
    let fetch = server::fetch(context, &file.fetch);
    let issuers = issuer::issuers(context, &file.issuers);
    let identities = identity::identities(context, &file.identities);
    let routes = routes(context, file);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    file.version.get()?;
    Some(Config {
        listeners: listeners?,
        admin: match file.admin.get() {
            Some(admin) => Some(admin.value.address.get()?.value),
            None => None,
        },
        fetch,
        issuers: issuers?,
        identities: identities?,
        routes: routes?,
        log: file.log.fill(),
        threads: file.threads.get().map_or_else(cores, |at| at.value),
        shutdown: file.shutdown.fill(),
    })
}

fn routes(context: &mut Context<'_>, file: &File) -> Option<Vec<RouteDefinition>> {
    let written = &file.routes.get()?.value;
    let listeners = file
        .listeners
        .get()
        .map(|at| at.value.by_name().into_keys());
    let known = Known {
        listeners: listeners.into_iter().flatten().collect(),
        issuers: file.issuers.by_name(),
        identities: file.identities.by_name(),
        complete: file.complete,
    };
    let mut seen = route::Seen::default();
    let mut places = Vec::new();
    let mut definitions = Vec::new();
    for at in written {
        if let Some(definition) = route::route(context, &known, &mut seen, at) {
            places.push(at.value.r#match.get().map_or(at.node, |at| at.node));
            definitions.push(definition);
        }
    }
    if definitions.len() > 1 {
        for conflict in Table::conflicts(&definitions) {
            if let Some(&place) = places.get(conflict.second) {
                context.problem(place, conflict.problem);
            }
        }
    }
    (definitions.len() == written.len()).then_some(definitions)
}
