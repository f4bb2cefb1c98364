//! How is a token endpoint spoken to? Entra's in either of Microsoft's ways, everybody else's as the RFCs
//! have it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use super::Endpoint;

/// Which parameters a token endpoint takes, beside who asks and for what.
#[derive(Clone, Copy, Debug)]
pub enum Dialect<'a> {
    /// Microsoft Entra ID's: v2 takes `scope`, v1 takes `resource`.
    Entra(Endpoint),
    /// Any other authorization server's (RFC 6749).
    OAuth2(&'a Terms),
}

/// What one authorization server wants, as its client was registered there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether a secret goes by HTTP Basic instead of in the form (RFC 6749 §2.3.1).
    pub basic: bool,
    /// `resource` (RFC 8707), `audience` and others, in the order in which they are sent.
    pub parameters: Vec<(String, String)>,
}

impl Dialect<'_> {
    /// Whether a secret goes by HTTP Basic.
    pub(super) fn is_basic(self) -> bool {
        matches!(self, Self::OAuth2(terms) if terms.basic)
    }
}

/// What stands behind `Basic `: id and secret, each as in a form, then base64 (RFC 6749 §2.3.1).
pub(super) fn user_pass(client_id: &str, secret: &str) -> Zeroizing<String> {
    let mut both = Zeroizing::new(String::with_capacity(
        3 * (client_id.len() + secret.len()) + 1,
    ));
    both.extend(byte_serialize(client_id.as_bytes()));
    both.push(':');
    both.extend(byte_serialize(secret.as_bytes()));
    Zeroizing::new(STANDARD.encode(both.as_bytes()))
}

pub(super) fn basic(user_pass: &str) -> Option<HeaderValue> {
    let value = Zeroizing::new(format!("Basic {user_pass}"));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_escaped_as_in_a_form_before_they_are_joined() {
        let sent = |id, secret| {
            let decoded = STANDARD.decode(&*user_pass(id, secret)).unwrap();
            String::from_utf8(decoded).unwrap()
        };
        assert_eq!(sent("orders", "s"), "orders:s");
        // A colon in either would move the border between them.
        assert_eq!(sent("a:b", "c:d"), "a%3Ab:c%3Ad");
        assert_eq!(
            sent("urn:x y", "p~8+/=&%\u{fc}"),
            "urn%3Ax+y:p%7E8%2B%2F%3D%26%25%C3%BC"
        );
    }

    #[test]
    fn the_header_is_never_shown() {
        let value = basic(&user_pass("orders", "hidden-word")).unwrap();
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
