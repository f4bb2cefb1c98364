//! The process's own log, on standard error.

use std::str::FromStr;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::reason::Reason;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDefinition {
    /// `error`, `warn`, `info`, `debug`, `trace`.
    pub level: String,
    pub format: LogFormat,
    pub access: bool,
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
            access: true,
        }
    }
}

/// Starts the process's log; a second call does nothing. Takes in what libraries say through
/// `log` as well.
pub fn start_logging(definition: &LogDefinition) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match definition.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(colours()).boxed(),
    };
    // The error says that there is a log already.
    let _ = tracing_subscriber::registry()
        .with(filter(&definition.level))
        .with(lines)
        .try_init();
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

fn filter(level: &str) -> Targets {
    let level = LevelFilter::from_str(level).unwrap_or(LevelFilter::INFO);
    // SECURITY: below `warn`, HTTP libraries print heads, and with them tokens.
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_PKG_NAME"), level)
        // SECURITY: Pingora's lines hold what could not be understood. What they tell is in the
        // access line or counted by the edge.
        .with_target("pingora_core::protocols", LevelFilter::OFF)
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
            let enabled = filter(level).would_enable(target, &line);
            assert_eq!(enabled, shown, "{level}: {target} at {line}");
        }
    }

    #[test]
    fn starting_twice_does_nothing() {
        let definition = LogDefinition {
            level: "error".to_owned(),
            ..LogDefinition::default()
        };
        start_logging(&definition);
        start_logging(&definition);
    }
}
