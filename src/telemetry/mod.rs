//! What happened? Metrics, the access line, and the process's own log. Receives strings, never
//! policy's types.

mod access_line;
mod access_log;
mod edge_metrics;
mod figures;
mod log_file;
mod logging;
mod metrics;
mod names;
mod outlet;
mod process;
mod process_log;
mod rates;
mod redaction;
mod refusals;
mod repeats;
mod route_metrics;
mod samples;
mod span_metrics;
mod traces;
mod written;

pub use access_line::{AccessLine, Severity, milliseconds};
pub use access_log::{AccessLog, AccessSink};
pub use edge_metrics::{CAUSES, EdgeMetrics, Refused};
pub use figures::{ListenerFigures, ProcessFigures, RouteFigures};
pub use logging::{
    LogDefinition, LogFormat, debug_of_left_out, flush_logging, log_panics, start_logging,
    warn_of_answer, warn_of_failure,
};
pub use metrics::{BucketFigures, Metrics};
pub use names::NAMES;
pub use rates::{Rates, RouteRate};
pub use redaction::redacted;
pub use refusals::{Refusals, RefusedRequest, Room};
pub use route_metrics::{Counted, Outcome, Repetition, RouteMetrics};
pub use samples::{
    CONDITIONS, CircuitSample, CredentialSample, EndpointSample, KeySetSample, Samples,
    StoreSample, TokenSample, UpstreamCertificateSample, UserTokenSample,
};
pub use span_metrics::SpanMetrics;
pub use traces::{Batch, Spans, Told, Trace, Tracer, TracesDefinition, Wait, rejected};
