//! What is told while it runs, and where to: the plan's lines about access lines and traces.

use crate::config::Config;
use crate::telemetry::AccessSink;

/// Labels, each with its lines; none where it is as always.
pub(super) fn told(config: &Config) -> [(&'static str, Vec<String>); 2] {
    let lines = match &config.log.access {
        AccessSink::StandardOutput => None,
        AccessSink::Nothing => Some("none".to_owned()),
        AccessSink::File(path) => Some(path.display().to_string()),
    };
    let traces = config.traces.iter();
    let traces = traces.map(|it| format!("{} % of requests to {}", it.sample, it.endpoint));
    [
        ("access lines", lines.into_iter().collect()),
        ("traces", traces.collect()),
    ]
}
