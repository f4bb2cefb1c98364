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

/// How long the token endpoint is left alone after it gave no new token, while the one in hand is good.
const REST: Duration = Duration::from_secs(30);

/// The vault's token, as long as it is good.
#[derive(Debug)]
struct Kept {
    token: AccessToken,
    /// When another is asked for.
    renew_at: UnixTime,
}

/// `key_vault:` of `sign`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVaultKey {
    /// `https://VAULT/keys/NAME`, or one version of it.
    pub key: Url,
    /// Who asks.
    pub identity: IdentityDefinition,
    /// What its token is for: `https://vault.azure.net/.default`.
    pub scope: String,
    token: Beside<Mutex<Option<Kept>>>,
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
            let shown = self.token(http, now).await?;
            headers.insert(AUTHORIZATION, shown.clone());
            let body = body.to_string().into_bytes().into();
            let answer = http.post_json(&url, headers, body, LARGEST).await;
            let answer = answer.map_err(|why| why.to_string())?;
            // The identity may have been given its right a moment ago.
            if answer.status == 401 && !renewed {
                renewed = true;
                // Not one that somebody else has got meanwhile.
                let mut kept = self.token.lock().await;
                kept.take_if(|kept| kept.token.header == shown);
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
        kept.take_if(|kept| now >= kept.token.expires_at.minus(MARGIN));
        if let Some(kept) = kept.as_ref()
            && now < kept.renew_at
        {
            return Ok(kept.token.header.clone());
        }
        let wanted = Wanted::of_app(&self.scope);
        let source = TokenSource::new(self.identity.clone(), wanted, http.clone());
        // The identity of the vault may be any but one that signs by a vault: this ends.
        match (Box::pin(source.acquire(now)).await, kept.as_mut()) {
            (Ok(token), _) => {
                let header = token.header.clone();
                let renew_at = token.renew_at;
                *kept = Some(Kept { token, renew_at });
                Ok(header)
            }
            (Err(_), Some(kept)) => {
                kept.renew_at = now.plus(REST);
                Ok(kept.token.header.clone())
            }
            (Err(why), None) => Err(format!(
                "identity {} gets no token: {why}",
                self.identity.name
            )),
        }
    }
}

impl fmt::Display for KeyVaultKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key Vault ({})", self.key)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::entra::{Authority, Cloud, Endpoint};
    use crate::http_client::FetchDefinition;
    use crate::outbound::{
        ClientDefinition, CredentialDefinition, Credentials, EntraClient, SecretCredential,
        TokenTimes,
    };
    use crate::secret::Secret;

    const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
    const CLIENT: &str = "aaaa0000-1111-4222-8333-444444444444";
    const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
    const TOKEN: &str =
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0.e30.c2ln"}"#;

    /// A token endpoint that gives one token and then nothing but outages, and how often it was asked.
    async fn endpoint() -> (Url, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let times = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (status, body) = match times.fetch_add(1, Ordering::SeqCst) {
                    0 => ("200 OK", TOKEN),
                    _ => ("503 X", "{}"),
                };
                let mut request = Vec::new();
                while !String::from_utf8_lossy(&request).contains("client_secret=") {
                    stream.read_buf(&mut request).await.unwrap();
                }
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}", body.len());
                let answer = format!("{head}\r\nConnection: close\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (Url::parse(&url).unwrap(), asked)
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_renewed_serves_and_is_not_asked_for_at_each_signature() {
        let (base, asked) = endpoint().await;
        let secret = SecretCredential::new(Secret::new("secret".to_owned()));
        let identity = IdentityDefinition {
            name: Arc::from("vault"),
            client: ClientDefinition::Entra(EntraClient {
                authority: Authority::new(Cloud::Public, TENANT.parse().unwrap(), Some(&base)),
                client_id: CLIENT.parse().unwrap(),
                endpoint: Endpoint::V2,
                region: None,
                instance: None,
                capabilities: Vec::new(),
                credentials: Credentials::new([CredentialDefinition::Secret(secret)].into()),
            }),
            tokens: TokenTimes::default(),
        };
        let scope = "https://vault.azure.net/.default".to_owned();
        let key = Url::parse("https://mail.vault.azure.net/keys/mail").unwrap();
        let key = KeyVaultKey::new(key, identity, scope);
        let http = HttpClient::new(&FetchDefinition::default()).unwrap();
        let late = NOW.plus(Duration::from_secs(3400));
        let ended = NOW.plus(Duration::from_secs(3599));
        // Got; kept; asked for in vain, and then left alone a while; asked for again; nothing is left.
        for (now, times) in [
            (NOW, 1),
            (NOW, 1),
            (late, 2),
            (late.plus(REST / 2), 2),
            (late.plus(REST), 3),
        ] {
            assert_eq!(key.token(&http, now).await.unwrap(), "Bearer eyJ0.e30.c2ln");
            assert_eq!(asked.load(Ordering::SeqCst), times);
        }
        assert!(key.token(&http, ended).await.is_err());
    }
}
