//! `bearergate token`: acquire a token as an identity would, and show what it says.

use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{ConfigFile, Failure, say};
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::http_client::HttpClient;
use crate::outbound::{AccessToken, TokenSource, Wanted};

/// Acquire a token and show its claims.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate token gateway.yaml -i mail-daemon -s https://graph.microsoft.com/.default
  bearergate token gateway.yaml -i mail-daemon -s https://graph.microsoft.com/.default --json
  bearergate token gateway.yaml -i orders -s api://orders/.default --claims eyJhY2Nlc3NfdG9rZW4i…")]
pub(super) struct Token {
    #[command(flatten)]
    config: ConfigFile,
    /// The identity's name in the file.
    #[arg(long, short = 'i', value_name = "NAME")]
    identity: String,
    /// The scope, such as `https://graph.microsoft.com/.default`.
    #[arg(long, short = 's', value_name = "SCOPE")]
    scope: String,
    /// Ask for a token with these claims: JSON, or base64 as an API's `WWW-Authenticate` has it.
    #[arg(long, value_name = "CLAIMS")]
    claims: Option<String>,
    /// Print the token itself, and nothing else.
    #[arg(long)]
    raw: bool,
    /// Print header, claims and times as one JSON object.
    #[arg(long, conflicts_with = "raw")]
    json: bool,
}

impl Token {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        let known = config
            .identities
            .iter()
            .find(|known| *known.name == self.identity);
        let Some(identity) = known else {
            let names: Vec<&str> = config.identities.iter().map(|known| &*known.name).collect();
            return Err(Failure::Usage(unknown(&self.identity, &names)));
        };
        let http = HttpClient::new(&config.fetch).map_err(anyhow::Error::from)?;
        let claims = self.claims.as_deref().map(claims).transpose()?;
        let wanted = Wanted {
            claims,
            ..Wanted::of_app(&self.scope)
        };
        let source = TokenSource::new(identity.clone(), wanted, http);
        let acquired = source.acquire(UnixTime::now());
        let token = super::small_runtime()?
            .block_on(acquired)
            .with_context(|| format!("identity {} got no token", self.identity))?;
        if self.raw {
            say!("{}", compact(&token)?)?;
        } else if self.json {
            let [header, claims] = parts(&token)?;
            let shown = serde_json::json!({
                "header": header,
                "claims": claims,
                "expires_at": token.expires_at.to_string(),
                "renew_at": token.renew_at.to_string(),
            });
            say!("{shown:#}")?;
        } else {
            show(&token)?;
        }
        Ok(())
    }
}

/// The claims as a token request has them.
fn claims(given: &str) -> Result<Arc<str>, Failure> {
    let challenge = ClaimsChallenge::of_text(given);
    let challenge = challenge.ok_or_else(|| {
        let form =
            r#"JSON such as '{"access_token":{"nbf":{"essential":true,"value":"1790000123"}}}'"#;
        Failure::Usage(format!("--claims is neither {form} nor base64 of it"))
    })?;
    Ok(challenge.request())
}

/// An identity the file does not define: the one that was meant, or all there are.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    let near = |candidate: &&&str| strsim::damerau_levenshtein(name, candidate) <= 2;
    let missing = format!("there is no identity `{name}` in the file");
    match (known.iter().find(near), known) {
        (Some(meant), _) => format!("{missing}; did you mean `{meant}`?"),
        (None, []) => format!("{missing}; it has no `identities`"),
        (None, _) => format!("{missing}; it has: {}", known.join(", ")),
    }
}

fn compact(token: &AccessToken) -> anyhow::Result<&str> {
    let compact = token.header.to_str()?.strip_prefix("Bearer ");
    compact.context("not a bearer token")
}

/// Header and claims, where they can be read; never the signature, without which they are worth nothing
/// to a thief.
fn parts(token: &AccessToken) -> anyhow::Result<[Option<Value>; 2]> {
    let mut parts = compact(token)?.split('.');
    let mut next = || {
        let decoded = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice(&decoded).ok()
    };
    Ok([next(), next()])
}

fn show(token: &AccessToken) -> anyhow::Result<()> {
    for (name, part) in ["header", "claims"].into_iter().zip(parts(token)?) {
        match part {
            Some(json) => say!("{name} {json:#}")?,
            None => {
                say!("{name}: the token is opaque")?;
                break;
            }
        }
    }
    say!(
        "valid until {}, renewed at {}",
        token.expires_at,
        token.renew_at
    )?;
    Ok(())
}
