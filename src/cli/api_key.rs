//! `bearergate api-key new`: a key that nobody can guess, and the lines of the file that name it.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::rand::rand_bytes;
use openssl::sha::sha256;
use zeroize::Zeroizing;

use super::certificate::files::{NewFile, ensure_absent, write_all};
use super::say;
use crate::located::{Name, Scalar};

/// 256 bits: 43 characters.
const LENGTH: usize = 32;

/// Make a key, and show what to write into the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate api-key new --id payroll                      > payroll.key
  bearergate api-key new --id payroll --out payroll.key    its owner's alone (mode 0600)")]
pub(super) struct ApiKeyNew {
    /// The key's public name in the configuration and the log.
    #[arg(long, value_name = "NAME", default_value = "payroll", value_parser = name)]
    id: String,
    /// Write the key to this file, its owner's alone, instead of printing it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there already.
    #[arg(long)]
    force: bool,
}

fn name(text: &str) -> Result<String, String> {
    match Name::parse(text) {
        Ok(Name(name)) => Ok(name),
        Err(_) => Err(format!("expected {}", Name::EXPECTED)),
    }
}

impl ApiKeyNew {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut random = Zeroizing::new([0; LENGTH]);
        rand_bytes(&mut *random).context("no random bytes are to be had")?;
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
        let hash: String = sha256(key.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let id = &self.id;
        let by_hash = format!("  - api_key: {{ id: {id}, sha256: {hash} }}");
        let Some(path) = self.out else {
            say!("{}", &*key)?;
            // Beside the key, so that standard output can be a file of its own.
            let advice =
                "This is the key, shown once. The caller sends it in X-Api-Key. For `callers`:";
            let _ = writeln!(anstream::stderr(), "\n{advice}\n{by_hash}");
            return Ok(());
        };
        if !self.force {
            ensure_absent(std::iter::once(path.clone()))?;
        }
        let file = NewFile {
            path: path.clone(),
            purpose: "the key",
            secret: true,
            content: Zeroizing::new(key.as_bytes().to_vec()),
        };
        write_all(&[file], self.force)?;
        say!(
            "{}: the key, for the caller, who sends it in X-Api-Key. For `callers`:",
            path.display()
        )?;
        say!("{by_hash}")?;
        say!("or, where the gateway may read the file:")?;
        say!(
            "  - api_key: {{ id: {id}, key: {{ file: {} }} }}",
            path.display()
        )
    }
}
