//! A caller over TLS: how it shakes hands is the test's, and what came of it is told.

use std::net::SocketAddr;
use std::pin::Pin;

use openssl::nid::Nid;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_openssl::SslStream;

use super::{Issued, PATIENCE};

/// Who calls, and how.
#[derive(Clone)]
pub struct TlsCaller {
    /// By which name it asks, if by one.
    pub name: Option<&'static str>,
    pub certificate: Option<Issued>,
    pub versions: (SslVersion, SslVersion),
    /// Of ALPN, each with its length before it.
    pub protocols: &'static [u8],
    /// What it sends ahead of TLS.
    pub before: &'static [u8],
    /// Its own address.
    pub from: &'static str,
}

impl Default for TlsCaller {
    fn default() -> Self {
        Self {
            name: Some("gateway.example"),
            certificate: None,
            versions: (SslVersion::TLS1, SslVersion::TLS1_3),
            protocols: b"",
            before: b"",
            from: "127.0.0.1",
        }
    }
}

/// A connection that has shaken hands.
pub struct Encrypted {
    stream: SslStream<TcpStream>,
}

impl TlsCaller {
    pub fn called(name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..Self::default()
        }
    }

    pub fn showing(certificate: &Issued) -> Self {
        Self {
            certificate: Some(certificate.clone()),
            ..Self::default()
        }
    }

    pub fn only(self, version: SslVersion) -> Self {
        Self {
            versions: (version, version),
            ..self
        }
    }

    /// Shakes hands; why not, where it comes to nothing.
    pub async fn connect(&self, address: SocketAddr) -> Result<Encrypted, String> {
        let shaking = tokio::time::timeout(PATIENCE, self.shake(address));
        shaking.await.expect("a handshake ends")
    }

    async fn shake(&self, address: SocketAddr) -> Result<Encrypted, String> {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_verify(SslVerifyMode::NONE);
        // Else OpenSSL itself would not offer what we must refuse.
        builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        builder
            .set_min_proto_version(Some(self.versions.0))
            .unwrap();
        builder
            .set_max_proto_version(Some(self.versions.1))
            .unwrap();
        if !self.protocols.is_empty() {
            builder.set_alpn_protos(self.protocols).unwrap();
        }
        if let Some(own) = &self.certificate {
            builder.set_certificate(&own.certificate).unwrap();
            builder.set_private_key(&own.key).unwrap();
            for above in &own.above {
                builder.add_extra_chain_cert(above.clone()).unwrap();
            }
        }
        let mut configured = builder.build().configure().unwrap();
        configured.set_use_server_name_indication(self.name.is_some());
        configured.set_verify_hostname(false);
        let ssl = configured
            .into_ssl(self.name.unwrap_or("unnamed.example"))
            .unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(self.from.parse().unwrap(), 0))
            .unwrap();
        let mut socket = socket.connect(address).await.map_err(told)?;
        socket.write_all(self.before).await.map_err(told)?;
        let mut stream = SslStream::new(ssl, socket).unwrap();
        Pin::new(&mut stream).connect().await.map_err(told)?;
        Ok(Encrypted { stream })
    }

    /// One GET on a connection of its own: the whole answer, or why there is none.
    pub async fn get(&self, address: SocketAddr, path: &str) -> Result<String, String> {
        self.connect(address).await?.get(path).await
    }

    /// The common name of the certificate that is shown to it.
    pub async fn is_shown(&self, address: SocketAddr) -> String {
        self.connect(address).await.unwrap().shown()
    }
}

impl Encrypted {
    pub fn shown(&self) -> String {
        let certificate = self.stream.ssl().peer_certificate().unwrap();
        let mut names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
        names.next().unwrap().data().to_string().unwrap()
    }

    pub fn protocol(&self) -> Option<&[u8]> {
        self.stream.ssl().selected_alpn_protocol()
    }

    /// For whoever speaks otherwise on it.
    pub fn into_stream(self) -> SslStream<TcpStream> {
        self.stream
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).await.map_err(told)
    }

    /// Asks, and reads an answer that tells its length.
    pub async fn get(&mut self, path: &str) -> Result<String, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
        self.send(request.as_bytes()).await?;
        let answer = tokio::time::timeout(PATIENCE, self.answer());
        answer.await.expect("an answer, or the end")
    }

    async fn answer(&mut self) -> Result<String, String> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(self.stream.read_u8().await.map_err(told)?);
        }
        let head = String::from_utf8_lossy(&text).to_ascii_lowercase();
        let length = head.split_once("content-length: ");
        let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body).await.map_err(told)?;
        text.extend_from_slice(&body);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// What comes until the end, and whether that was taken leave for.
    pub async fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut rest = Vec::new();
        let reading = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut rest));
        let read = reading.await.expect("the connection ends");
        (rest, read.is_ok())
    }
}

fn told(why: impl std::fmt::Display) -> String {
    why.to_string()
}
