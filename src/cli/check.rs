//! `bearergate check`: every problem of the file, or the plan as a table.

use anstyle::{AnsiColor, Color, Style};

use super::check_plan::{count, plan_table};
use super::{ConfigFile, Failure, certificate_age, check_online, say};
use crate::clock::UnixTime;

const NOTICE: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));

/// Show every problem of a file, or what it means.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Also fetch keys, acquire each token and reach each upstream.
    #[arg(long)]
    online: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        say!("{}", plan_table(&config))?;
        let counts = format!(
            "{}, {}, {}: valid.",
            count(config.routes.len(), "route"),
            count(config.issuers.len(), "issuer"),
            count(config.identities.len(), "identity"),
        );
        say!("{counts}")?;
        for notice in certificate_age::notices(&config, UnixTime::now()) {
            say!("{NOTICE}note{NOTICE:#}  {notice}")?;
        }
        if self.online {
            super::small_runtime()?.block_on(check_online::run(&config))?;
        }
        Ok(())
    }
}
