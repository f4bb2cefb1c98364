//! `check --online`: does the world outside agree with the file? Keys, tokens, upstreams.

use std::collections::HashSet;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, anyhow};

use super::check_format::Tried;
use super::check_plan::count;
use super::{check_tenant, graph_roles, say};
use crate::clock::UnixTime;
use crate::config::Config;
use crate::entra::TokenEndpointError;
use crate::guid::Guid;
use crate::http_client::{FetchDefinition, HttpClient};
use crate::inbound::count_keys;
use crate::outbound::{
    AccessToken, Carries, ClientDefinition, CredentialDefinition, EndpointDefinition, Endpoints,
    IdentityDefinition, TokenDefinition, TokenRequestError, TokenSource, Wanted,
};
use crate::routing::RouteDefinition;

/// Tries everything, whatever fails, and tells each as soon as it is known.
pub(super) async fn run(
    config: &Config,
    told: impl Fn(&Tried) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Tried>> {
    let http = HttpClient::new(&config.fetch)?;
    let mut tried = Vec::new();
    let mut tell = |what: String, outcome: anyhow::Result<String>| {
        let ok = outcome.is_ok();
        let detail = outcome.unwrap_or_else(|error| format!("{error:#}"));
        let one = Tried { what, ok, detail };
        told(&one)?;
        tried.push(one);
        anyhow::Ok(())
    };
    let mut looked_at = HashSet::new();
    for identity in &config.identities {
        if let ClientDefinition::Entra(client) = &identity.client
            && looked_at.insert(&client.authority)
        {
            let what = format!("tenant of {}", identity.name);
            tell(what, check_tenant::tenant(&client.authority, &http).await)?;
        }
    }
    for issuer in &config.issuers {
        let keys = count_keys(issuer, http.clone()).await;
        let keys = keys.with_context(|| issuer.kind.keys_url());
        let what = format!("keys of {}", issuer.name);
        tell(what, keys.map(|keys| count(keys, "key")))?;
    }
    let mut asked = HashSet::new();
    let mut reached = HashSet::new();
    for route in &config.routes {
        if let Some((identity, scope)) = asks_for(&route.token)
            && asked.insert((identity, scope.clone()))
        {
            let what = match scope.as_ref() {
                "" => format!("token of {identity}"),
                scope => format!("token of {identity} for {scope}"),
            };
            let routes = config.routes.iter().filter(|it| it.token == route.token);
            let outcome = token(config, &http, identity, &scope).await;
            tell(what, outcome.map(|token| granted(&token, routes)))?;
        }
        for endpoint in &route.upstream.endpoints {
            let place = (
                &endpoint.host,
                endpoint.port,
                &endpoint.socket,
                &endpoint.ca_pem,
            );
            if reached.insert(place) {
                let what = match &endpoint.socket {
                    Some(path) => format!("upstream {}", path.display()),
                    None => format!("upstream {}:{}", endpoint.host, endpoint.port),
                };
                tell(what, reach(config, endpoint).await)?;
            }
        }
    }
    Ok(tried)
}

/// A line for people.
pub(super) fn show(tried: &Tried) -> anyhow::Result<()> {
    let (color, word) = match tried.ok {
        true => (AnsiColor::Green, "ok"),
        false => (AnsiColor::Red, "failed"),
    };
    let style = Style::new().fg_color(Some(color.into()));
    say!(
        "{style}{word:>6}{style:#}  {}: {}",
        tried.what,
        tried.detail
    )
}

/// What can be asked for without a user: where a route acts for one, whether the application may ask for
/// anything of that API's at all.
fn asks_for(token: &TokenDefinition) -> Option<(&Arc<str>, String)> {
    match token {
        TokenDefinition::Nothing | TokenDefinition::Forward => None,
        TokenDefinition::App { identity, scope } => Some((identity, scope.clone())),
        TokenDefinition::OnBehalfOf {
            identity, scope, ..
        } => {
            let first = scope.split_whitespace().next()?;
            let (resource, _) = first.rsplit_once('/')?;
            Some((identity, format!("{resource}/.default")))
        }
    }
}

async fn token(
    config: &Config,
    http: &HttpClient,
    identity: &str,
    scope: &str,
) -> anyhow::Result<AccessToken> {
    let mut identities = config.identities.iter();
    let identity = identities.find(|known| &*known.name == identity);
    let identity = identity.context("the identity is not defined")?;
    let source = TokenSource::new(identity.clone(), Wanted::of_app(scope), http.clone());
    let acquired = source.acquire(UnixTime::now()).await;
    acquired.map_err(|why| match behind(identity, &why) {
        Some(more) => anyhow!("{why}; {more}"),
        None => why.into(),
    })
}

/// What a refusal is likely to come from, by what only this side can see.
fn behind(identity: &IdentityDefinition, why: &TokenRequestError) -> Option<String> {
    let TokenRequestError::Endpoint(TokenEndpointError::Refused { code, .. }) = why else {
        return None;
    };
    let credentials = identity.client.credentials();
    let looks_like_an_id = |credential: &CredentialDefinition| match credential {
        CredentialDefinition::Secret(secret) => secret.value.expose().parse::<Guid>().is_ok(),
        _ => false,
    };
    match code {
        // "Invalid client secret provided."
        Some(7_000_215) if credentials.is_some_and(|all| all.iter().any(looks_like_an_id)) => {
            Some("what is given has the form of a GUID, as Secret IDs have".to_owned())
        }
        // No consent.
        Some(65_001 | 650_056 | 650_057) => Some(format!(
            "`bearergate consent-url -i {}` prints where an administrator consents",
            identity.name
        )),
        _ => None,
    }
}

/// Until when a token is valid, and whether it can do what the routes are for, where that is known.
fn granted<'r>(token: &AccessToken, routes: impl Iterator<Item = &'r RouteDefinition>) -> String {
    let grants = token.grants.to_string();
    let has = |role: &&str| {
        let mut words = grants.split(|sign: char| !(sign.is_alphanumeric() || sign == '.'));
        words.any(|word| word == *role)
    };
    let lacking = routes.filter_map(|route| {
        let roles = graph_roles::sufficient(route);
        let lacks = !roles.is_empty() && !roles.iter().any(has);
        lacks.then(|| format!("{} wants {}", route.id, roles.join(" or ")))
    });
    let lacking: Vec<_> = lacking.collect();
    let advice = match lacking[..] {
        [] => String::new(),
        _ => format!(
            ": {}; consent to it, unless Exchange has given the role (RBAC for Applications), which no token says",
            lacking.join(", ")
        ),
    };
    format!("valid until {}, with {grants}{advice}", token.expires_at)
}

