//! The APIs that callers bring tokens for: their app roles, and who is given them.

use std::collections::{BTreeMap, BTreeSet};

use openssl::sha::sha256;
use uuid::Builder;

use super::script::{Script, Word};
use crate::config::Config;
use crate::entra::Tenant;
use crate::inbound::{IssuerDefinition, IssuerKind};
use crate::policy::{Audience, BearerConditions, Claim, Credential};

/// What routes say of one API.
#[derive(Debug, Default)]
struct Api {
    roles: BTreeSet<String>,
    /// Scopes of users' tokens, which an administrator writes texts for.
    scopes: BTreeSet<String>,
    /// Applications by their client ids, each with the roles that its routes want.
    callers: BTreeMap<String, BTreeSet<String>>,
}

pub(super) fn write(script: &mut Script, config: &Config, tenant: Tenant) {
    let (apis, strange) = apis(config, tenant);
    for (id, api) in &apis {
        script.part(&format!("The API {id}"));
        script.call("application", &[Word::Text(id)]);
        for role in &api.roles {
            let role_id = role_id(id, role);
            script.call(
                "role",
                &[Word::Text(id), Word::Text(&role_id), Word::Text(role)],
            );
        }
        for scope in &api.scopes {
            script.remark(&format!("The scope {scope} of users' tokens: App registrations > Expose an API > Add a scope."));
        }
        for (client, roles) in &api.callers {
            script.call("application", &[Word::Text(client)]);
            for role in roles {
                script.call(
                    "grant",
                    &[Word::Text(client), Word::Text(id), Word::Text(role)],
                );
            }
        }
        script.remark("Entra gives any application of the tenant a token for this API, until it is told not to:");
        script.remark(&format!(
            "az ad sp update --id {id} --set appRoleAssignmentRequired=true"
        ));
    }
    for audience in strange {
        script.part(&format!(
            "The audience {audience} names no client id: roles of that API are given in the portal."
        ));
    }
}

/// The APIs of a tenant by their client ids, and audiences that do not say whose they are.
fn apis(config: &Config, tenant: Tenant) -> (BTreeMap<String, Api>, BTreeSet<String>) {
    let (mut apis, mut strange) = (BTreeMap::<String, Api>::new(), BTreeSet::new());
    let of_tenant = |issuer: &&IssuerDefinition| {
        let IssuerKind::Entra(authority, _) = &issuer.kind;
        authority.tenant() == tenant
    };
    let issuers: BTreeSet<&str> = config
        .issuers
        .iter()
        .filter(of_tenant)
        .map(|it| &*it.name)
        .collect();
    let entries = config
        .routes
        .iter()
        .flat_map(|route| route.callers.entries());
    for entry in entries {
        let Some(Credential::Bearer(bearer)) = &entry.credential else {
            continue;
        };
        if !issuers.contains(&*bearer.issuer) {
            continue;
        }
        for audience in &bearer.audiences {
            match client_id(audience) {
                Some(id) => take_in(apis.entry(id).or_default(), bearer),
                None => {
                    strange.insert(format!("{audience:?}"));
                }
            }
        }
    }
    (apis, strange)
}

fn take_in(api: &mut Api, bearer: &BearerConditions) {
    let values = |claim: &Claim| -> Vec<String> {
        let conditions = bearer.claims.iter().filter(|it| it.claim == *claim);
        let values = conditions.flat_map(|it| it.values.iter().map(ToString::to_string));
        values.collect()
    };
    let roles = values(&Claim::ROLES);
    api.scopes.extend(values(&Claim::SCP));
    for client in values(&Claim::AZP) {
        api.callers.entry(client).or_default().extend(roles.clone());
    }
    api.roles.extend(roles);
}

/// The application that an audience stands for.
fn client_id(audience: &Audience) -> Option<String> {
    match audience {
        Audience::Application(id) => Some(id.to_string()),
        Audience::Literal(text) => {
            let id = text.strip_prefix("api://")?.trim_end_matches('/');
            id.parse::<crate::guid::Guid>()
                .ok()
                .map(|id| id.to_string())
        }
    }
}

/// The same id for the same role, whoever makes it.
fn role_id(api: &str, role: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(format!("{api} {role}").as_bytes())[..16]);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}
