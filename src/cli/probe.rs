//! `bearergate probe`: ask one URL and say it by the exit code; a container's health check.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use url::Url;

use super::{Failure, say};
use crate::http_client::{FetchDefinition, HttpClient};
use crate::pem;
use crate::secret::SecretSource;

/// Ask a health URL; exit code 0 when it answers 2xx.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate probe http://127.0.0.1:9090/readyz
  bearergate probe --timeout 1s http://127.0.0.1:9090/livez
  bearergate probe --ca-file /run/tls/ca.crt https://localhost:9090/readyz")]
pub(super) struct Probe {
    /// Such as `http://127.0.0.1:9090/readyz`: http or https, on any host.
    #[arg(value_name = "URL", value_parser = health_url)]
    url: Url,
    /// PEM certificates to trust instead of the system's, where the URL is https.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long to wait.
    #[arg(long, default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Probe {
    pub(super) fn run(self) -> Result<(), Failure> {
        let http = HttpClient::new(&FetchDefinition {
            timeout: self.timeout,
            ca_pem: self.ca_file.map(trusted).transpose()?,
            ca_key: Some("--ca-file"),
            ..Default::default()
        });
        let http = http.map_err(anyhow::Error::from)?;
        // Nothing is told but that somebody asks, and what comes back is whether all is well: in a cluster, by plain http.
        let asked = http.fetch_open(&self.url, 1024 * 1024);
        let answer = super::small_runtime()?.block_on(asked);
        let answer = answer.with_context(|| format!("{} does not answer", self.url))?;
        let body = String::from_utf8_lossy(&answer.body);
        let body = body.trim_end();
        if (200..300).contains(&answer.status) {
            say!("{} {body}", answer.status)?;
            return Ok(());
        }
        Err(anyhow!("{} answered {}: {body}", self.url, answer.status).into())
    }
}

fn health_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| why.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(format!("expected http or https, not {scheme}")),
    }
}

fn trusted(path: PathBuf) -> Result<Vec<u8>, Failure> {
    let source = SecretSource::File(path);
    let wrong = |why: String| Failure::Usage(format!("--ca-file: {why}"));
    let bytes = source.read_bytes().map_err(|why| wrong(why.to_string()))?;
    pem::authorities(bytes.expose()).map_err(|why| wrong(format!("{source} {why}")))
}
