//! What is told while it runs, and where to, and what is kept: the plan's lines about access lines, traces
//! and tokens.

use crate::config::Config;
use crate::telemetry::AccessSink;

/// Labels, each with its lines; none where it is as always.
pub(super) fn told(config: &Config) -> [(&'static str, Vec<String>); 3] {
    let lines = match &config.log.access {
        AccessSink::StandardOutput => None,
        AccessSink::Nothing => Some("none".to_owned()),
        AccessSink::File(path) => Some(path.display().to_string()),
    };
    let traces = config.traces.iter();
    let traces = traces.map(|it| format!("{} % of requests to {}", it.sample, it.endpoint));
    let kept = config.state.iter().flat_map(|it| {
        let file = it.file.iter().map(|path| path.display().to_string());
        let redis = it.redis.iter().map(|redis| redis.url.to_string());
        file.chain(redis)
    });
    [
        ("access lines", lines.into_iter().collect()),
        ("traces", traces.collect()),
        ("tokens kept in", kept.collect()),
    ]
}
