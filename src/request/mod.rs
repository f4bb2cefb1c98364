//! What is known of a request before anything is decided? Pure values: no sockets, no clock.

mod authorization;
mod escapes;
mod grpc;
mod head;
pub mod header_names;
mod host;
mod params;
mod path;
mod path_forms;
mod peer;
mod request_id;
#[cfg(test)]
pub(crate) mod samples;
mod trace_context;

pub use authorization::{Authorization, AuthorizationError, Scheme, Unread, bearer_of};
pub use escapes::{MOST_DECODINGS, decoded_fully, decoded_once};
pub use grpc::{grpc_timeout, is_grpc};
pub use head::{AccessRequest, Head, HeadError, Limits, Sent};
pub use host::{Host, normalised_host};
pub use params::Params;
pub use path::{CanonicalPath, PathError, decoded_segment};
pub use path_forms::{AllowedForms, Forms, is_parameter_name};
pub use peer::{AddressText, Client, Peer, counted_as};
pub use request_id::{RequestId, RequestIds};
pub use trace_context::{TRACEPARENT, TRACESTATE, TraceParent, is_sound_tracestate};
