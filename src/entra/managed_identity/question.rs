//! How is each platform asked? Method, version, header and the name that each has for a selector.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::{Platform, Selector};
use crate::http_client::PlatformRequest;
use crate::secret::Secret;

/// Whoever can have a request of ours sent somewhere cannot have this header added to it.
const METADATA: HeaderName = HeaderName::from_static("metadata");

impl Platform {
    /// Asks for a token for `resource`, a scope less `/.default`. Nothing where a secret of the platform's
    /// could stand in no header.
    pub(super) fn question(&self, resource: &str, selector: &Selector) -> Option<PlatformRequest> {
        let mut url = self.endpoint().clone();
        let mut headers = HeaderMap::new();
        let mut form = None;
        let mut thumbprint = None;
        let version = match self {
            Self::VirtualMachine { .. } => {
                headers.insert(METADATA, HeaderValue::from_static("true"));
                "2018-02-01"
            }
            Self::AppService { header, .. } => {
                headers.insert("x-identity-header", sensitive(header)?);
                "2019-08-01"
            }
            Self::ServiceFabric {
                header,
                thumbprint: known,
                ..
            } => {
                headers.insert("secret", sensitive(header)?);
                thumbprint = Some(*known);
                "2019-07-01-preview"
            }
            Self::MachineLearning { secret, .. } => {
                headers.insert("secret", sensitive(secret)?);
                "2017-09-01"
            }
            Self::Arc { .. } => {
                headers.insert(METADATA, HeaderValue::from_static("true"));
                "2020-06-01"
            }
            Self::CloudShell { .. } => {
                headers.insert(METADATA, HeaderValue::from_static("true"));
                form = Some(vec![("resource", resource.to_owned())]);
                ""
            }
        };
        if form.is_none() {
            let mut query = url.query_pairs_mut();
            query.append_pair("api-version", version);
            query.append_pair("resource", resource);
            if let Some((name, value)) = self.selected(selector) {
                query.append_pair(name, &value);
            }
        }
        Some(PlatformRequest {
            url,
            headers,
            form,
            thumbprint,
        })
    }

    /// The parameter that selects an identity, as this platform calls it.
    fn selected(&self, selector: &Selector) -> Option<(&'static str, String)> {
        let name = match (self, selector) {
            (Self::MachineLearning { usual, .. }, Selector::Own) => {
                return usual.clone().map(|id| ("clientid", id));
            }
            (_, Selector::Own) => return None,
            (Self::MachineLearning { .. }, Selector::ClientId(_)) => "clientid",
            (_, Selector::ClientId(_)) => "client_id",
            (_, Selector::ObjectId(_)) => "object_id",
            (Self::AppService { .. }, Selector::ResourceId(_)) => "mi_res_id",
            (_, Selector::ResourceId(_)) => "msi_res_id",
        };
        selector.value().map(|value| (name, value))
    }
}

/// A header's value that is wiped when the request is done.
pub(super) fn sensitive(secret: &Secret<String>) -> Option<HeaderValue> {
    let bytes = Zeroizing::new(secret.expose().as_bytes().to_vec());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
