//! Where do an issuer's keys come from? One bounded GET to a URL derived from the tenant, whose
//! answer is a key set or an error, never half of each.

use std::future::Future;

use openssl::sha::sha256;

use crate::entra::{Authority, Endpoint};
use crate::http_client::{Answer, FetchError, HttpClient};
use crate::jwt::{KeySet, KeySetError};

/// The largest document that is read. Entra's holds ten to a thousand keys; a key takes 2 KiB, and
/// 3 KiB with a certificate of its own.
const LARGEST_DOCUMENT: usize = 3 * 1024 * 1024;

/// Somewhere keys can be fetched from.
pub(super) trait KeySource: Send + Sync + 'static {
    /// The keys it yields.
    type Keys: Send + Sync + 'static;

    /// Fetches them once, in bounded time.
    fn fetch(&self) -> impl Future<Output = Result<Fetched<Self::Keys>, KeysError>> + Send;
}

/// Keys as they were fetched.
#[derive(Clone, Debug)]
pub(super) struct Fetched<K> {
    /// The keys.
    pub(super) keys: K,
    /// How many there are.
    pub(super) count: usize,
    /// SHA-256 of the document, to know an unchanged one by.
    pub(super) digest: [u8; 32],
}

/// A tenant's published keys.
///
/// v1's document is not fetched: the key material is the same, v2's is a superset of it, and only
/// v2's members carry the `issuer` that ties a key to a tenant. v1 tokens verify with it as well.
#[derive(Debug)]
pub(super) struct EntraKeys {
    http: HttpClient,
    url: String,
}

impl EntraKeys {
    /// The keys of this tenant.
    pub(super) fn new(authority: &Authority, http: HttpClient) -> Self {
        Self {
            http,
            url: authority.keys_url(Endpoint::V2),
        }
    }
}

impl KeySource for EntraKeys {
    type Keys = KeySet;

    async fn fetch(&self) -> Result<Fetched<KeySet>, KeysError> {
        read(&self.http.fetch(&self.url, LARGEST_DOCUMENT).await?)
    }
}

/// Why there are no new keys. Safe to log and to show on the admin listener.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysError {
    /// No whole answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An answer that is no document.
    #[error("the key endpoint answered status {0}")]
    Status(u16),
    /// A document that is no key set.
    #[error(transparent)]
    Document(#[from] KeySetError),
    /// A key set without keys.
    #[error("the key set is empty")]
    Empty,
    /// The fetch panicked, or the runtime ends.
    #[error("the fetch was cut off")]
    CutOff,
}

fn read(answer: &Answer) -> Result<Fetched<KeySet>, KeysError> {
    if answer.status != 200 {
        return Err(KeysError::Status(answer.status));
    }
    let keys = KeySet::parse(&answer.body)?;
    Ok(Fetched {
        count: keys.len(),
        digest: sha256(&answer.body),
        keys,
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
}
