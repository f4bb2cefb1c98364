//! `bearergate dev --config F`: somebody's own file against the embedded issuer. Its tenants, its applications
//! and its APIs live here as long as the process does, and its callers' tokens are minted as it asks for them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use uuid::Uuid;

use super::shown::{AS_USER, OWNER};
use super::stage::{secret_text, write_private};
use crate::config::Config;
use crate::entra::{Authority, Cloud, Endpoint};
use crate::fake::{ApiRegistration, AppRegistration, Contoso, Neighbourhood, TokenBuilder};
use crate::inbound::IssuerKind;
use crate::outbound::{
    ClientDefinition, CredentialDefinition, Credentials, EndpointDefinition, EntraClient,
    IdentityDefinition, SecretCredential, TokenDefinition,
};
use crate::policy::{
    Audience, BearerConditions, Claim, Credential, Entry, PrincipalKind, PrincipalRule,
};
use crate::routing::{HostPattern, RouteDefinition};
use crate::secret::Secret;

/// A line worth trying, and what it is.
pub(super) struct Line {
    pub(super) title: String,
    pub(super) command: String,
}

/// Registers the file's identities, and points its upstreams at what stands in for them: Graph at the
/// mailboxes, what is not on loopback at the echo API. Says what was replaced.
pub(super) fn move_in(
    config: &mut Config,
    contoso: &Contoso,
    doors: &Neighbourhood,
) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    let mut elsewhere = Vec::new();
    for identity in &mut config.identities {
        let secret = secret_text("dev");
        let known = match &identity.client {
            ClientDefinition::Entra(client) => Some(client.clone()),
            ClientDefinition::ManagedIdentity(_) => None,
            ClientDefinition::OAuth2(_) => {
                elsewhere.push(Arc::clone(&identity.name));
                None
            }
        };
        // An application stands in for what only a platform has, or another server.
        let mut client = known.map_or_else(newcomer, Ok)?;
        let tenant = client.authority.tenant().to_string();
        let app = AppRegistration::new(&client.client_id.to_string())
            .in_tenant(&tenant)
            .secret(&secret)
            .role(ApiRegistration::GRAPH, "Mail.Read")
            .role(ApiRegistration::GRAPH, "Mail.Send");
        contoso.issuer.register(|registry| registry.with_app(app));
        let secret = SecretCredential::new(Secret::new(secret));
        client.credentials = Credentials::new(vec![CredentialDefinition::Secret(secret)]);
        told.push(format!(
            "identity {}: a credential of this process's, not the file's",
            identity.name
        ));
        identity.client = ClientDefinition::Entra(client);
    }
    let clients: HashMap<_, _> = config.identities.iter().filter_map(client_of).collect();
    for route in &mut config.routes {
        if let TokenDefinition::App { identity, scope } = &mut route.token
            && elsewhere.contains(identity)
        {
            // Scopes of other servers do not have this form; the issuer here knows no other.
            *scope = format!("api://{identity}/.default");
        }
        register_scopes(&route.token, &clients, contoso);
        let endpoints = &mut route.upstream.endpoints;
        let graph = endpoints.iter().any(is_graph);
        let (name, door) = match graph {
            true => ("the mailboxes", &doors.mailbox),
            false => ("the echo API", &doors.echo),
        };
        for endpoint in endpoints.iter_mut().filter(|it| !is_here(it)) {
            let origin = endpoint.origin();
            told.push(format!("route {}: {origin} is {name}", route.id));
            (endpoint.tls, endpoint.ca_pem) = (false, None);
            (endpoint.host, endpoint.port) =
                (door.address().ip().to_string(), door.address().port());
        }
    }
    Ok(told)
}

fn newcomer() -> anyhow::Result<EntraClient> {
    let tenant = Contoso::MAIL_TENANT.parse()?;
    Ok(EntraClient {
        authority: Authority::new(Cloud::Public, tenant, None),
        client_id: Uuid::new_v4().to_string().parse()?,
        region: None,
        instance: None,
        endpoint: Endpoint::V2,
        capabilities: Vec::new(),
        credentials: Credentials::new(Vec::new()),
    })
}

/// An identity's name, and the client id of its application.
fn client_of(identity: &IdentityDefinition) -> Option<(Arc<str>, String)> {
    match &identity.client {
        ClientDefinition::Entra(client) => {
            Some((Arc::clone(&identity.name), client.client_id.to_string()))
        }
        _ => None,
    }
}

/// Makes the API known that a token is for, and, where users are acted for, what they have consented to.
fn register_scopes(
    token: &TokenDefinition,
    clients: &HashMap<Arc<str>, String>,
    contoso: &Contoso,
) {
    let (TokenDefinition::App { scope, identity }
    | TokenDefinition::OnBehalfOf {
        scope, identity, ..
    }) = token
    else {
        return;
    };
    let scopes: Vec<(&str, &str)> = scope
        .split_whitespace()
        .filter_map(|scope| scope.rsplit_once('/'))
        .collect();
    for (resource, name) in scopes {
        contoso.issuer.register(|registry| {
            let registry = registry.with_api_for(resource);
            match (token, clients.get(identity), name) {
                (TokenDefinition::App { .. }, ..) | (_, None, _) => registry,
                (_, Some(client), ".default") => {
                    registry.with_consent(client, resource, "Sample.Read")
                }
                (_, Some(client), name) => registry.with_consent(client, resource, name),
            }
        });
    }
}

