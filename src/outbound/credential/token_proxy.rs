//! AKS identity bindings: a proxy in the cluster stands in for Entra's token endpoint, known by an authority of
//! the cluster's and reached by another name than it is verified by.
//! <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use url::Url;

use super::beside::Beside;
use super::file;
use crate::entra::{ClientProof, TokenRequest, TokenResponse};
use crate::http_client::{FetchError, HttpClient};
use crate::outbound::TokenRequestError;

/// More than any bundle of authorities has.
const LARGEST: usize = 1024 * 1024;

/// `proxy:` of a federated token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProxy {
    /// https; Entra's path is put behind its own.
    pub url: Url,
    /// The name in its certificate, and in SNI; `None`: the URL's host.
    pub server_name: Option<String>,
    pub trusted: Trusted,
    client: Beside<Mutex<Option<Made>>>,
}

/// Whose signature its certificate must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// One of the authorities that all else trusts.
    AsEverywhere,
    Pem(Arc<Vec<u8>>),
    /// Read again for each use: the cluster rotates it.
    File(PathBuf),
}

/// A client, and the authorities that it trusts.
struct Made {
    pem: Option<Vec<u8>>,
    client: HttpClient,
}

impl TokenProxy {
    pub fn new(url: Url, server_name: Option<String>, trusted: Trusted) -> Self {
        Self {
            url,
            server_name,
            trusted,
            client: Beside::default(),
        }
    }

    pub(super) async fn send(
        &self,
        request: &TokenRequest<'_>,
        proof: ClientProof<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        let http = self.client(request.http).await.map_err(|why| {
            TokenRequestError::Unproven(format!("the token proxy cannot be asked: {why}"))
        })?;
        let request = TokenRequest {
            http: &http,
            url: &self.target(request.url),
            ..*request
        };
        Ok(request.send(proof).await?)
    }

    /// Where a request for this URL goes.
    fn target(&self, url: &str) -> String {
        let mut target = self.url.clone();
        let path = Url::parse(url).map_or_else(|_| String::new(), |url| url.path().to_owned());
        let before = self.url.path().trim_end_matches('/');
        target.set_path(&format!("{before}{path}"));
        if let Some(name) = &self.server_name {
            // Checked at load.
            let _ = target.set_host(Some(name));
        }
        target.into()
    }

    async fn client(&self, http: &HttpClient) -> Result<HttpClient, String> {
        let pem = match &self.trusted {
            Trusted::AsEverywhere => None,
            Trusted::Pem(pem) => Some(pem.to_vec()),
            Trusted::File(path) => Some(file::read(path, LARGEST).await?.to_vec()),
        };
        let mut made = self.client.lock();
        if let Some(known) = made.as_ref() {
            // An empty file is one that is being written.
            let same = known.pem == pem || pem.as_ref().is_some_and(Vec::is_empty);
            if same {
                return Ok(known.client.clone());
            }
        }
        let client = self
            .made(http, pem.clone())
            .map_err(|why| why.to_string())?;
        *made = Some(Made {
            pem,
            client: client.clone(),
        });
        Ok(client)
    }

    fn made(&self, http: &HttpClient, pem: Option<Vec<u8>>) -> Result<HttpClient, FetchError> {
        http.changed(|definition| {
            definition.proxy = None;
            definition.instead = self
                .server_name
                .as_ref()
                .and_then(|_| self.url.host_str())
                .map(Arc::from);
            if pem.is_some() {
                definition.ca_pem = pem;
                definition.ca_key = Some("proxy.ca_file");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entras_path_is_put_behind_the_proxys() {
        let url = "https://login.microsoftonline.com/T/oauth2/v2.0/token";
        for (proxy, name, target) in [
            (
                "https://10.0.0.1:8443",
                None,
                "https://10.0.0.1:8443/T/oauth2/v2.0/token",
            ),
            (
                "https://10.0.0.1/a/",
                None,
                "https://10.0.0.1/a/T/oauth2/v2.0/token",
            ),
            (
                "https://10.0.0.1:8443/a",
                Some("x.ests.aks"),
                "https://x.ests.aks:8443/a/T/oauth2/v2.0/token",
            ),
        ] {
            let name = name.map(str::to_owned);
            let proxy = TokenProxy::new(proxy.parse().unwrap(), name, Trusted::AsEverywhere);
            assert_eq!(proxy.target(url), target);
        }
    }
}
