//! The question put to `admit`: the request as far as deciding needs it, whoever asks.

use http::HeaderMap;

use super::Head;

/// What was read of a request, and the header fields it came with, as received.
/// Not `Debug`, for they hold credentials.
#[derive(Clone, Copy)]
pub struct AccessRequest<'a> {
    pub head: &'a Head,
    pub headers: &'a HeaderMap,
}
