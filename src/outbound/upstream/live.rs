//! An upstream alive: the endpoints that its requests may go to, one for each url.

use std::sync::Arc;

use super::{Endpoint, Endpoints, UpstreamDefinition};

/// Where routes go, alive. Shared by all that define the same.
pub struct Upstream {
    definition: UpstreamDefinition,
    /// That of the first url, and the only one for most.
    first: Arc<Endpoint>,
}

#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("the upstream's ca_file: {0}")]
    Certificates(#[from] openssl::error::ErrorStack),
    /// Ruled out at load.
    #[error("the upstream's host is not a valid Host header")]
    Host,
    /// Ruled out at load.
    #[error("the upstream has no url")]
    NoEndpoint,
}

impl Upstream {
    /// Makes the upstream, of what is or becomes one of `endpoints`. A name needs a tokio runtime, a
    /// literal address needs none.
    pub fn start(
        definition: UpstreamDefinition,
        endpoints: &Endpoints,
    ) -> Result<Self, UpstreamError> {
        let first = definition.endpoints.first();
        let first = endpoints.of(first.ok_or(UpstreamError::NoEndpoint)?)?;
        Ok(Self { definition, first })
    }

    pub fn definition(&self) -> &UpstreamDefinition {
        &self.definition
    }

    /// Where the next request goes.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.first
    }
}
