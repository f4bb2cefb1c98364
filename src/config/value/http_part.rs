//! Parts of HTTP that a route names: hosts, header names, path patterns, and what may not be named.

use std::net::Ipv6Addr;

use http::HeaderName;
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::entra::{Region, Tenant};
use crate::guid::Guid;
use crate::located::{NodeId, Reader, Scalar, Wrong, shown};
use crate::policy::{AllowedOption, ValuePattern};
use crate::request::header_names::{unkeepable, unnameable};
use crate::request::is_parameter_name;
use crate::routing::{HostPattern, Template};

/// A header that tells the upstream who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct CallerHeader(pub(in crate::config) HeaderName);

/// A header that may come from outside although it is one that others trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct KeptHeader(pub(in crate::config) HeaderName);

fn header(
    text: &str,
    unnameable: fn(&HeaderName) -> Option<&'static str>,
) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("`{}` cannot be a header's name", shown(text)))?;
    match unnameable(&name) {
        Some(why) => Err(format!("`{}` {why}; it cannot be named here", shown(text))),
        None => Ok(name),
    }
}

impl CallerHeader {
    /// From the key of an entry of `caller_headers`.
    pub(in crate::config) fn of_key(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        header(reader.tree().key(node), unnameable)
            .map_err(|why| reader.key_problem(node, why))
            .map(Self)
            .ok()
    }
}

impl Scalar for KeptHeader {
    const EXPECTED: &str = "a header's name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        header(text, unkeepable).map(Self).map_err(Wrong::because)
    }
}

/// Of a segment's parameter, `version` in `/orders;version=2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct ParameterName(pub(in crate::config) Box<str>);

impl Scalar for ParameterName {
    const EXPECTED: &str = "a parameter's name such as `version`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match is_parameter_name(text) {
            true => Ok(Self(text.into())),
            false => Err(Wrong::default().hint("letters, digits, `-`, `.`, `_` and `~`")),
        }
    }
}

impl Scalar for HostPattern {
    const EXPECTED: &str = "a host such as `api.example.com` or `*.example.com`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let lower = text.to_ascii_lowercase();
        match lower.strip_prefix("*.") {
            Some(suffix) if is_name(suffix) => return Ok(Self::Suffix(format!(".{suffix}"))),
            None if is_name(&lower) || is_bracketed(&lower) => return Ok(Self::Exact(lower)),
            _ => {}
        }
        Err(if text.contains(':') {
            Wrong::default().hint("hosts match without scheme and port")
        } else if text.ends_with('.') {
            Wrong::default().hint("leave out the final dot")
        } else if !text.is_ascii() {
            Wrong::default().hint("write the name as it goes over the wire (`xn--…`)")
        } else {
            Wrong::default()
        })
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

impl Scalar for Template {
    const EXPECTED: &str = "a path pattern such as `/orders/{id}` or `/orders/**`";
    const PATTERN: &str = "^/";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).map_err(Wrong::because)
    }
}

impl Scalar for ValuePattern {
    const EXPECTED: &str = "a pattern such as `*@payroll.example.com`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() || text.contains(['/', '%']) || text.chars().any(char::is_control) {
            let hint = "values are compared decoded, and those with `/` or `%` never fit";
            return Err(Wrong::because("this pattern can never fit").hint(hint));
        }
        if text.contains('\\') || matches!(text, "." | "..") {
            let hint = "paths with such a segment are refused";
            return Err(Wrong::because("this pattern can never fit").hint(hint));
        }
        if text.contains('*') && text.contains(['?', '#', ';']) {
            let hint = "with `*`, values with `?`, `#` or `;` never fit: name each in full";
            return Err(Wrong::because("this pattern can never fit").hint(hint));
        }
        Ok(Self(text.to_owned()))
    }

    fn described() -> Json {
        json!({ "type": "string", "minLength": 1, "pattern": "^[^/%\\\\]+$" })
    }
}

impl Scalar for AllowedOption {
    const EXPECTED: &str = "an option such as `$expand` or `$expand=attachments`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let bare = name.strip_prefix('$').unwrap_or(name);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if bare.is_empty() || !bare.bytes().all(is_name) {
            let why = format!("`{}` is no option's name", shown(name));
            return Err(Wrong::because(why).hint("write it as it is decoded, without `%`"));
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

impl Scalar for Region {
    const EXPECTED: &str = "a region of Azure such as `westeurope`";
    const PATTERN: &str = Self::PATTERN;

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| Wrong::default())
    }
}

impl Scalar for Tenant {
    const EXPECTED: &str = "the tenant's GUID";
    const PATTERN: &str = Guid::PATTERN;

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|why| Wrong::because(format_args!("`{}` {why}", shown(text))))
    }
}

/// Whether networks, taken together, are every address of a family.
pub(in crate::config) fn mean_everything(networks: impl Iterator<Item = IpNet>) -> bool {
    let aggregated = IpNet::aggregate(&networks.collect());
    aggregated.iter().any(|network| network.prefix_len() == 0)
}
