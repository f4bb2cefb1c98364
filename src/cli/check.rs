//! `bearergate check`: every problem of the file, or the plan as a table.

use anstyle::{AnsiColor, Color, Style};
use anyhow::anyhow;

use super::certificate_age::CertificateAges;
use super::check_plan::{count, plan};
use super::{ConfigFile, Failure, check_online, say};
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
    /// Columns that the plan should fit into; a terminal's own where there is one.
    #[arg(long, value_name = "COLUMNS")]
    width: Option<usize>,
}

/// How wide standard output is, where it is a terminal.
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        say!("{}", plan(&config, self.width.or_else(terminal_width)))?;
        let counts = format!(
            "{}, {}, {}: valid.",
            count(config.routes.len(), "route"),
            count(config.issuers.len(), "issuer"),
            count(config.identities.len(), "identity"),
        );
        say!("{counts}")?;
        let (certificates, now) = (CertificateAges::of(&config), UnixTime::now());
        for notice in certificates.notices(now) {
            say!("{NOTICE}note{NOTICE:#}  {notice}")?;
        }
        if self.online {
            super::small_runtime()?.block_on(check_online::run(&config))?;
        }
        match certificates.ended(now) {
            0 => Ok(()),
            ended => {
                let certificates = count(ended, "certificate");
                Err(anyhow!("{certificates} ended; the file itself is valid").into())
            }
        }
    }
}
