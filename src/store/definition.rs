//! What is kept where, and under which key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::secret::Secret;

/// `state:` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDefinition {
    pub key: StateKey,
    /// This process's own.
    pub file: Option<PathBuf>,
    /// All replicas' together.
    pub redis: Option<RedisDefinition>,
}

/// 32 random bytes, from which the keys are derived that seal and name.
#[derive(Clone, PartialEq, Eq)]
pub struct StateKey(Secret<[u8; 32]>);

/// `state.redis` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisDefinition {
    /// `redis` or `rediss`, host, and port; nothing else.
    pub url: Url,
    /// What is selected there; 0 where nothing is said.
    pub database: u16,
    pub user: Option<String>,
    pub password: Option<Secret<String>>,
    /// How long whoever waits for something of it waits, at most.
    pub timeout: Duration,
    /// Whom to trust instead of the system's authorities.
    pub ca_pem: Option<Arc<Vec<u8>>>,
}

impl StateKey {
    pub fn new(bytes: Secret<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[secret]")
    }
}

impl RedisDefinition {
    pub(super) fn host(&self) -> &str {
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = self.url.host_str().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        bare.unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port().unwrap_or(6379)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "rediss"
    }
}
