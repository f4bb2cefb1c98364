//! A key in Azure Key Vault, or in a managed HSM: it never leaves it, and signs what it is asked to, for an
//! identity that may (`keys/sign`).
//! <https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign>

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::{LARGEST, SignatureWanted, answered};
use crate::clock::UnixTime;
use crate::http_client::HttpClient;
use crate::outbound::credential::beside::Beside;
use crate::outbound::{AccessToken, IdentityDefinition, TokenSource, Wanted};

const VERSION: &str = "7.4";

/// A token with less left is not sent: it might end on its way.
const MARGIN: Duration = Duration::from_secs(30);

/// `key_vault:` of `sign`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVaultKey {
    /// `https://VAULT/keys/NAME`, or one version of it.
    pub key: Url,
    /// Who asks.
    pub identity: IdentityDefinition,
    /// What its token is for: `https://vault.azure.net/.default`.
    pub scope: String,
    token: Beside<Mutex<Option<AccessToken>>>,
}

impl KeyVaultKey {
    pub fn new(key: Url, identity: IdentityDefinition, scope: String) -> Self {
        Self {
            key,
            identity,
            scope,
            token: Beside::default(),
        }
    }

    pub(super) async fn sign(
        &self,
        wanted: &SignatureWanted<'_>,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Vec<u8>, String> {
        let body = json!({
            "alg": wanted.algorithm.word(),
            "value": URL_SAFE_NO_PAD.encode(wanted.digest),
        });
        let url = format!("{}/sign?api-version={VERSION}", self.key);
        let mut renewed = false;
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, self.token(http, now).await?);
            let body = body.to_string().into_bytes().into();
            let answer = http.post_json(&url, headers, body, LARGEST).await;
            let answer = answer.map_err(|why| why.to_string())?;
            // The identity may have been given its right a moment ago.
            if answer.status == 401 && !renewed {
                renewed = true;
                *self.token.lock().await = None;
                continue;
            }
            let said = answered(&answer, |body| {
                let error = &body["error"];
                let inner = &error["innererror"]["code"];
                [&error["code"], inner, &error["message"]]
                    .map(Value::as_str)
                    .into_iter()
                    .flatten()
                    .collect()
            })?;
            let value = said["value"].as_str().unwrap_or_default();
            return URL_SAFE_NO_PAD
                .decode(value)
                .map_err(|_| "its answer holds no signature".to_owned());
        }
    }

    /// The header that carries a token for the vault. Who waits for the lock waits for the same.
    async fn token(&self, http: &HttpClient, now: UnixTime) -> Result<HeaderValue, String> {
        let mut kept = self.token.lock().await;
        let good = |token: &&AccessToken| now < token.expires_at.minus(MARGIN);
        if let Some(token) = kept.as_ref().filter(good)
            && now < token.renew_at
        {
            return Ok(token.header.clone());
        }
        let wanted = Wanted::of_app(&self.scope);
        let source = TokenSource::new(self.identity.clone(), wanted, http.clone());
        // The identity of the vault may be any but one that signs by a vault: this ends.
        match Box::pin(source.acquire(now)).await {
            Ok(token) => {
                let header = token.header.clone();
                *kept = Some(token);
                Ok(header)
            }
            Err(why) => match kept.as_ref().filter(good) {
                Some(token) => Ok(token.header.clone()),
                None => Err(format!(
                    "identity {} gets no token: {why}",
                    self.identity.name
                )),
            },
        }
    }
}

impl fmt::Display for KeyVaultKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key Vault ({})", self.key)
    }
}
