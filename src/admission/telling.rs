//! What an upstream is told of the caller in one header value. Bytes that a header cannot carry as
//! they are, and `%` itself, are percent-encoded; inside a role also the comma, and the space there
//! and at a value's ends. Identifiers, addresses and ordinary role names stay as they are.

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::policy::{Principal, PrincipalKind, TokenPrincipal};
use crate::routing::CallerClaim;

const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
const ESCAPED_IN_LIST: &AsciiSet = &ESCAPED.add(b',').add(b' ');

/// The value for a claim; `None` where the principal has no such claim or an empty one: then the
/// header is absent.
pub(super) fn told(principal: &Principal, claim: CallerClaim) -> Option<HeaderValue> {
    let text = match (claim, principal) {
        (CallerClaim::Principal, principal) => escaped(&principal.to_string()),
        (claim, Principal::Token(token)) => of_token(token, claim)?,
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    HeaderValue::try_from(text).ok()
}

fn of_token(token: &TokenPrincipal, claim: CallerClaim) -> Option<String> {
    let one = match claim {
        CallerClaim::Principal => return None,
        CallerClaim::Roles => return Some(joined(&token.roles, ",")),
        CallerClaim::Scp => return Some(joined(&token.scopes, " ")),
        CallerClaim::Azp => return token.client_id.map(|id| id.to_string()),
        CallerClaim::Oid => return token.object_id.map(|id| id.to_string()),
        CallerClaim::Sub => token.claims.subject.as_ref()?,
        CallerClaim::Tid => return token.tenant.map(|id| id.to_string()),
        CallerClaim::Uti => token.token_id.as_ref()?,
        // No person stands behind an application: whatever it is called by, somebody chose.
        CallerClaim::Name | CallerClaim::PreferredUsername if token.kind == PrincipalKind::App => {
            return None;
        }
        CallerClaim::Name => token.name.as_ref()?,
        CallerClaim::PreferredUsername => token.preferred_username.as_ref()?,
    };
    Some(escaped(one))
}

/// SECURITY: a role that holds the separator must not arrive as two.
fn joined(values: &[String], separator: &str) -> String {
    let values = values.iter().filter(|value| !value.is_empty());
    let escaped: Vec<_> = values
        .map(|value| utf8_percent_encode(value, ESCAPED_IN_LIST).to_string())
        .collect();
    escaped.join(separator)
}

fn escaped(text: &str) -> String {
    // RFC 9110 §5.5: spaces around a value are not part of it, so " admin" would arrive as "admin".
    let set = match text.starts_with(' ') || text.ends_with(' ') {
        true => ESCAPED_IN_LIST,
        false => ESCAPED,
    };
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
