//! `bearergate why`: what became of one request, and what is to be done. The running gateway is asked,
//! which remembers the last that it did not serve.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::Style;
use anyhow::{Context, anyhow};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::{ConfigFile, Failure, say};
use crate::http_client::{Answer, FetchDefinition, FetchError, HttpClient};
use crate::located::visible;
use crate::pem;
use crate::secret::SecretSource;

const BOLD: Style = Style::new().bold();
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Characters of a text that are printed.
const LONGEST: usize = 2000;
/// The largest report that is read; a full one has half a megabyte.
const LARGEST: usize = 8 * 1024 * 1024;

/// Explain why a request was refused or failed: ask the running gateway.
///
/// The id is the answer's `X-Request-Id` and the `request_id` of its body. Each process knows its own
/// requests, and of them the last few hundred that it did not serve.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate why 9f1c2a7be3d04c1800000000b1946ac9 --config gate.yaml
  bearergate why 9f1c2a7be3d04c1800000000b1946ac9 --address http://127.0.0.1:9090
  bearergate why 9f1c2a7be3d04c1800000000b1946ac9 --config gate.yaml --key-file ops.key")]
pub(super) struct Why {
    #[arg(value_name = "REQUEST_ID")]
    request_id: String,
    /// The gateway's configuration file, whose `admin.address` is asked.
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        env = "BEARERGATE_CONFIG"
    )]
    config: Option<PathBuf>,
    /// Where the admin listener is, such as `http://127.0.0.1:9090`; else the configuration says it.
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    address: Option<Url>,
    /// A file with an API key of `admin.callers`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file with a bearer token of one of `admin.callers`.
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    token_file: Option<PathBuf>,
    /// PEM certificates to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the request as one JSON object.
    #[arg(long)]
    json: bool,
    /// How long to wait.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Why {
    pub(super) fn run(self) -> Result<(), Failure> {
        let url = self.url()?;
        let answer = super::small_runtime()?.block_on(self.ask(&url))?;
        let report = read(&answer, &url)?;
        let requests = report["refusals"]["requests"].as_array();
        let requests = requests.map_or(&[][..], Vec::as_slice);
        let Some(request) = requests
            .iter()
            .find(|it| it["request_id"] == self.request_id)
        else {
            return Err(unknown(&self.request_id, requests, &url).into());
        };
        if self.json {
            say!("{request:#}")?;
        } else {
            explain(request, &report["refusals"]["reasons"])?;
        }
        Ok(())
    }

    fn url(&self) -> Result<Url, Failure> {
        let usage = |why: &dyn std::fmt::Display| Failure::Usage(why.to_string());
        let base = match (&self.address, &self.config) {
            (Some(url), _) => url.clone(),
            (None, Some(path)) => {
                let config = ConfigFile::at(path.clone()).load()?;
                let none = || usage(&"the configuration has no `admin`: nobody can be asked");
                let admin = config.admin.ok_or_else(none)?;
                let scheme = if admin.tls.is_some() { "https" } else { "http" };
                let url = format!("{scheme}://{}", reachable(admin.address));
                Url::parse(&url).map_err(|why| usage(&why))?
            }
            (None, None) => return Err(usage(&"`--address` or `--config` says whom to ask")),
        };
        base.join("/status.json").map_err(|why| usage(&why))
    }

    async fn ask(&self, url: &Url) -> Result<Answer, Failure> {
        let ca_pem = match &self.ca_file {
            Some(path) => Some(authorities(path)?),
            None => None,
        };
        let http = HttpClient::new(&FetchDefinition {
            timeout: self.timeout,
            ca_pem,
            ca_key: Some("--ca-file"),
            headers: self.credential()?,
            ..FetchDefinition::default()
        });
        let http = http.map_err(anyhow::Error::from)?;
        let asked = http.fetch(url.as_str(), LARGEST);
        match asked.await {
            Err(error @ FetchError::Insecure) => Err(Failure::Usage(error.to_string())),
            asked => Ok(asked.with_context(|| format!("{url} does not answer"))?),
        }
    }

    /// What is shown to the gateway, where it asks who we are.
    fn credential(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        let (path, name, prefix) = match (&self.key_file, &self.token_file) {
            (Some(path), _) => (path, X_API_KEY, ""),
            (None, Some(path)) => (path, AUTHORIZATION, "Bearer "),
            (None, None) => return Ok(headers),
        };
        let secret = SecretSource::File(path.clone()).read_text();
        let secret = secret.map_err(|why| Failure::Usage(why.to_string()))?;
        let value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose()));
        let unfit = |_| Failure::Usage(format!("{}: no header can carry that", path.display()));
        let mut value = value.map_err(unfit)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(headers)
    }
}

