//! The process's own log, on standard error.

use std::io;
use std::str::FromStr;
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Format;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::AccessSink;
use super::process_log::{Clock, ProcessLog};
use crate::reason::Reason;

/// The one that was started; `tracing` has one for the process too.
static STARTED: OnceLock<ProcessLog> = OnceLock::new();

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDefinition {
    /// `error`, `warn`, `info`, `debug`, `trace`.
    pub level: String,
    pub format: LogFormat,
    pub access: AccessSink,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Json,
    Text,
}

impl Default for LogDefinition {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Json,
            access: AccessSink::StandardOutput,
        }
    }
}

/// Starts the process's log; a second call does nothing. Takes in what libraries say through
/// `log` as well.
pub fn start_logging(definition: &LogDefinition) {
    if STARTED.get().is_some() {
        return;
    }
    // Without a thread to write, nothing is written: the process has worse troubles.
    let Ok(log) = ProcessLog::to_writer(Box::new(io::stderr()), definition.format) else {
        return;
    };
    let level = level(&definition.level);
    // The error says that there is a log already.
    let started = tracing_subscriber::registry()
        .with(filter(level))
        .with(layer(&log, colours()))
        .try_init();
    if started.is_ok() {
        let _ = STARTED.set(log);
    }
    // Lines of libraries are filtered all the same; but what is below this they do not even put
    // together, and Pingora panics on a Latin-1 header when it does.
    log::set_max_level(log_level(level));
}

/// Says a panic in the process's log, not on standard error, where it would wait for a reader.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let why = panic.payload_as_str().unwrap_or_default();
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(why, place, %backtrace, "panicked");
    }));
}

/// Waits until everything that was said is written; two seconds at most.
pub fn flush_logging() {
    if let Some(log) = STARTED.get() {
        log.flush();
    }
}

/// How many of the process's own lines were lost.
pub(super) fn dropped() -> u64 {
    STARTED.get().map_or(0, ProcessLog::dropped)
}

pub(super) fn layer<S>(log: &ProcessLog, colours: bool) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(log.pens());
    let lines = Format::default().with_timer(Clock);
    match log.format() {
        LogFormat::Json => {
            let shape = log.shape(lines.json().flatten_event(true));
            layer.json().event_format(shape).boxed()
        }
        LogFormat::Text => {
            let shape = log.shape(lines.with_ansi(colours));
            layer.with_ansi(colours).event_format(shape).boxed()
        }
    }
}

/// A request that was not served by a fault that is not its caller's.
pub fn warn_of_failure(
    message: &'static str,
    request_id: &str,
    reason: Reason,
    route: Option<&str>,
    detail: &str,
) {
    tracing::warn!(%request_id, %reason, route, detail, "{message}");
}

/// An answer of an upstream that went on to its caller, and is our business as well.
pub fn warn_of_answer(request_id: &str, route: Option<&str>, detail: &str) {
    tracing::warn!(%request_id, route, detail, "the upstream refused");
}

/// Bytes of names that one line shows.
const LONGEST_NAMES: usize = 1024;

/// Header fields of a request that did not go on beside our token. Never their values.
pub fn debug_of_left_out<'a>(request_id: &str, route: &str, names: impl Iterator<Item = &'a str>) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let mut listed = String::new();
    for name in names {
        if listed.len() + name.len() > LONGEST_NAMES {
            listed.push_str(" …");
            break;
        }
        if !listed.is_empty() {
            listed.push(' ');
        }
        listed.push_str(name);
    }
    tracing::debug!(%request_id, route, headers = listed, "headers left out");
}

fn level(written: &str) -> LevelFilter {
    LevelFilter::from_str(written).unwrap_or(LevelFilter::INFO)
}

fn log_level(level: LevelFilter) -> log::LevelFilter {
    match level {
        LevelFilter::OFF => log::LevelFilter::Off,
        LevelFilter::ERROR => log::LevelFilter::Error,
        _ => log::LevelFilter::Warn,
    }
}

fn filter(level: LevelFilter) -> Targets {
    // SECURITY: below `warn`, HTTP libraries print heads, and with them tokens.
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_PKG_NAME"), level)
        // SECURITY: Pingora's lines hold what could not be understood. What they tell is in the
        // access line or counted by the edge.
        .with_target("pingora_core::protocols", LevelFilter::OFF)
        // What peers do wrong is counted, too, and any of them could fill the log.
        .with_target("h2", level.min(LevelFilter::ERROR))
}

/// Only a terminal gets colours, and only one that wants them (`NO_COLOR`, `TERM=dumb`).
fn colours() -> bool {
    !matches!(
        anstream::AutoStream::choice(&std::io::stderr()),
        anstream::ColorChoice::Never
    )
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn our_lines_follow_the_level_and_others_never_go_below_warn() {
        for (level, target, line, shown) in [
            ("info", "bearergate::app", Level::INFO, true),
            ("info", "bearergate::app", Level::DEBUG, false),
            ("trace", "bearergate::proxy::gateway", Level::TRACE, true),
            ("error", "bearergate", Level::WARN, false),
            ("error", "reqwest", Level::WARN, false),
            ("trace", "reqwest::connect", Level::DEBUG, false),
            ("trace", "h2::codec::framed_write", Level::TRACE, false),
            ("info", "h2::proto::ping_pong", Level::WARN, false),
            ("info", "pingora_core::connectors", Level::WARN, true),
            ("trace", "hyper::proto::h1::io", Level::DEBUG, false),
            (
                "trace",
                "pingora_core::protocols::http::v1::common",
                Level::WARN,
                false,
            ),
            ("nonsense", "bearergate", Level::INFO, true),
            ("nonsense", "bearergate", Level::DEBUG, false),
        ] {
            let enabled = filter(super::level(level)).would_enable(target, &line);
            assert_eq!(enabled, shown, "{level}: {target} at {line}");
        }
    }

    #[test]
    fn starting_twice_does_nothing_and_libraries_never_put_together_what_is_below_warn() {
        let definition = |level: &str| LogDefinition {
            level: level.to_owned(),
            ..LogDefinition::default()
        };
        start_logging(&definition("trace"));
        assert_eq!(log::max_level(), log::LevelFilter::Warn);
        start_logging(&definition("trace"));
        assert_eq!(log::max_level(), log::LevelFilter::Warn);
    }
}
