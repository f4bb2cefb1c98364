//! Which trace does a request belong to, and what is told of it there? Spans by OpenTelemetry's
//! conventions, in OTLP's messages; who sends them on is the app's business.

mod definition;
mod messages;
mod spans;
mod tracer;

pub use definition::TracesDefinition;
pub use messages::{Batch, rejected};
pub use spans::{Spans, Told, Wait};
pub use tracer::{Trace, Tracer};
