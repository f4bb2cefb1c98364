//! What holds for the gateway's own calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use url::Url;

use crate::certified_key::CertifiedKey;

#[derive(Clone, PartialEq, Eq)]
pub struct FetchDefinition {
    /// For a whole exchange.
    pub timeout: Duration,
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// A proxy for https destinations other than loopback.
    pub proxy: Option<Url>,
    /// Hosts and networks that are reached without it.
    pub no_proxy: Vec<String>,
    /// Sent with each request.
    pub headers: HeaderMap,
    /// The host that is connected to, whatever name a URL has: the name is for TLS and the request alone.
    pub instead: Option<Arc<str>>,
    /// What servers are shown that ask for a certificate.
    pub shown: Option<CertifiedKey>,
    /// The key of the configuration that names `ca_pem`, for messages.
    pub ca_key: Option<&'static str>,
}

impl Default for FetchDefinition {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            ca_pem: None,
            proxy: None,
            no_proxy: Vec::new(),
            headers: HeaderMap::new(),
            instead: None,
            shown: None,
            ca_key: Some("fetch.ca_file"),
        }
    }
}

impl fmt::Debug for FetchDefinition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's URL may carry a password.
        let proxy = self.proxy.as_ref().map(Url::host_str);
        out.debug_struct("FetchDefinition")
            .field("timeout", &self.timeout)
            .field("ca_pem", &self.ca_pem.as_ref().map(Vec::len))
            .field("proxy", &proxy)
            .finish()
    }
}
