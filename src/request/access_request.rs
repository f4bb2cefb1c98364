//! The question put to `admit`: the request as far as deciding needs it, whoever asks.

use std::borrow::Cow;

use http::{HeaderMap, Method};

use super::{CanonicalPath, Peer};

/// A request whose path is canonical and whose host is normalised. It borrows from its asker.
/// Not `Debug`, for its headers hold credentials.
#[derive(Clone)]
pub struct AccessRequest<'a> {
    /// The name of the listener it arrived on.
    pub listener: &'a str,
    /// The method; HEAD is matched as GET.
    pub method: &'a Method,
    /// Lower case, without port and final dot; `None` where HTTP/1.0 sent none.
    pub host: Option<Cow<'a, str>>,
    /// The one form of the path that is matched and forwarded.
    pub path: &'a CanonicalPath,
    /// The query, untouched, without `?`.
    pub query: Option<&'a str>,
    /// All header fields as received.
    pub headers: &'a HeaderMap,
    /// Who is at the other end, as far as addresses tell.
    pub peer: Peer,
}
