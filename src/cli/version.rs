//! `bearergate version`: what this binary is made of, for a bug report.

use super::{Failure, say};

/// Pingora tells its version nowhere; ours is pinned here.
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// Print the version and what it was built with.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate version  for a bug report")]
pub(super) struct Version {}

impl Version {
    pub(super) fn run(self) -> Result<(), Failure> {
        say!("bearergate {}", env!("CARGO_PKG_VERSION"))?;
        say!(
            "pingora {}",
            pingora_version(MANIFEST).unwrap_or("of an unknown version")
        )?;
        say!("{}", openssl::version::version())?;
        Ok(())
    }
}

/// What stands after `=` in `pingora = { version = "=0.9.1", … }`.
fn pingora_version(manifest: &str) -> Option<&str> {
    let line = manifest
        .lines()
        .find(|line| line.starts_with("pingora = "))?;
    let (_, rest) = line.split_once("\"=")?;
    rest.split_once('"').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pingora_is_pinned_where_its_version_is_read() {
        let version = pingora_version(MANIFEST).unwrap();
        assert!(
            version.split('.').all(|part| part.parse::<u32>().is_ok()),
            "{version}"
        );
        assert_eq!(pingora_version("pingora = \"0.9\""), None);
    }
}
