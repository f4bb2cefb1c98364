//! `bearergate schema`: the file's JSON Schema, for editors.

use anyhow::Context;

use super::{Failure, say};
use crate::config::Config;

/// Print the JSON Schema of the configuration file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate schema  > bearergate.schema.json, for an editor that completes and checks")]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Result<(), Failure> {
        let schema = serde_json::to_string_pretty(&Config::schema());
        say!("{}", schema.context("the schema is not JSON")?)?;
        Ok(())
    }
}
