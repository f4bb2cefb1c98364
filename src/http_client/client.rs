//! How does the gateway itself fetch keys and tokens? With bounded time and size, no redirects, no
//! surprises from the environment, TLS 1.2 or later by OpenSSL. Plain http goes to loopback only.
//! Errors tell the whole chain of causes, but never a URL's query, a body or a proxy's password.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use url::form_urlencoded::byte_serialize;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::FetchDefinition;
use super::answer::{Answer, FetchError, answer};
use super::instead::Instead;
use super::shown::shown;

/// The longest a connection, its TLS handshake included, may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

const IDLE_PER_HOST: usize = 4;
pub(super) const JSON: &str = "application/json";

/// The client for the gateway's own calls. Cloning shares its connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    pub(super) inner: Arc<Clients>,
}

/// Each is made when it is first asked: the system's authorities are a megabyte and take longer to
/// read than all else that a start does.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) definition: FetchDefinition,
    /// For https.
    encrypted: OnceLock<Result<reqwest::Client, FetchError>>,
    /// For http to loopback; trusts nobody.
    plain: OnceLock<Result<reqwest::Client, FetchError>>,
}

impl HttpClient {
    /// Refuses authorities and a proxy that cannot be used.
    pub fn new(definition: &FetchDefinition) -> Result<Self, FetchError> {
        if let Some(pem) = &definition.ca_pem {
            authorities(pem)?;
        }
        if let Some(certificate) = &definition.shown {
            shown(certificate)?;
        }
        if let Some(proxy) = &definition.proxy {
            tunnel(proxy, &definition.no_proxy)?;
        }
        Ok(Self {
            inner: Arc::new(Clients {
                definition: definition.clone(),
                encrypted: OnceLock::new(),
                plain: OnceLock::new(),
            }),
        })
    }

    /// Another that differs in this.
    pub fn changed(&self, change: impl FnOnce(&mut FetchDefinition)) -> Result<Self, FetchError> {
        let mut definition = self.inner.definition.clone();
        change(&mut definition);
        Self::new(&definition)
    }

    /// GETs a document of at most `limit` bytes; any status is an answer.
    pub async fn fetch(&self, url: &str, limit: usize) -> Result<Answer, FetchError> {
        self.fetch_open(&allowed(url)?, limit).await
    }

    /// The same for what anybody may read, from wherever it is said: also over http from another machine.
    pub async fn fetch_open(&self, url: &Url, limit: usize) -> Result<Answer, FetchError> {
        let request = self.inner.of(url)?.get(url.clone());
        let request = request.header(ACCEPT, JSON);
        let answer = answer(request, limit).await;
        answer.map_err(|why| self.inner.advised(why, url))
    }

    /// POSTs a form; the body is wiped afterwards as far as the library allows.
    pub async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        limit: usize,
    ) -> Result<Answer, FetchError> {
        self.post_form_with(HeaderMap::new(), url, form, limit)
            .await
    }

    /// The same with headers that may be secret.
    pub async fn post_form_with(
        &self,
        headers: HeaderMap,
        url: &str,
        form: &[(&str, &str)],
        limit: usize,
    ) -> Result<Answer, FetchError> {
        let url = allowed(url)?;
        let request = self
            .inner
            .of(&url)?
            .post(url.clone())
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .headers(headers)
            .body(Bytes::from_owner(encoded(form)));
        let answer = answer(request, limit).await;
        answer.map_err(|why| self.inner.advised(why, &url))
    }

    /// POSTs JSON, with headers that may be secret; the body is wiped afterwards.
    pub async fn post_json(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Zeroizing<Vec<u8>>,
        limit: usize,
    ) -> Result<Answer, FetchError> {
        let url = allowed(url)?;
        let request = self.inner.of(&url)?.post(url.clone());
        let request = request
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, JSON)
            .headers(headers)
            .body(Bytes::from_owner(body));
        let answer = answer(request, limit).await;
        answer.map_err(|why| self.inner.advised(why, &url))
    }

    /// POSTs what anybody may read, to wherever it is said: also over http to another machine. Secrets
    /// are neither in `body` nor, there, in `headers`.
    pub async fn post_open(
        &self,
        url: &Url,
        headers: &HeaderMap,
        body: Vec<u8>,
        limit: usize,
    ) -> Result<Answer, FetchError> {
        let request = self.inner.of(url)?.post(url.clone());
        let request = request.headers(headers.clone()).body(body);
        let answer = answer(request, limit).await;
        answer.map_err(|why| self.inner.advised(why, url))
    }
}

