//! The file as a whole: its parts, and what one part says about another.

use std::path::Path;

use super::context::Context;
use super::names::{Known, Names};
use super::{admin, identity, issuer, log, route, server, state, traces};
use crate::config::Files;
use crate::config::definition::Config;
use crate::config::file::File;
use crate::located::{Found, NodeId, Read, Reader};
use crate::routing::{RouteDefinition, Table};

/// Resolves the whole file; `None` only where a problem has been noted for what is missing.
pub(in crate::config) fn resolve(
    root: NodeId,
    reader: Reader<'_>,
    base: &Path,
    files: &mut Files,
) -> (Option<Config>, Vec<Found>) {
    let mut context = Context::new(reader, base, files);
    let config = File::read(root, &mut context.reader).and_then(|file| whole(&mut context, &file));
    (config, context.reader.into_found())
}

fn whole(context: &mut Context<'_>, file: &File) -> Option<Config> {
    let redis = file.state.value().map(|state| state.redis.is_written());
    context.has_shared_store = redis.unwrap_or(file.state.is_written());
    let listeners = server::listeners(context, file);
    let doors = server::doors(context, file);
    let fetch = server::fetch(context, &file.fetch);
    let issuers = issuer::issuers(context, &file.issuers);
    let identities = identity::identities(context, &file.identities);
    let known = Known {
        listeners: Names::new("listener", file.listeners.value(), true),
        issuers: Names::new("issuer", Some(&file.issuers), file.complete),
        identities: Names::new("identity", Some(&file.identities), file.complete),
    };
    let mut seen = route::Seen::default();
    let admin = file
        .admin
        .optional(|at| admin::admin(context, &known, &mut seen, at));
    let routes = routes(context, file, &known, &mut seen);
    let log = log::log(context, &file.log);
    let traces = file.traces.optional(|at| traces::traces(context, at));
    let state = file.state.optional(|at| state::state(context, at));
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    file.version.get()?;
    Some(Config {
        listeners: listeners?,
        doors,
        admin: admin?,
        fetch,
        issuers: issuers?,
        identities: identities?,
        routes: routes?,
        log: log?,
        traces: traces?,
        state: state?,
        threads: file.threads.value().copied().unwrap_or_else(cores),
        readiness: *file.readiness,
        shutdown: file.shutdown.fill(),
    })
}

fn routes(
    context: &mut Context<'_>,
    file: &File,
    known: &Known<'_>,
    seen: &mut route::Seen,
) -> Option<Vec<RouteDefinition>> {
    let written = file.routes.value()?;
    let (mut places, mut definitions) = (Vec::new(), Vec::new());
    for at in written {
        if let Some(definition) = route::route(context, known, seen, at) {
            places.push(at.r#match.node().unwrap_or(at.node));
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