fn is_graph(endpoint: &EndpointDefinition) -> bool {
    endpoint.host.starts_with("graph.") || endpoint.host.contains("microsoftgraph.")
}

fn is_here(endpoint: &EndpointDefinition) -> bool {
    let here = endpoint
        .address()
        .is_some_and(|address| address.is_loopback());
    here || endpoint.host == "localhost"
}

/// A line for each way into each route; tokens are header files in `folder`.
pub(super) fn lines(
    config: &Config,
    contoso: &Contoso,
    folder: &Path,
    origin: impl Fn(&str) -> String,
) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for route in &config.routes {
        let url = format!("{}{}", origin(&route.listener), sample_path(route));
        let method = route.methods.as_ref().and_then(|methods| methods.first());
        let method = method.filter(|method| *method != http::Method::GET);
        let method = method.map_or(String::new(), |method| format!("-X {method} "));
        let host = match &route.host {
            Some(HostPattern::Exact(name)) => format!("-H 'Host: {name}' "),
            Some(HostPattern::Suffix(suffix)) => format!("-H 'Host: dev{suffix}' "),
            None => String::new(),
        };
        let entries = route.callers.entries();
        if entries.is_empty() {
            let (title, command) = (
                format!("{}: anyone", route.id),
                format!("curl {method}{host}'{url}'"),
            );
            lines.push(Line { title, command });
        }
        for (index, entry) in entries.iter().enumerate() {
            let (who, header) = presented(config, contoso, folder, (route, index), entry)?;
            let title = format!("{}: {who}", route.id);
            let command = format!("curl {method}{host}{header}'{url}'");
            lines.push(Line { title, command });
        }
    }
    Ok(lines)
}

fn presented(
    config: &Config,
    contoso: &Contoso,
    folder: &Path,
    (route, index): (&RouteDefinition, usize),
    entry: &Entry,
) -> anyhow::Result<(String, String)> {
    Ok(match &entry.credential {
        Some(Credential::Bearer(bearer)) => {
            let token = token(config, contoso, bearer)?;
            let file = folder.join(format!("{}-{}.header", route.id, index + 1));
            write_private(&file, format!("Authorization: Bearer {token}\n").as_bytes())?;
            let who = format!("with a token of {}, as the file asks for it", bearer.issuer);
            (who, format!("-H @{} ", file.display()))
        }
        Some(Credential::ApiKey(key)) => {
            let who = format!("with the key {}, which you have", key.id);
            (who, "-H 'X-Api-Key: …' ".to_owned())
        }
        None => ("from one of its networks".to_owned(), String::new()),
    })
}

fn token(config: &Config, contoso: &Contoso, bearer: &BearerConditions) -> anyhow::Result<String> {
    let issuer = config
        .issuers
        .iter()
        .find(|issuer| issuer.name == bearer.issuer);
    let IssuerKind::Entra(authority, versions) = &issuer.context("the issuer is not defined")?.kind;
    let mut token = contoso.issuer.token(&authority.tenant().to_string());
    token = match bearer.audiences.first() {
        Some(Audience::Application(guid)) => token.audience(&guid.to_string()),
        // Only tokens of version 1 are for something that is no GUID.
        Some(Audience::Literal(text)) => token.v1().audience(text),
        None => token,
    };
    if !versions.include(Endpoint::V2) {
        token = token.v1();
    }
    for condition in &bearer.claims {
        let mut values = condition.values.iter().map(ToString::to_string);
        let add: fn(TokenBuilder, &str) -> TokenBuilder = match &condition.claim {
            claim if *claim == Claim::ROLES => TokenBuilder::role,
            claim if *claim == Claim::SCP => TokenBuilder::scope,
            claim if *claim == Claim::AZP => {
                token = token.client(&values.next().unwrap_or_default());
                continue;
            }
            claim if *claim == Claim::OID => {
                token = token.claim("oid", values.next().unwrap_or_default());
                continue;
            }
            _ => continue,
        };
        token = values.fold(token, |token, value| add(token, &value));
    }
    let scoped = bearer
        .claims
        .iter()
        .any(|condition| condition.claim == Claim::SCP);
    let of_users = bearer.principal == PrincipalRule::Only(PrincipalKind::User);
    if of_users && !scoped {
        token = token.scope(AS_USER);
    }
    if of_users || scoped {
        token = token.user(OWNER);
    }
    Ok(token.try_mint()?)
}

/// A path that the route takes, and, where its callers are limited to some values, one of those.
fn sample_path(route: &RouteDefinition) -> String {
    let mut path = route.path.as_str().replace("**", "anything");
    let entries = route.callers.entries().iter();
    for (name, patterns) in entries.flat_map(|entry| &entry.parameters.0) {
        let value = patterns.first().map_or("x", |pattern| &pattern.0);
        path = path.replace(&format!("{{{name}}}"), &value.replace('*', "someone"));
    }
    while let Some((before, rest)) = path.split_once('{') {
        let Some((_, after)) = rest.split_once('}') else {
            break;
        };
        path = format!("{before}x{after}");
    }
    path
}
