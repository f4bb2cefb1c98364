//! The file as a whole: its parts, and what one part says about another.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::context::Context;
use super::{identity, issuer, route, server};
use crate::config::definition::Config;
use crate::config::file::{File, Identity, Issuer};
use crate::located::{NodeId, Read, Reader};
use crate::routing::Table;

/// The names a route may refer to. A name whose definition could not be read is known all the same.
pub(super) struct Known<'f> {
    pub(super) listeners: HashSet<&'f str>,
    pub(super) issuers: HashMap<&'f str, Option<&'f Issuer>>,
    pub(super) identities: HashMap<&'f str, Option<&'f Identity>>,
    /// No top-level key is misspelt: what is not defined was not meant to be.
    pub(super) complete: bool,
}

/// Resolves the whole file; `None` where a problem has been noted for what is missing.
pub(in crate::config) fn resolve(
    root: NodeId,
    reader: &mut Reader<'_, '_>,
    base: &Path,
) -> Option<Config> {
    let file = File::read(root, reader)?;
    let mut context = Context::new(reader, base);
    let listeners = server::listeners(&mut context, &file);
    let fetch = server::fetch(&mut context, file.fetch.get());
    let threads = server::threads(&mut context, &file.threads);
    let shutdown = server::shutdown(&mut context, file.shutdown.get());
    let issuers = issuer::issuers(&mut context, file.issuers.get());
    let identities = identity::identities(&mut context, file.identities.get());
    let routes = routes(&mut context, &file);
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
        log: server::log(file.log.get()),
        threads,
        shutdown,
    })
}

fn routes(
    context: &mut Context<'_, '_, '_>,
    file: &File,
) -> Option<Vec<crate::routing::RouteDefinition>> {
    let written = &file.routes.get()?.value;
    let known = Known {
        listeners: file
            .listeners
            .get()
            .map(|at| at.value.by_name().into_keys().collect())
            .unwrap_or_default(),
        issuers: file
            .issuers
            .get()
            .map(|at| at.value.by_name())
            .unwrap_or_default(),
        identities: file
            .identities
            .get()
            .map(|at| at.value.by_name())
            .unwrap_or_default(),
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
