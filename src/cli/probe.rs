//! `bearergate probe`: ask one URL and say it by the exit code; a container's health check.

use std::time::Duration;

use anyhow::{Context, anyhow};

use super::{Failure, say};
use crate::http_client::{FetchDefinition, FetchError, HttpClient};

/// Ask a health URL; exit code 0 when it answers 2xx.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate probe http://127.0.0.1:9090/readyz
  bearergate probe --timeout 1s http://127.0.0.1:9090/livez")]
pub(super) struct Probe {
    /// Such as `http://127.0.0.1:9090/readyz`.
    #[arg(value_name = "URL")]
    url: url::Url,
    /// How long to wait.
    #[arg(long, default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Probe {
    pub(super) fn run(self) -> Result<(), Failure> {
        let http = HttpClient::new(&FetchDefinition {
            timeout: self.timeout,
            ca_key: None,
            ..Default::default()
        });
        let http = http.map_err(anyhow::Error::from)?;
        let asked = http.fetch(self.url.as_str(), 1024 * 1024);
        let answer = match super::small_runtime()?.block_on(asked) {
            Err(error @ FetchError::Insecure) => return Err(Failure::Usage(error.to_string())),
            asked => asked.with_context(|| format!("{} does not answer", self.url))?,
        };
        let body = String::from_utf8_lossy(&answer.body);
        let body = body.trim_end();
        if (200..300).contains(&answer.status) {
            say!("{} {body}", answer.status)?;
            return Ok(());
        }
        Err(anyhow!("{} answered {}: {body}", self.url, answer.status).into())
    }
}
