//! Parts of HTTP that a route names: hosts, header names, path patterns, and what may not be named.

use std::net::Ipv6Addr;

use http::HeaderName;
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::located::{NodeId, Read, Reader, Schemas, shown};
use crate::policy::ValuePattern;
use crate::request::header_names::unnameable;
use crate::routing::{HostPattern, Template};

/// A header that tells the upstream who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct CallerHeader(pub(in crate::config) HeaderName);

/// A header that may come from outside although it is one that others trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct KeptHeader(pub(in crate::config) HeaderName);

fn header(node: NodeId, reader: &mut Reader<'_>, text: &str) -> Option<HeaderName> {
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        reader.key_problem(node, format!("`{}` cannot be a header's name", shown(text)));
        return None;
    };
    if let Some(why) = unnameable(&name) {
        reader.key_problem(
            node,
            format!("`{}` {why}; it cannot be named here", shown(text)),
        );
        return None;
    }
    Some(name)
}

impl CallerHeader {
    /// From the key of an entry of `caller_headers`.
    pub(in crate::config) fn of_key(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.tree().key(node).to_owned();
        header(node, reader, &text).map(Self)
    }
}

impl Read for KeptHeader {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, "a header's name")?;
        header(node, reader, text).map(Self)
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Read for HostPattern {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
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
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
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
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
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
