//! What happened? Metrics, the access line, and the process's own log. Receives strings, never
//! policy's types.

mod access_line;
mod access_log;
mod edge_metrics;
mod logging;
mod metrics;
mod names;
mod outlet;
mod process_log;
mod repeats;
mod route_metrics;
mod samples;
mod written;

pub use access_line::{AccessLine, Severity, milliseconds};
pub use access_log::AccessLog;
pub use edge_metrics::{CAUSES, EdgeMetrics, Refused};
pub use logging::{
    LogDefinition, LogFormat, debug_of_left_out, flush_logging, log_panics, start_logging,
    warn_of_failure,
};
pub use metrics::Metrics;
pub use names::NAMES;
pub use route_metrics::{Counted, Outcome, Repetition, RouteMetrics};
pub use samples::{CONDITIONS, CircuitSample, EndpointSample, KeySetSample, Samples, TokenSample};
