//! Where are another server's tokens asked for? Where the file says, or where the server's own metadata does.

use std::sync::Arc;

use super::looked_up::LookedUp;
use crate::clock::UnixTime;
use crate::entra::{ServerMetadata, TokenEndpointError};
use crate::http_client::{FetchError, HttpClient};
use crate::outbound::credential::beside::Beside;

/// The largest document that is read; those of big servers have some 10 KiB.
const LARGEST: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenUrl {
    /// `token_url`.
    Written(Arc<str>),
    /// What the metadata of `issuer` names.
    Discovered(Discovery),
}

/// What becomes known of a server, by its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    metadata: ServerMetadata,
    known: Beside<LookedUp<String>>,
}

impl TokenUrl {
    pub fn discovered(issuer: String, for_certificates: bool) -> Self {
        Self::Discovered(Discovery {
            metadata: ServerMetadata::new(issuer, for_certificates),
            known: Beside::default(),
        })
    }

    /// What stands in the file for it.
    pub fn written(&self) -> &str {
        match self {
            Self::Written(url) => url,
            Self::Discovered(it) => it.metadata.issuer(),
        }
    }

    /// The URL to post to, read from the server first where that must be.
    pub(super) async fn find(
        &self,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Arc<str>, TokenEndpointError> {
        match self {
            Self::Written(url) => Ok(Arc::clone(url)),
            Self::Discovered(it) => {
                let known = it.known.get(now, read(&it.metadata, http)).await?;
                Ok(Arc::from(known.as_str()))
            }
        }
    }

    /// Has it looked up again, where it did not answer as a token endpoint does: it may have moved.
    pub(super) fn failed(&self) {
        if let Self::Discovered(it) = self {
            it.known.doubt();
        }
    }
}

async fn read(metadata: &ServerMetadata, http: &HttpClient) -> Result<String, TokenEndpointError> {
    let urls = metadata.urls();
    for url in &urls {
        let answer = http.fetch(url, LARGEST).await.map_err(|why| match why {
            FetchError::TooLarge(_) => TokenEndpointError::Unknown(format!("{url}: {why}")),
            _ => TokenEndpointError::Unavailable(format!("{url}: {why}")),
        })?;
        if let Some(endpoint) = metadata.token_endpoint(url, &answer)? {
            tracing::info!(
                issuer = metadata.issuer(),
                url = endpoint,
                "token endpoint found"
            );
            return Ok(endpoint);
        }
    }
    let [openid, oauth] = urls;
    Err(TokenEndpointError::Unknown(format!(
        "there is no metadata at {openid} nor at {oauth} (404); check `issuer`, or write `token_url`"
    )))
}
