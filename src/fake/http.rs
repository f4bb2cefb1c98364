//! How do the fakes speak HTTP without sockets? A request as it arrived, an answer as it shall go,
//! and a function between them: everything behind it is tested as a pure function.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use openssl::sha::sha256;
use serde::Serialize;
use url::form_urlencoded;

use crate::clock::UnixTime;
use crate::guid::Guid;

/// An origin server (RFC 9110 §3.6): one of the fakes.
pub trait Origin: Send + Sync + 'static {
    fn intake(&self) -> Intake;

    /// Answers one request. Does no I/O; the time is in the request.
    fn answer(&self, request: &Request) -> Response;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    Whole(usize),
    /// Any length; so many bytes are kept, the rest is only counted and hashed.
    Beginning(usize),
}

#[derive(Clone, Debug)]
#[must_use]
pub struct Request {
    pub secure: bool,
    pub method: Method,
    /// The request target as sent: path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Body,
    pub at: UnixTime,
}

impl Request {
    /// A request without a body, to be asked without a socket.
    pub fn new(method: Method, target: &str, at: UnixTime) -> Self {
        Self {
            secure: false,
            method,
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: Body::whole(Vec::new()),
            at,
        }
    }

    /// The same with one more header field; what is no header field is left out.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            self.headers.append(name, value);
        }
        self
    }

    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::whole(body.into());
        self
    }

    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    pub fn parameters(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `client-request-id`, where it is a GUID.
    pub(super) fn client_request_id(&self) -> Option<String> {
        let id: Guid = self.header("client-request-id")?.parse().ok()?;
        Some(id.to_string())
    }

    /// `Content-Type` in lower case, without parameters; empty where there is none.
    pub fn media_type(&self) -> String {
        let field = self.header("content-type").unwrap_or_default();
        let media = field.split(';').next().unwrap_or_default();
        media.trim().to_ascii_lowercase()
    }

    pub fn base(&self) -> Option<String> {
        let scheme = if self.secure { "https" } else { "http" };
        Some(format!("{scheme}://{}", self.header("host")?))
    }
}

#[derive(Clone, Debug)]
pub struct Body {
    pub kept: Vec<u8>,
    pub length: u64,
    pub sha256: [u8; 32],
}

impl Body {
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u64,
            sha256: sha256(&bytes),
            kept: bytes,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    #[default]
    AtOnce,
    After(Duration),
    /// Not at all: the connection stays open and silent until the peer gives up.
    Never,
}

#[derive(Clone, Debug)]
#[must_use]
pub struct Response {
    pub status: StatusCode,
    /// The header fields, without framing.
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub pace: Pace,
}

impl Response {
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
            pace: Pace::AtOnce,
        }
    }

    pub fn of(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Self {
        let mut response = Self::empty(status);
        response.body = body;
        response
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }

    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::of(status, "application/json; charset=utf-8", body),
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The same with a header field set; a value that cannot be one is left out.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub fn paced(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }
}
