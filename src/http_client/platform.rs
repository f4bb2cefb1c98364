//! How is the platform asked that this process runs on? On this machine and nowhere else: plain http to
//! loopback or to a link-local address (RFC 3927), or https to a server whose certificate is known. No
//! proxy is between; none could get there, and one that did would read the answer.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use url::{Host, Url};

use super::answer::{Answer, FetchError, answer};
use super::client::{HttpClient, JSON, encoded, is_loopback};
use super::pinned;

/// A question to a metadata service, and how it is known to be one.
#[derive(Debug)]
pub struct PlatformRequest {
    pub url: Url,
    /// What holds a secret is marked sensitive.
    pub headers: HeaderMap,
    /// What is POSTed; nothing: a GET.
    pub form: Option<Vec<(&'static str, String)>>,
    /// The server's, where that is what it is known by: then only https will do.
    pub thumbprint: Option<Thumbprint>,
}

/// SHA-1 of a certificate, as platforms name it. It holds for one certificate, which the other side made:
/// that two could be made alike helps nobody against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbprint(pub [u8; 20]);

impl HttpClient {
    /// Asks; any status is an answer of at most `limit` bytes.
    pub async fn ask_platform(
        &self,
        question: &PlatformRequest,
        limit: usize,
    ) -> Result<Answer, FetchError> {
        let url = &question.url;
        if let Some(thumbprint) = question.thumbprint {
            let within = self.inner.definition.timeout;
            return pinned::ask(question, thumbprint, within, limit).await;
        }
        if !is_of_this_machine(url) {
            return Err(FetchError::Elsewhere);
        }
        let client = self.inner.plain()?;
        let request = match &question.form {
            None => client.get(url.clone()),
            Some(form) => {
                let form: Vec<_> = form.iter().map(|(name, value)| (*name, &**value)).collect();
                let body = bytes::Bytes::from_owner(encoded(&form));
                let request = client.post(url.clone()).body(body);
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            }
        };
        let request = request
            .header(ACCEPT, JSON)
            .headers(question.headers.clone());
        answer(request, limit).await
    }
}

/// Whether plain http to it stays on this machine, or between it and its host.
pub fn is_of_this_machine(url: &Url) -> bool {
    // SECURITY: an address, for a name is whatever a resolver says; `localhost` is pinned to loopback.
    let is_link_local = matches!(url.host(), Some(Host::Ipv4(address)) if address.is_link_local());
    url.scheme() == "http" && (is_link_local || is_loopback(url))
}