/// Where whoever listens everywhere is asked from the same host.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

fn authorities(path: &Path) -> Result<Vec<u8>, Failure> {
    let source = SecretSource::File(path.to_owned());
    let bytes = source
        .read_bytes()
        .map_err(|why| Failure::Usage(why.to_string()))?;
    let pem = pem::authorities(bytes.expose());
    pem.map_err(|why| Failure::Usage(format!("{source} {why}")))
}

fn read(answer: &Answer, url: &Url) -> anyhow::Result<Value> {
    let said = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => {
            serde_json::from_str(&said).with_context(|| format!("{url} is no status of bearergate"))
        }
        401 => Err(anyhow!(
            "{url} asks who you are: give `--key-file` or `--token-file` of one whom `admin.callers` names"
        )),
        404 => Err(anyhow!("{url} does not exist: is that the admin listener?")),
        status => Err(anyhow!(
            "{url} answered {status}: {}",
            plain(said.trim_end())
        )),
    }
}

fn unknown(id: &str, requests: &[Value], url: &Url) -> anyhow::Error {
    let known = match requests.last() {
        None => "it has refused none and none has failed".to_owned(),
        Some(oldest) => format!(
            "of those that it refused or that failed it remembers {}, the oldest of {}",
            requests.len(),
            plain(oldest["at"].as_str().unwrap_or_default())
        ),
    };
    anyhow!(
        "{url} does not remember {id}: {known}.\nIt was served, or is older, or came in a flood \
         of others, or another process answered it: its access line is in the log of that one"
    )
}

fn explain(request: &Value, reasons: &Value) -> anyhow::Result<()> {
    let text = |name: &str| request[name].as_str();
    let reason = text("reason").unwrap_or_default();
    let told = &reasons[reason];
    let (id, at) = (
        text("request_id").unwrap_or_default(),
        text("at").unwrap_or_default(),
    );
    let (method, path) = (
        text("method").unwrap_or_default(),
        text("path").unwrap_or_default(),
    );
    let title = told["title"].as_str().unwrap_or_default();
    say!("{BOLD}{} {}{BOLD:#}", plain(method), plain(path))?;
    let answered = match request["status"].as_u64() {
        Some(0) | None => "no answer was sent".to_owned(),
        Some(status) => status.to_string(),
    };
    let upstream = text("upstream").map(|upstream| match request["upstream_status"].as_u64() {
        Some(status) => format!("{upstream} answered {status}"),
        None => upstream.to_owned(),
    });
    let duration = request["duration_ms"].as_f64();
    for (label, value) in [
        ("answered", Some(format!("{answered}, {reason}: {title}"))),
        ("request", Some(format!("{id}, at {at}"))),
        ("took", duration.map(|taken| format!("{taken} ms"))),
        ("listener", text("listener").map(str::to_owned)),
        (
            "route",
            Some(text("route").unwrap_or("none was found").to_owned()),
        ),
        ("from", text("client").map(str::to_owned)),
        (
            "proven",
            Some(text("principal").unwrap_or("nothing").to_owned()),
        ),
        ("upstream", upstream),
        ("in this case", text("detail").map(str::to_owned)),
        ("it means", told["meaning"].as_str().map(str::to_owned)),
        ("what to do", told["operator"].as_str().map(str::to_owned)),
        ("the caller", told["caller"].as_str().map(str::to_owned)),
    ] {
        if let Some(value) = value {
            say!("  {label:<13} {}", plain(&value))?;
        }
    }
    Ok(())
}

/// SECURITY: whoever answers is believed no more than a caller who chose a path: nothing of either is
/// a command to the terminal, or a line of its own.
fn plain(text: &str) -> String {
    text.chars().take(LONGEST).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_is_no_command_to_the_terminal() {
        let told = plain("/a\u{1b}]0;x\u{7}\n\u{9b}2J\u{7f}\u{202e}b");
        assert!(
            !told.contains(|sign: char| sign.is_control() || sign == '\u{202e}'),
            "{told:?}"
        );
        assert!(plain(&"x".repeat(10_000)).len() == LONGEST);
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.1.2.3:9090", "10.1.2.3:9090"),
        ] {
            let asked: SocketAddr = asked.parse().unwrap();
            assert_eq!(reachable(listens.parse().unwrap()), asked);
        }
    }
}
