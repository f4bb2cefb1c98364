//! `check --online`: does the world outside agree with the file? Keys, tokens, upstreams.

use std::collections::HashSet;
use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};

use super::check_plan::count;
use super::say;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::http_client::{FetchDefinition, HttpClient};
use crate::inbound::count_keys;
use crate::outbound::{Carries, EndpointDefinition, Endpoints, TokenDefinition, TokenSource};

/// Tries everything, prints a line for each, and only then says whether anything failed.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let http = HttpClient::new(&config.fetch)?;
    let mut failed = 0_usize;
    let mut tell = |what: String, outcome: anyhow::Result<String>| match outcome {
        Ok(detail) => line(AnsiColor::Green, "ok", &what, detail),
        Err(error) => {
            failed += 1;
            line(AnsiColor::Red, "failed", &what, format!("{error:#}"))
        }
    };
    for issuer in &config.issuers {
        let keys = count_keys(issuer, http.clone()).await;
        let keys = keys.with_context(|| issuer.kind.keys_url());
        let what = format!("keys of {}", issuer.name);
        tell(what, keys.map(|keys| count(keys, "key")))?;
    }
    let mut asked = HashSet::new();
    let mut reached = HashSet::new();
    for route in &config.routes {
        if let TokenDefinition::App { identity, scope } = &route.token
            && asked.insert((identity, scope))
        {
            let what = format!("token of {identity} for {scope}");
            tell(what, token(config, &http, identity, scope).await)?;
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
    if failed > 0 {
        bail!("{failed} of these failed; the file itself is valid");
    }
    Ok(())
}

async fn token(
    config: &Config,
    http: &HttpClient,
    identity: &str,
    scope: &str,
) -> anyhow::Result<String> {
    let mut identities = config.identities.iter();
    let identity = identities.find(|known| &*known.name == identity);
    let identity = identity.context("the identity is not defined")?;
    let source = TokenSource::new(identity.clone(), scope.to_owned(), http.clone());
    let token = source.acquire(UnixTime::now()).await?;
    Ok(format!("valid until {}", token.expires_at))
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
        proxy: None,
        no_proxy: Vec::new(),
        ca_key: Some("upstream.ca_file"),
    })?;
    let answer = http.fetch(&endpoint.origin(), 1024 * 1024).await?;
    Ok(format!("TLS verified, answered {}", answer.status))
}

fn line(color: AnsiColor, word: &str, what: &str, detail: impl Display) -> anyhow::Result<()> {
    let style = Style::new().fg_color(Some(color.into()));
    say!("{style}{word:>6}{style:#}  {what}: {detail}")
}
