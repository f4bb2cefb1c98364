//! What traces there are to be, and where they go.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use url::Url;

/// `traces:` of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct TracesDefinition {
    /// What is posted to, whole.
    pub endpoint: Url,
    /// Of a hundred traces that begin here, so many are recorded.
    pub sample: u32,
    /// `service.name`.
    pub service: String,
    /// What else is said of this process.
    pub attributes: Vec<(String, String)>,
    /// Sent with each post; their values are secrets.
    pub headers: HeaderMap,
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<Arc<Vec<u8>>>,
    /// For a whole exchange.
    pub timeout: Duration,
}

impl fmt::Debug for TracesDefinition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TracesDefinition")
            .field("endpoint", &self.endpoint.as_str())
            .field("sample", &self.sample)
            .field("service", &self.service)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
