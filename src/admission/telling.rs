//! What an upstream is told of the caller in one header value. Bytes that a header cannot carry as
//! they are, and `%` itself, are percent-encoded; inside a role also the comma, and the space there
//! and at a value's ends. Identifiers, addresses and ordinary role names stay as they are.

use std::borrow::Cow;

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::guid::Guid;
use crate::policy::{Principal, PrincipalKind, TokenPrincipal};
use crate::routing::CallerClaim;

const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
const ESCAPED_IN_LIST: &AsciiSet = &ESCAPED.add(b',').add(b' ');

/// The value for a claim; `None` where the principal has no such claim or an empty one: then the
/// header is absent.
pub(super) fn told(principal: &Principal, claim: CallerClaim) -> Option<HeaderValue> {
    match (claim, principal) {
        (CallerClaim::Principal, principal) => value(&escaped(&principal.text())),
        (claim, Principal::Token(token)) => of_token(token, claim),
        _ => None,
    }
}

fn of_token(token: &TokenPrincipal, claim: CallerClaim) -> Option<HeaderValue> {
    let one = match claim {
        CallerClaim::Principal => return None,
        CallerClaim::Roles => return value(&joined(&token.roles, ",")),
        CallerClaim::Scp => return value(&joined(&token.scopes, " ")),
        CallerClaim::Azp => return id(token.client_id),
        CallerClaim::Oid => return id(token.object_id),
        CallerClaim::Tid => return id(token.tenant),
        CallerClaim::Sub => token.claims.subject.as_ref()?,
        CallerClaim::Uti => token.token_id.as_ref()?,
        // No person stands behind an application: whatever it is called by, somebody chose.
        CallerClaim::Name | CallerClaim::PreferredUsername if token.kind == PrincipalKind::App => {
            return None;
        }
        CallerClaim::Name => token.name.as_ref()?,
        CallerClaim::PreferredUsername => token.preferred_username.as_ref()?,
    };
    value(&escaped(one))
}

fn value(text: &str) -> Option<HeaderValue> {
    match text {
        "" => None,
        text => HeaderValue::from_str(text).ok(),
    }
}

fn id(guid: Option<Guid>) -> Option<HeaderValue> {
    value(guid?.write(&mut [0; Guid::LENGTH]))
}

/// SECURITY: a role that holds the separator must not arrive as two.
fn joined(values: &[String], separator: &str) -> String {
    let mut text = String::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        if !text.is_empty() {
            text.push_str(separator);
        }
        text.extend(utf8_percent_encode(value, ESCAPED_IN_LIST));
    }
    text
}

/// Borrowed where nothing had to be escaped.
fn escaped(text: &str) -> Cow<'_, str> {
    // RFC 9110 §5.5: spaces around a value are not part of it, so " admin" would arrive as "admin".
    let set = match text.starts_with(' ') || text.ends_with(' ') {
        true => ESCAPED_IN_LIST,
        false => ESCAPED,
    };
    utf8_percent_encode(text, set).into()
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
