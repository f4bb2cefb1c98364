//! Where does another authorization server take requests for tokens? What its metadata says (RFC 8414, OpenID
//! Connect Discovery), where that is the server's own and leads nowhere else.

use serde_json::Value;
use url::{Host, Url};

use super::TokenEndpointError;
use crate::http_client::Answer;
use crate::located::visible;

/// So much of what a document says is told.
const TOLD: usize = 200;

/// A server, by what it calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMetadata {
    /// To the letter.
    issuer: String,
    /// Whether the endpoint is wanted where certificates are shown (RFC 8705 §5).
    for_certificates: bool,
}

impl ServerMetadata {
    pub fn new(issuer: String, for_certificates: bool) -> Self {
        Self {
            issuer,
            for_certificates,
        }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the document may be: where OpenID Connect has it (§4.1), and where OAuth has it (RFC 8414 §3.1).
    pub fn urls(&self) -> [String; 2] {
        let issuer = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
        let start = issuer.find("://").map_or(0, |at| at + 3);
        let path = issuer[start..]
            .find('/')
            .map_or(issuer.len(), |at| start + at);
        let (host, path) = issuer.split_at(path);
        [
            format!("{issuer}/.well-known/openid-configuration"),
            format!("{host}/.well-known/oauth-authorization-server{path}"),
        ]
    }

    /// The token endpoint that a document at `url` names; `None` where there is no document.
    pub fn token_endpoint(
        &self,
        url: &str,
        answer: &Answer,
    ) -> Result<Option<String>, TokenEndpointError> {
        let unknown = |why: &str| Err(TokenEndpointError::Unknown(format!("{url} {why}")));
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status @ (408 | 429 | 500..) => {
                let why = format!("{url} answers status {status}");
                return Err(TokenEndpointError::Unavailable(why));
            }
            status => {
                return unknown(&format!(
                    "answers status {status} instead of metadata; check `issuer`, or write `token_url`"
                ));
            }
        }
        // SECURITY: serde's own words would quote what they stumble over.
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(issuer) = document["issuer"].as_str() else {
            return unknown("is no metadata: it names no issuer; check `issuer`");
        };
        // SECURITY: RFC 8414 §3.3. Else one server's metadata could be another's.
        if issuer != self.issuer {
            return unknown(&format!(
                "is the metadata of {}; if that is the one, write it in `issuer` to the letter",
                told(issuer)
            ));
        }
        let alias = &document["mtls_endpoint_aliases"]["token_endpoint"];
        let named = alias.as_str().filter(|_| self.for_certificates);
        let Some(named) = named.or(document["token_endpoint"].as_str()) else {
            return unknown("names no token_endpoint; write `token_url`");
        };
        match self.takes_secrets(named) {
            true => Ok(Some(named.to_owned())),
            false => unknown(&format!(
                "names the token_endpoint {}, which is not https on the issuer's own host; if it is right, \
                 write it as `token_url`",
                told(named)
            )),
        }
    }

    /// SECURITY: what proves us goes to the host that the file names, and to no other that a document does.
    fn takes_secrets(&self, endpoint: &str) -> bool {
        let (Ok(endpoint), Ok(issuer)) = (Url::parse(endpoint), Url::parse(&self.issuer)) else {
            return false;
        };
        let is_loopback = match endpoint.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        };
        let is_private = endpoint.scheme() == "https"
            || (endpoint.scheme() == "http" && issuer.scheme() == "http" && is_loopback);
        is_private
            && endpoint.host() == issuer.host()
            && endpoint.username().is_empty()
            && endpoint.password().is_none()
            && endpoint.fragment().is_none()
    }
}

fn told(text: &str) -> String {
    text.chars().take(TOLD).map(visible).collect()
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
