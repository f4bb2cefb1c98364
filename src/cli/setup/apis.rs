//! The APIs that callers bring tokens for: their app roles and scopes, and who is given them.

use std::collections::{BTreeMap, BTreeSet};

use openssl::sha::sha256;
use uuid::Builder;

use super::script::{Script, Word};
use crate::config::Config;
use crate::entra::Tenant;
use crate::inbound::{IssuerDefinition, IssuerKind};
use crate::policy::{Audience, BearerConditions, Claim, Credential, PrincipalKind, PrincipalRule};

/// What routes say of one API.
#[derive(Debug, Default)]
struct Api {
    roles: BTreeSet<String>,
    /// By which clients act for users there.
    scopes: BTreeSet<String>,
    /// That users must have, or groups of them.
    roles_of_users: BTreeSet<String>,
    /// Applications by their client ids, each with the roles that its routes want.
    callers: BTreeMap<String, BTreeSet<String>>,
    /// Applications that users work with, each with the scopes that its routes want.
    clients: BTreeMap<String, BTreeSet<String>>,
}

pub(super) fn write(script: &mut Script, config: &Config, tenant: Tenant) {
    let (apis, strange) = apis(config, tenant);
    for (id, api) in &apis {
        script.part(&format!("The API {id}"));
        script.call("application", &[Word::Text(id)]);
        for role in &api.roles {
            script.step("role", &[id, &own_id(id, "", role), role]);
        }
        for role in &api.roles_of_users {
            script.remark(&format!(
                "The role {role} is of users: App registrations > App roles, for users and groups, then assign it."
            ));
        }
        for scope in &api.scopes {
            script.step("scope", &[id, &own_id(id, "scope ", scope), scope]);
        }
        for (client, roles) in &api.callers {
            script.call("application", &[Word::Text(client)]);
            for role in roles {
                script.step("grant", &[client, id, role]);
            }
        }
        for (client, scopes) in &api.clients {
            script.call("application", &[Word::Text(client)]);
            for scope in scopes {
                script.step("delegate", &[client, id, scope]);
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
    let (roles, scopes) = (values(&Claim::ROLES), values(&Claim::SCP));
    // A scope is in users' tokens alone, and the roles there are the users'.
    if !scopes.is_empty() || bearer.principal == PrincipalRule::Only(PrincipalKind::User) {
        for client in values(&Claim::AZP) {
            api.clients
                .entry(client)
                .or_default()
                .extend(scopes.clone());
        }
        api.scopes.extend(scopes);
        api.roles_of_users.extend(roles);
        return;
    }
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

/// The same id for the same role or scope, whoever makes it.
fn own_id(api: &str, kind: &str, name: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(format!("{api} {kind}{name}").as_bytes())[..16]);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}
