//! What an identity may do for the users who call: scopes of other APIs, which an administrator consents to.

use std::collections::BTreeSet;

use super::script::Script;
use crate::cli::graph_roles;
use crate::config::Config;
use crate::guid::Guid;
use crate::outbound::TokenDefinition;

/// The steps for one identity, whose application has this client id.
pub(super) fn write(script: &mut Script, config: &Config, name: &str, id: &str) {
    let (mut granted, mut told) = (BTreeSet::new(), BTreeSet::new());
    for route in &config.routes {
        let TokenDefinition::OnBehalfOf {
            identity,
            scope,
            app_scope,
        } = &route.token
        else {
            continue;
        };
        if **identity != *name {
            continue;
        }
        for wanted in scope.split_whitespace() {
            let (resource, scope) = wanted.rsplit_once('/').unwrap_or((wanted, ""));
            match (client_id(resource), scope) {
                (Some(api), scope) if scope != ".default" => {
                    granted.insert((api, scope.to_owned()));
                }
                (api, _) => {
                    let api = api.unwrap_or_else(|| "API-CLIENT-ID".to_owned());
                    let what = format!(
                        "What {} does for its users at {resource} is for you to say, such as:",
                        route.id
                    );
                    told.insert((what, format!("delegate {id} {api} SCOPE")));
                }
            }
        }
        if let Some(scope) = app_scope {
            let what = format!(
                "What {} needs of {scope} for applications, by its own rights, is for you to say, such as:",
                route.id
            );
            told.insert((what, format!("grant {id} API-CLIENT-ID ROLE")));
        }
    }
    for (api, scope) in granted {
        script.step("delegate", &[id, &api, &scope]);
    }
    for (what, example) in told {
        script.remark(&what);
        script.remark(&example);
    }
}

/// The application that a resource is, where its name says so.
fn client_id(resource: &str) -> Option<String> {
    if graph_roles::is_graph(resource) {
        return Some(graph_roles::GRAPH.to_owned());
    }
    let named = resource.strip_prefix("api://").unwrap_or(resource);
    let id: Guid = named.parse().ok()?;
    Some(id.to_string())
}