impl Clients {
    /// What an operator needs beside OpenSSL's words: the way that was taken, and the key of the file
    /// that says who is trusted.
    fn advised(&self, why: FetchError, url: &Url) -> FetchError {
        let FetchError::Failed(mut text) = why else {
            return why;
        };
        let definition = &self.definition;
        let mut past = definition.no_proxy.iter();
        if let Some(proxy) = &definition.proxy
            && url.scheme() == "https"
            && !is_loopback(url)
            && !past.any(|past| url.authority().contains(&**past))
        {
            let (host, port) = (proxy.host_str(), proxy.port_or_known_default());
            let (host, port) = (host.unwrap_or_default(), port.unwrap_or_default());
            text.push_str(&format!(", through the proxy {host}:{port}"));
        }
        let unknown = ["self-signed certificate", "issuer certificate"];
        if let Some(key) = definition.ca_key
            && unknown.iter().any(|words| text.contains(words))
        {
            text.push_str(&match definition.ca_pem {
                Some(_) => format!("; the authorities of `{key}` did not sign it"),
                None => format!("; an authority other than the system's belongs into `{key}`"),
            });
        }
        FetchError::Failed(text)
    }

    fn of(&self, url: &Url) -> Result<&reqwest::Client, FetchError> {
        if url.scheme() == "http" {
            return self.plain();
        }
        let client = self.encrypted.get_or_init(|| encrypted(&self.definition));
        client.as_ref().map_err(FetchError::clone)
    }

    /// What asks over http, past every proxy.
    pub(super) fn plain(&self) -> Result<&reqwest::Client, FetchError> {
        let client = self.plain.get_or_init(|| plain(&self.definition));
        client.as_ref().map_err(FetchError::clone)
    }
}

fn encrypted(definition: &FetchDefinition) -> Result<reqwest::Client, FetchError> {
    let mut builder = bounded(definition);
    if let Some(pem) = &definition.ca_pem {
        builder = builder.tls_certs_only(authorities(pem)?);
    }
    if let Some(certificate) = &definition.shown {
        builder = builder.identity(shown(certificate)?);
    }
    if let Some(proxy) = &definition.proxy {
        builder = builder.proxy(tunnel(proxy, &definition.no_proxy)?);
    }
    builder.build().map_err(FetchError::of)
}

fn plain(definition: &FetchDefinition) -> Result<reqwest::Client, FetchError> {
    let builder = bounded(definition).tls_certs_only([]);
    builder.build().map_err(FetchError::of)
}

/// What holds for every call.
fn bounded(definition: &FetchDefinition) -> reqwest::ClientBuilder {
    let loopback: [SocketAddr; 2] = [
        (Ipv4Addr::LOCALHOST, 0).into(),
        (Ipv6Addr::LOCALHOST, 0).into(),
    ];
    let builder = match &definition.instead {
        Some(host) => reqwest::Client::builder().dns_resolver(Arc::new(Instead(Arc::clone(host)))),
        None => reqwest::Client::builder(),
    };
    builder
        .user_agent(concat!("bearergate/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(CONNECT.min(definition.timeout))
        .timeout(definition.timeout)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .default_headers(definition.headers.clone())
        // SECURITY: plain http is allowed to `localhost`; no resolver may point it elsewhere.
        .resolve_to_addrs("localhost", &loopback)
}

/// The URL, if what is sent to it cannot be read on the way.
fn allowed(url: &str) -> Result<Url, FetchError> {
    let url = Url::parse(url).map_err(|error| FetchError::Failed(format!("the URL: {error}")))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(FetchError::Insecure),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, FetchError> {
    let unusable = |why: &str| FetchError::Failed(format!("the CA file {why}"));
    let found = reqwest::Certificate::from_pem_bundle(pem)
        .map_err(|_| unusable("holds something that is no PEM certificate"))?;
    if found.is_empty() {
        return Err(unusable("holds no PEM certificate"));
    }
    Ok(found)
}

fn tunnel(proxy: &Url, past: &[String]) -> Result<reqwest::Proxy, FetchError> {
    if !matches!(proxy.scheme(), "http" | "https") || proxy.host().is_none() {
        return Err(FetchError::Failed(
            "the proxy is not an http or https URL".to_owned(),
        ));
    }
    let past = format!("localhost,127.0.0.0/8,::1,{}", past.join(","));
    let past = reqwest::NoProxy::from_string(&past);
    reqwest::Proxy::https(proxy.clone())
        .map(|proxy| proxy.no_proxy(past))
        .map_err(FetchError::of)
}

/// `application/x-www-form-urlencoded`, in one allocation that wipes itself.
pub(super) fn encoded(form: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    let longest = |text: &str| 3 * text.len() + 1;
    let room = form.iter().map(|(k, v)| longest(k) + longest(v)).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    for (index, (name, value)) in form.iter().enumerate() {
        if index > 0 {
            body.push(b'&');
        }
        let name = byte_serialize(name.as_bytes());
        for piece in name.chain(["="]).chain(byte_serialize(value.as_bytes())) {
            body.extend_from_slice(piece.as_bytes());
        }
    }
    body
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
