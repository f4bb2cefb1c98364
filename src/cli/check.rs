//! `bearergate check`: every problem of the file, or the plan as a table.

use anstyle::{AnsiColor, Color, Style};
use anyhow::anyhow;

use super::certificate_age::CertificateAges;
use super::check_format::{Format, Report, Tried};
use super::check_plan::{count, plan};
use super::{ConfigFile, Failure, check_online, say};
use crate::clock::UnixTime;
use crate::config::Config;

const NOTICE: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));

/// Show every problem of a file, or what it means.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate check gateway.yaml                   every problem of it, or what it means
  bearergate check --online gateway.yaml          and whether keys, tokens and upstreams are there
  bearergate check --format sarif gateway.yaml    > bearergate.sarif
  bearergate check -                              < gateway.yaml")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Also fetch keys, acquire each token and reach each upstream.
    #[arg(long)]
    online: bool,
    /// How standard output tells it; standard error tells people always.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Format::Text)]
    format: Format,
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
        let file = self.config.path();
        let config = match self.config.load() {
            Err(Failure::Config(problems)) => {
                self.render(&Report::refused(file, &problems))?;
                return Err(problems.into());
            }
            loaded => loaded?,
        };
        let for_people = self.format == Format::Text;
        let (certificates, now) = (CertificateAges::of(&config), UnixTime::now());
        let notes: Vec<_> = certificates.notices(now).collect();
        if for_people {
            self.show(&config, &notes)?;
        }
        let tell = |tried: &Tried| match for_people {
            true => check_online::show(tried),
            false => Ok(()),
        };
        let tried = self.online.then(|| {
            let runtime = super::small_runtime()?;
            runtime.block_on(check_online::run(&config, tell))
        });
        let tried = tried.transpose()?;
        let in_vain = tried.iter().flatten().filter(|tried| !tried.ok).count();
        self.render(&Report::valid(file, &config, notes, tried))?;
        match (in_vain, certificates.ended(now)) {
            (0, 0) => Ok(()),
            (0, ended) => {
                let certificates = count(ended, "certificate");
                Err(anyhow!("{certificates} ended; the file itself is valid").into())
            }
            (failed, _) => {
                Err(anyhow!("{failed} of these failed; the file itself is valid").into())
            }
        }
    }

    /// What the file means, for people.
    fn show(&self, config: &Config, notes: &[String]) -> anyhow::Result<()> {
        say!("{}", plan(config, self.width.or_else(terminal_width)))?;
        say!(
            "{}, {}, {}: valid.",
            count(config.routes.len(), "route"),
            count(config.issuers.len(), "issuer"),
            count(config.identities.len(), "identity"),
        )?;
        for note in notes {
            say!("{NOTICE}note{NOTICE:#}  {note}")?;
        }
        Ok(())
    }

    fn render(&self, report: &Report) -> anyhow::Result<()> {
        match self.format.of(report) {
            Some(text) => say!("{text}"),
            None => Ok(()),
        }
    }
}
