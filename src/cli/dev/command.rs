//! `bearergate dev`: the whole thing without Azure, in one process and on loopback.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use tempfile::TempPath;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::example::Example;
use super::stage::{Stage, StageOptions};
use crate::cli::{ConfigFile, Failure, say};
use crate::config::Config;
use crate::telemetry::{AccessLog, AccessSink, LogDefinition, LogFormat, start_logging};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));

/// Try everything without Azure: an Entra-shaped issuer, an API, a mailbox, and the gateway.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate dev                          and type the lines that it prints
  bearergate dev --try                    it types them itself, and ends
  bearergate dev --config gateway.yaml    your file, with tokens that its callers would bring")]
pub(in crate::cli) struct Dev {
    /// Run the lines worth trying, show what came back, and end.
    #[arg(long = "try")]
    try_it: bool,
    /// Run this file instead of the built-in one, with tokens that its callers would bring. What it
    /// names outside of this host is replaced; `-` is standard input.
    #[arg(long, short = 'c', value_name = "FILE", conflicts_with = "try_it")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: StageOptions,
    /// Write addresses and secrets to this file as JSON while everything is up, for a test client.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Dev {
    pub(in crate::cli) fn run(self) -> Result<(), Failure> {
        let own = self.config.clone().map(ConfigFile::at);
        let own = own.map(|file| file.load()).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start worker threads")?;
        let outcome = runtime.block_on(self.play(own));
        runtime.shutdown_background();
        Ok(outcome?)
    }

    async fn play(self, own: Option<Config>) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let log = LogDefinition {
            level: "warn".to_owned(),
            format: LogFormat::Text,
            access: match self.try_it {
                true => AccessSink::Nothing,
                false => AccessSink::StandardOutput,
            },
        };
        start_logging(&log);
        let access_log = AccessLog::open(&log.access, log.format)?;
        let stage = Stage::set(self.options, own, access_log)?;
        let examples = stage.examples()?;
        let own = stage.own_lines()?;
        self.introduce(&stage)?;
        let ready = self.ready_file.as_deref();
        let ready = ready.map(|path| write_ready_file(path, &stage.facts()));
        let _ready = ready.transpose()?;
        if self.try_it {
            return try_all(&examples).await;
        }
        for line in own.iter().flatten() {
            say!("\n{BOLD}{}{BOLD:#}", line.title)?;
            say!("  {}", line.command)?;
        }
        for example in examples.iter().filter(|_| own.is_none()) {
            say!("\n{BOLD}{}{BOLD:#}", example.title)?;
            say!("  {}", example.command)?;
            say!("  {DIM}→ {}{DIM:#}", example.beside)?;
        }
        say!("\n{DIM}Ctrl-C ends it. Each request is a line below.{DIM:#}")?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }

    fn introduce(&self, stage: &Stage) -> anyhow::Result<()> {
        say!("{BOLD}bearergate dev{BOLD:#}: everything on loopback, nothing of it is real")?;
        let doors = &stage.doors;
        let admin = stage.origin("admin");
        let mut places = match &self.config {
            Some(_) => stage.listeners(),
            None => vec![
                (
                    "gateway, in front of an API".to_owned(),
                    stage.origin("apis"),
                ),
                (
                    "gateway, in front of Graph".to_owned(),
                    stage.origin("legacy"),
                ),
            ],
        };
        if !admin.is_empty() {
            places.push(("gateway, admin".to_owned(), admin + "/status  /metrics"));
        }
        let others = [
            ("Entra-shaped issuer", doors.issuer.base()),
            ("echo API", doors.echo.base()),
            ("Graph-shaped mailboxes", doors.mailbox.base()),
            ("managed identities (IMDS)", stage.platform.base()),
        ];
        places.extend(others.map(|(what, place)| (what.to_owned(), place)));
        if self.options.https {
            let file = stage.ca_file().display().to_string();
            places.push(("issuer's authority (PEM)".to_owned(), file));
        }
        for (what, place) in places {
            say!("  {what:<28} {place}")?;
        }
        for note in &stage.moved {
            say!("  {BAD}{note}{BAD:#}")?;
        }
        Ok(())
    }
}

/// Where everything is, for a test client; it goes when what it tells of goes. Appears whole or not at
/// all, and for its owner only: it holds secrets.
fn write_ready_file(path: &Path, facts: &serde_json::Value) -> anyhow::Result<TempPath> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        serde_json::to_writer_pretty(&mut file, facts)?;
        file.write_all(b"\n")?;
        file.persist(path)?;
        TempPath::try_from_path(path)
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

async fn try_all(examples: &[Example]) -> anyhow::Result<()> {
    let mut wrong = 0;
    for example in examples {
        say!("\n{BOLD}{}{BOLD:#}", example.title)?;
        say!("$ {}", example.command)?;
        let line = format!("{} -sS -w '\\n%{{http_code}}'", example.command);
        let output = Command::new("sh").arg("-c").arg(&line).output().await;
        let output = output.context("cannot run sh")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (body, status) = text.rsplit_once('\n').unwrap_or(("", ""));
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("curl failed: {}", complaint.trim());
        }
        let agrees = example.agrees(status.parse().unwrap_or(0), body);
        say!("{}", shortened(body))?;
        let (style, mark) = match agrees {
            true => (GOOD, "as expected"),
            false => (BAD, "NOT as expected"),
        };
        let beside = &example.beside;
        say!("{style}{status} {mark}{style:#} {DIM}({beside}){DIM:#}")?;
        wrong += usize::from(!agrees);
    }
    if wrong > 0 {
        bail!("{wrong} of {} lines gave another answer", examples.len());
    }
    say!("\n{} passed, 0 failed", examples.len())?;
    Ok(())
}

fn shortened(body: &str) -> String {
    const MOST: usize = 700;
    match body.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} … ({} bytes)", &body[..end], body.len()),
        None => body.to_owned(),
    }
}
