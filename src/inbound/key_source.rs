//! Where do an issuer's keys come from? One bounded GET to a URL that its kind knows, whose
//! answer is a key set or an error, never half of each.

use std::sync::Arc;

use openssl::sha::sha256;

use super::IssuerDefinition;
use crate::http_client::{Answer, FetchError, HttpClient};
use crate::jwt::{KeySet, KeySetError};
use crate::refresh::{Errand, Failure, Mishap, Outcome, Source};

/// The largest document that is read. Entra's holds ten to a thousand keys; a key takes 2 KiB, and
/// 3 KiB with a certificate of its own.
const LARGEST_DOCUMENT: usize = 3 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct KeySource {
    issuer: Arc<str>,
    http: HttpClient,
    url: String,
}

/// One document's keys; equal where the documents are.
#[derive(Debug)]
pub(super) struct PublishedKeys {
    pub(super) keys: KeySet,
    digest: [u8; 32],
}

impl PartialEq for PublishedKeys {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// Fetches an issuer's keys once, as a live issuer does, and counts them.
pub async fn count_keys(issuer: &IssuerDefinition, http: HttpClient) -> Result<usize, KeysError> {
    let source = KeySource::new(issuer, http);
    let published = source.read().await?;
    Ok(published.keys.count())
}

impl KeySource {
    pub(super) fn new(issuer: &IssuerDefinition, http: HttpClient) -> Self {
        Self {
            issuer: Arc::clone(&issuer.name),
            http,
            url: issuer.kind.keys_url(),
        }
    }

    async fn read(&self) -> Result<PublishedKeys, KeysError> {
        read(&self.http.fetch(&self.url, LARGEST_DOCUMENT).await?)
    }
}

impl Source for KeySource {
    type Item = PublishedKeys;
    type Error = KeysError;
    type Demand = ();

    async fn fetch(&self, (): (), _: &Errand<PublishedKeys>) -> Result<PublishedKeys, KeysError> {
        self.read().await
    }

    fn tell(&self, outcome: Outcome<'_, PublishedKeys, KeysError>) {
        let issuer = &self.issuer;
        match outcome {
            Outcome::Fetched { item, changed } => {
                let keys = item.keys.count();
                match changed {
                    true => tracing::info!(%issuer, keys, "issuer publishes new keys"),
                    false => tracing::debug!(%issuer, keys, "issuer keys are unchanged"),
                }
            }
            Outcome::Failed {
                error, again_in, ..
            } => {
                let url = &*self.url;
                tracing::warn!(%issuer, url, %error, ?again_in, "issuer keys could not be fetched");
            }
        }
    }
}

/// Why there are no new keys. Safe to log and to show on the admin listener.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeysError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the key endpoint answered status {0}")]
    Status(u16),
    #[error(transparent)]
    Document(Arc<KeySetError>),
    #[error("the fetch was cut off")]
    CutOff,
}

impl Failure for KeysError {}

impl From<Mishap> for KeysError {
    fn from(_: Mishap) -> Self {
        Self::CutOff
    }
}

fn read(answer: &Answer) -> Result<PublishedKeys, KeysError> {
    if answer.status != 200 {
        return Err(KeysError::Status(answer.status));
    }
    let keys = KeySet::parse(&answer.body).map_err(|why| KeysError::Document(Arc::new(why)))?;
    Ok(PublishedKeys {
        keys,
        digest: sha256(&answer.body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_keys_with_their_certificates_are_not_too_large() {
        let (modulus, certificate) = ("_".repeat(342), "A".repeat(1500));
        let keys: Vec<_> = (0..1000)
            .map(|number| {
                serde_json::json!({
                    "kty": "RSA", "use": "sig", "kid": format!("{number:043}"),
                    "x5t": format!("{number:043}"), "n": modulus, "e": "AQAB",
                    "x5c": [certificate], "cloud_instance_name": "microsoftonline.com",
                    "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
                })
            })
            .collect();
        let document = serde_json::json!({ "keys": keys }).to_string();
        assert!(document.len() <= LARGEST_DOCUMENT, "{}", document.len());
    }

    #[test]
    fn only_status_200_is_a_document() {
        for status in [201, 204, 206, 302, 304, 400, 404, 429, 500, 503] {
            let answer = Answer {
                status,
                headers: http::HeaderMap::new(),
                body: br#"{"keys":[]}"#.to_vec().into(),
            };
            let error = read(&answer).unwrap_err();
            assert!(matches!(error, KeysError::Status(seen) if seen == status));
            assert!(error.to_string().contains(&status.to_string()));
        }
    }

    #[test]
    fn a_key_set_without_keys_is_none() {
        let answer = Answer {
            status: 200,
            headers: http::HeaderMap::new(),
            body: br#"{"keys":[]}"#.to_vec().into(),
        };
        assert!(matches!(read(&answer), Err(KeysError::Document(_))));
    }
}
