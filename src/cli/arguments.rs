//! Arguments → run → exit code: 0 ok, 1 failed while running, 2 bad arguments or configuration.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Config, Files, Problems};
use crate::telemetry::flush_logging;

/// Authentication gateway for Microsoft Entra ID.
///
/// A route is who may come in, where it goes, and whose token it carries.
#[derive(Debug, Parser)]
#[command(
    name = "bearergate",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed while running, 2 wrong arguments or configuration."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(super::dev::Dev),
    Serve(super::serve::Serve),
    Check(super::check::Check),
    Token(super::token::Token),
    ConsentUrl(super::consent_url::ConsentUrl),
    #[command(subcommand)]
    Setup(SetupCommand),
    #[command(subcommand)]
    Certificate(CertificateCommand),
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    Schema(super::schema::Schema),
    Probe(super::probe::Probe),
    Why(super::why::Why),
    Completions(super::completions::Completions),
    Manual(super::manual::Manual),
    Version(super::version::Version),
}

/// Print what has to be done elsewhere for the file to hold.
#[derive(Debug, Subcommand)]
enum SetupCommand {
    Entra(super::setup::SetupEntra),
}

/// Make the certificate an identity proves itself with.
#[derive(Debug, Subcommand)]
enum CertificateCommand {
    New(super::certificate::CertificateNew),
}

/// Make a key for an application that knows no OAuth.
#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    New(super::api_key::ApiKeyNew),
}

/// Prints a line to standard output; `?` on it ends the command where nothing can be printed.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::arguments::print_line(format_args!($($text)*)) };
}
pub(super) use say;

/// The file every command but `dev` starts from.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigFile {
    /// The configuration file; `-` is standard input.
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        env = "BEARERGATE_CONFIG",
        required_unless_present = "given"
    )]
    path: Option<PathBuf>,
    /// The same, without `--config`.
    #[arg(value_name = "FILE", id = "given")]
    given: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The file is not valid: exit code 2, and nothing was started.
    #[error(transparent)]
    Config(#[from] Problems),
    /// What was asked for does not exist: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Anything that went wrong while running: exit code 1.
    #[error(transparent)]
    Runtime(#[from] anyhow::Error),
}

pub fn main() -> ExitCode {
    if super::signing::is_wanted() {
        return super::signing::run();
    }
    let done = match Arguments::parse().command {
        Command::Dev(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::ConsentUrl(command) => command.run(),
        Command::Setup(SetupCommand::Entra(command)) => command.run(),
        Command::Certificate(CertificateCommand::New(command)) => {
            command.run().map_err(Failure::from)
        }
        Command::ApiKey(ApiKeyCommand::New(command)) => command.run().map_err(Failure::from),
        Command::Schema(command) => command.run(),
        Command::Probe(command) => command.run(),
        Command::Why(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Manual(command) => command.run(),
        Command::Version(command) => command.run(),
    };
    flush_logging();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

/// The command line as it is defined, for what is made from it.
pub(super) fn definition() -> clap::Command {
    Arguments::command()
}

fn report(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Config(problems) => complain(format_args!("{}", problems.styled()), 2),
        Failure::Usage(text) => complain(format_args!("bearergate: {text}"), 2),
        // Whoever reads our output has seen enough: `bearergate schema | head`.
        Failure::Runtime(error) if is_broken_pipe(error) => ExitCode::SUCCESS,
        Failure::Runtime(error) => complain(format_args!("bearergate: {error:#}"), 1),
    }
}

fn complain(text: fmt::Arguments<'_>, code: u8) -> ExitCode {
    // Where standard error is closed too, the exit code is all that is left.
    let _ = writeln!(anstream::stderr(), "{text}");
    ExitCode::from(code)
}

pub(super) fn print_line(text: fmt::Arguments<'_>) -> anyhow::Result<()> {
    Ok(writeln!(anstream::stdout(), "{text}").map_err(NotPrinted)?)
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
struct NotPrinted(io::Error);

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let printed = error.downcast_ref::<NotPrinted>();
    printed.is_some_and(|why| why.0.kind() == io::ErrorKind::BrokenPipe)
}

impl ConfigFile {
    /// A file that was named in another way.
    pub(super) fn at(path: PathBuf) -> Self {
        let (path, given) = (Some(path), None);
        Self { path, given }
    }

    pub(super) fn load(&self) -> Result<Config, Failure> {
        self.load_noting(&mut Files::default())
    }

    /// The same, and which files it was read from.
    pub(super) fn load_noting(&self, files: &mut Files) -> Result<Config, Failure> {
        let path = self.path();
        if self.is_standard_input() {
            return Ok(Config::read(io::stdin(), "standard input", Path::new(""))?);
        }
        let shown = path.display();
        // A mistyped path is the commonest mistake of all, and no problem of a file's.
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                let why = format!("no such file: {}", whole.display());
                Err(Failure::Usage(why))
            }
            Ok(about) if about.is_dir() => {
                let why = format!("{shown} is a directory; give the file in it");
                Err(Failure::Usage(why))
            }
            _ => Ok(Config::load_noting(path, files)?),
        }
    }

    /// Whether it is read once, and cannot be read again.
    pub(super) fn is_standard_input(&self) -> bool {
        self.path() == Path::new("-")
    }

    /// What stands there as it is wins over a variable.
    pub(super) fn path(&self) -> &Path {
        let given = self.given.as_deref().or(self.path.as_deref());
        given.unwrap_or(Path::new("-"))
    }
}

/// A runtime for commands that do a few fetches and end.
pub(super) fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
