//! A key in HashiCorp Vault's transit engine, or OpenBao's: it never leaves it, and signs what it is asked to.
//! <https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data>

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::{LARGEST, SignatureWanted, answered};
use crate::clock::UnixTime;
use crate::entra::Algorithm;
use crate::http_client::{Answer, HttpClient};
use crate::outbound::credential::beside::Beside;
use crate::outbound::credential::file;
use crate::secret::Secret;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Without it Vault's agent refuses, for what a web page has us ask has it not.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// The longest file with a token.
const LARGEST_TOKEN: usize = 16 * 1024;

/// `vault_transit:` of `sign`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultTransitKey {
    /// Where the server is, such as `https://vault.example:8200`.
    pub url: Url,
    /// Where the engine is mounted.
    pub mount: String,
    pub key: String,
    /// `None`: the latest.
    pub version: Option<usize>,
    pub namespace: Option<String>,
    pub login: VaultLogin,
    /// PEM certificates to trust instead of those of `fetch`.
    pub ca_pem: Option<Arc<Vec<u8>>>,
    client: Beside<parking_lot::Mutex<Option<HttpClient>>>,
    /// What a login gave, and until when it is used.
    token: Beside<Mutex<Option<Login>>>,
}

/// What a login gave, and until when it is used.
type Login = (Secret<String>, UnixTime);

/// How the gateway proves itself to Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultLogin {
    /// A token that was given.
    Token(Secret<String>),
    /// A file that Vault's agent, or whoever, keeps a token in; read again for each use.
    TokenFile(PathBuf),
    /// By the pod's service account.
    Kubernetes {
        mount: String,
        role: String,
        /// Its token, read again for each use.
        file: PathBuf,
    },
}

impl VaultTransitKey {
    pub fn new(url: Url, mount: String, key: String, login: VaultLogin) -> Self {
        Self {
            url,
            mount,
            key,
            version: None,
            namespace: None,
            login,
            ca_pem: None,
            client: Beside::default(),
            token: Beside::default(),
        }
    }

    pub(super) async fn sign(
        &self,
        wanted: &SignatureWanted<'_>,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Vec<u8>, String> {
        let http = self.client(http)?;
        let (algorithm, salt) = match wanted.algorithm {
            Algorithm::Ps256 => ("pss", Some("hash")),
            Algorithm::Rs256 => ("pkcs1v15", None),
        };
        let mut body = json!({
            "input": STANDARD.encode(wanted.digest),
            "prehashed": true,
            "signature_algorithm": algorithm,
        });
        if let Some(salt) = salt {
            body["salt_length"] = salt.into();
        }
        if let Some(version) = self.version {
            body["key_version"] = version.into();
        }
        let path = [&self.mount, "sign", &self.key, "sha2-256"];
        let mut renewed = false;
        loop {
            let token = self.token(&http, now).await?;
            let answer = self.post(&http, &path, Some(&token), &body).await?;
            // What a login gave may have been revoked.
            if answer.status == 403
                && !renewed
                && matches!(self.login, VaultLogin::Kubernetes { .. })
            {
                renewed = true;
                *self.token.lock().await = None;
                continue;
            }
            let said = answered(&answer, errors)?;
            let signature = said["data"]["signature"].as_str().unwrap_or_default();
            // `vault:v1:` and base64.
            let encoded = signature.rsplit(':').next().unwrap_or_default();
            let signature = STANDARD.decode(encoded).ok().filter(|it| !it.is_empty());
            return signature.ok_or_else(|| "its answer holds no signature".to_owned());
        }
    }

    async fn token(&self, http: &HttpClient, now: UnixTime) -> Result<Secret<String>, String> {
        let (mount, role, file) = match &self.login {
            VaultLogin::Token(token) => return Ok(token.clone()),
            VaultLogin::TokenFile(path) => return word(path).await,
            VaultLogin::Kubernetes { mount, role, file } => (mount, role, file),
        };
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = kept.as_ref()
            && now < *until
        {
            return Ok(token.clone());
        }
        let jwt = word(file).await?;
        let body = json!({ "role": role, "jwt": jwt.expose() });
        let path = ["auth", mount, "login"];
        let answer = self.post(http, &path, None, &body).await?;
        let said =
            answered(&answer, errors).map_err(|why| format!("the login was refused: {why}"))?;
        let token = said["auth"]["client_token"]
            .as_str()
            .filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| "the login gave no token".to_owned())?;
        let token = Secret::new(token.to_owned());
        let life = said["auth"]["lease_duration"].as_u64().unwrap_or_default();
        // A tenth is left for what goes wrong; a token without an end is looked after each hour.
        let life = if life == 0 { 3600 } else { life - life / 10 };
        *kept = Some((token.clone(), now.plus(Duration::from_secs(life))));
        Ok(token)
    }

    async fn post(
        &self,
        http: &HttpClient,
        path: &[&str],
        token: Option<&Secret<String>>,
        body: &Value,
    ) -> Result<Answer, String> {
        let mut url = self.url.clone();
        // INVARIANT: an http or https URL has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            // A mount may have several.
            let parts = path.iter().flat_map(|part| part.split('/'));
            segments.pop_if_empty().push("v1").extend(parts);
        }
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        let fields = [
            (TOKEN, token.map(|it| it.expose().as_str())),
            (NAMESPACE, self.namespace.as_deref()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                let mut value = HeaderValue::from_str(value)
                    .map_err(|_| format!("no header can carry what is to be its {name}"))?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let body = serde_json::to_vec(body).unwrap_or_default().into();
        let answer = http.post_json(url.as_str(), headers, body, LARGEST).await;
        answer.map_err(|why| why.to_string())
    }

    fn client(&self, http: &HttpClient) -> Result<HttpClient, String> {
        let Some(pem) = &self.ca_pem else {
            return Ok(http.clone());
        };
        let mut made = self.client.lock();
        if let Some(client) = made.as_ref() {
            return Ok(client.clone());
        }
        let client = http.changed(|definition| {
            definition.ca_pem = Some(pem.to_vec());
            definition.ca_key = Some("vault_transit.ca_file");
        });
        let client = client.map_err(|why| why.to_string())?;
        *made = Some(client.clone());
        Ok(client)
    }
}

impl fmt::Display for VaultTransitKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url, mount, key, ..
        } = self;
        write!(out, "Vault ({url}v1/{mount}/keys/{key})")
    }
}

fn errors(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array();
    errors
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The one word in a file.
async fn word(path: &Path) -> Result<Secret<String>, String> {
    let bytes = file::read(path, LARGEST_TOKEN).await?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    match text.is_empty() || text.contains(|sign: char| !sign.is_ascii_graphic()) {
        true => Err(format!("{} holds no token", path.display())),
        false => Ok(Secret::new(text.to_owned())),
    }
}