async fn reach(config: &Config, endpoint: &EndpointDefinition) -> anyhow::Result<String> {
    if let Some(proxy) = &endpoint.proxy {
        let through = Endpoints::default().of(endpoint)?;
        through.connect(Carries::Requests).await?;
        return Ok(format!("TLS verified, through the proxy {proxy}"));
    }
    if endpoint.socket.is_some() || endpoint.protocol.is_only_http2() {
        let it = Endpoints::default().of(endpoint)?;
        it.connect(Carries::Requests).await?;
        return Ok("connected".to_owned());
    }
    let address = (endpoint.host.as_str(), endpoint.port);
    let connected = tokio::net::TcpStream::connect(address);
    tokio::time::timeout(endpoint.connect_timeout, connected)
        .await
        .context("timed out")??;
    if !endpoint.tls {
        return Ok("connected".to_owned());
    }
    let trusted = endpoint.ca_pem.as_ref().map(|pem| pem.to_vec());
    let timeout = config.fetch.timeout;
    let http = HttpClient::new(&FetchDefinition {
        timeout,
        ca_pem: trusted,
        ca_key: Some("upstream.ca_file"),
        ..FetchDefinition::default()
    })?;
    let answer = http.fetch(&endpoint.origin(), 1024 * 1024).await?;
    Ok(format!("TLS verified, answered {}", answer.status))
}
