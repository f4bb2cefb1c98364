//! Parts of HTTP that a route names: hosts, header names, path patterns, and what may not be named.

use std::net::Ipv6Addr;

use http::HeaderName;
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::config::mask;
use crate::config::reader::{Read, Reader};
use crate::config::schema::Schemas;
use crate::config::tree::NodeId;
use crate::policy::ValuePattern;
use crate::routing::{HostPattern, Template};

/// A header that tells the upstream who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct CallerHeader(pub(in crate::config) HeaderName);

/// A header that may come from outside although it is one that others trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct KeptHeader(pub(in crate::config) HeaderName);

/// Headers that frame the message (RFC 9110 §6.1, RFC 9112 §6) or belong to the connection.
const FRAMING: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "expect",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Headers by which requests are routed or rewritten.
const ROUTING: &[&str] = &[
    "forwarded",
    "host",
    "origin",
    "x-forwarded-by",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-url",
];

/// Headers that carry credentials.
const CREDENTIALS: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
    "x-api-key",
    "x-auth-token",
    "x-forwarded-access-token",
    "x-forwarded-authorization",
];

/// Why a header may be neither set nor kept. Servers take `_` and `.` for `-`, so we do too.
fn forbidden(name: &HeaderName) -> Option<&'static str> {
    let name = spelling(name);
    let of = |list: &[&str]| list.contains(&name.as_str());
    if of(FRAMING) || name.starts_with("sec-") {
        Some("is about the message itself, not about who calls")
    } else if of(ROUTING) {
        Some("is about the way of the request, not about who calls")
    } else if of(CREDENTIALS) || name.starts_with("x-ms-token-aad-") {
        Some("carries credentials")
    } else {
        None
    }
}

/// The one spelling of a header for all that servers take for it.
pub(in crate::config) fn spelling(name: &HeaderName) -> String {
    name.as_str().replace(['_', '.'], "-")
}

fn header(node: NodeId, reader: &mut Reader<'_, '_>, text: &str) -> Option<HeaderName> {
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        reader.key_problem(
            node,
            format!("`{}` cannot be a header's name", mask::shown(text)),
        );
        return None;
    };
    if let Some(why) = forbidden(&name) {
        reader.key_problem(
            node,
            format!("`{}` {why}; it cannot be named here", mask::shown(text)),
        );
        return None;
    }
    Some(name)
}

impl CallerHeader {
    /// From the key of an entry of `caller_headers`.
    pub(in crate::config) fn of_key(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        let text = reader.tree().key(node).to_owned();
        header(node, reader, &text).map(Self)
    }
}

impl Read for KeptHeader {
    fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        let text = reader.text(node, "a header's name")?;
        header(node, reader, text).map(Self)
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Read for HostPattern {
    fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        let expected = "a host such as `api.example.com` or `*.example.com`";
        let text = reader.text(node, expected)?;
        let lower = text.to_ascii_lowercase();
        let pattern = match lower.strip_prefix("*.") {
            Some(suffix) if is_name(suffix) => Some(Self::Suffix(format!(".{suffix}"))),
            None if is_name(&lower) || is_bracketed(&lower) => Some(Self::Exact(lower)),
            _ => None,
        };
        if pattern.is_none() {
            let found = reader.unexpected(node, expected);
            if text.contains(':') {
                found.hint("hosts match without scheme and port");
            } else if text.ends_with('.') {
                found.hint("leave out the final dot");
            } else if !text.is_ascii() {
                found.hint("write the name as it goes over the wire (`xn--…`)");
            }
        }
        pattern
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn is_bracketed(text: &str) -> bool {
    text.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

impl Read for Template {
    fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        let text = reader.text(
            node,
            "a path pattern such as `/orders/{id}` or `/orders/**`",
        )?;
        match Self::parse(text) {
            Ok(template) => Some(template),
            Err(why) => {
                reader.problem(node, why.to_string());
                None
            }
        }
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": "^/" })
    }
}

impl Read for ValuePattern {
    fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        let text = reader.text(node, "a pattern such as `*@payroll.example.com`")?;
        if text.is_empty() || text.contains(['/', '%']) || text.chars().any(char::is_control) {
            reader
                .problem(node, "this pattern can never fit")
                .hint("values are compared decoded, and those with `/` or `%` never fit");
            return None;
        }
        Some(Self(text.to_owned()))
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "minLength": 1, "pattern": "^[^/%]+$" })
    }
}

/// Whether networks, taken together, are every address of a family.
pub(in crate::config) fn mean_everything(networks: &[IpNet]) -> bool {
    IpNet::aggregate(&networks.to_vec())
        .iter()
        .any(|network| network.prefix_len() == 0)
}
