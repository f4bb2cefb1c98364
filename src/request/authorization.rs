//! What stands in `Authorization`? One header or none; its scheme decides who reads it. This is the
//! one place where the field is parsed.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

#[derive(Clone, Copy)]
pub struct Authorization<'a> {
    pub scheme: Scheme<'a>,
    field: &'a HeaderValue,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `Bearer` and what stands behind it (RFC 6750 §2.1), not yet looked into.
    Bearer(Unread<'a>),
    /// `Basic` and its base64 (RFC 7617 §2), not yet decoded.
    Basic(&'a str),
    /// What has the looks of a JWT and no scheme before it.
    Missing,
    /// A scheme that no caller kind reads; counts as absent.
    Other,
}

/// The bytes that a token is to be, one at least. Whether they are a token68 is asked where it is not
/// known otherwise: long tokens come over and over again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Unread<'a>(&'a [u8]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    #[error("the Authorization header was sent more than once")]
    Repeated,
    /// No scheme that could be read.
    #[error("the Authorization header is malformed")]
    Malformed,
    /// `Bearer`, and then no single token68.
    #[error("the Authorization header is malformed")]
    MalformedBearer,
    /// `Basic`, and then no single token68.
    #[error("the Authorization header is malformed")]
    MalformedBasic,
}

impl<'a> Authorization<'a> {
    pub fn of(headers: &'a HeaderMap) -> Result<Option<Self>, AuthorizationError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(field) = values.next() else {
            return Ok(None);
        };
        // SECURITY: two headers are two readings, whatever their schemes; an upstream or a proxy
        // between us might take the other one.
        if values.next().is_some() {
            return Err(AuthorizationError::Repeated);
        }
        let scheme = Scheme::parse(field.as_bytes())?;
        Ok(Some(Self { scheme, field }))
    }

    /// The field as it came, never to be shown.
    pub fn field(&self) -> HeaderValue {
        let mut field = self.field.clone();
        field.set_sensitive(true);
        field
    }
}

impl<'a> Scheme<'a> {
    /// `credentials = auth-scheme [ 1*SP ( token68 / … ) ]` (RFC 9110 §11.4).
    fn parse(value: &'a [u8]) -> Result<Self, AuthorizationError> {
        let end = value.iter().position(|&byte| byte == b' ');
        let (scheme, rest) = value.split_at(end.unwrap_or(value.len()));
        if scheme.is_empty() || !scheme.iter().all(|&byte| is_token(byte)) {
            return Err(AuthorizationError::Malformed);
        }
        if scheme.eq_ignore_ascii_case(b"bearer") {
            match rest.iter().position(|&byte| byte != b' ') {
                Some(start) => Ok(Self::Bearer(Unread(&rest[start..]))),
                None => Err(AuthorizationError::MalformedBearer),
            }
        } else if scheme.eq_ignore_ascii_case(b"basic") {
            token68(rest)
                .map(Self::Basic)
                .ok_or(AuthorizationError::MalformedBasic)
        } else if end.is_none() && is_like_a_jwt(value) {
            Ok(Self::Missing)
        } else {
            Ok(Self::Other)
        }
    }
}

/// The token in a field that was found to be `Bearer`; `None` where it is another, or no text.
pub fn bearer_of(field: &HeaderValue) -> Option<&str> {
    match Scheme::parse(field.as_bytes()) {
        Ok(Scheme::Bearer(Unread(token))) => std::str::from_utf8(token).ok(),
        _ => None,
    }
}

impl fmt::Debug for Scheme<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bearer(_) => "Bearer([secret])",
            Self::Basic(_) => "Basic([secret])",
            Self::Missing => "Missing",
            Self::Other => "Other",
        })
    }
}

impl<'a> Unread<'a> {
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether it is one token68 up to the very end (RFC 9110 §11.2).
    pub fn is_token68(self) -> bool {
        token68(self.0).is_some()
    }
}

/// JSON that begins with a member, in base64, and the rest of a compact JWS (RFC 7515 §3.1).
fn is_like_a_jwt(value: &[u8]) -> bool {
    value.starts_with(b"eyJ") && value.iter().filter(|&&byte| byte == b'.').count() == 2
}

/// One or more spaces, then a token68 up to the very end (RFC 9110 §11.2).
fn token68(rest: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(rest).ok()?;
    let token = text.trim_start_matches(' ');
    let body = token.trim_end_matches('=');
    // Folded, not `all`: without an early end the compiler looks at sixteen bytes at a time.
    let sound = body
        .bytes()
        .fold(!body.is_empty(), |sound, byte| sound & is_token68(byte));
    sound.then_some(token)
}

/// What a token68 is made of, but for the `=` at its end.
const fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        | matches!(byte, b'-' | b'.' | b'/')
        | (byte == b'_')
        | (byte == b'~')
        | (byte == b'+')
}

/// `tchar` (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    /// As those do who read a bearer token.
    fn read(headers: &HeaderMap) -> Result<Option<Scheme<'_>>, AuthorizationError> {
        match Authorization::of(headers)?.map(|authorization| authorization.scheme) {
            Some(Scheme::Bearer(token)) if !token.is_token68() => {
                Err(AuthorizationError::MalformedBearer)
            }
            scheme => Ok(scheme),
        }
    }

    #[test]
    fn attacks_on_the_header_are_malformed() {
        let attacks: &[&[u8]] = &[
            b"",
            b" ",
            b"Bearer",
            b"Bearer ",
            b"Bearer    ",
            b"Bearer\tabc",
            b"Bearer \tabc",
            b"Bearer abc\t",
            b"Bearer abc ",
            b" Bearer abc",
            b"Bearer abc def",
            b"Bearer abc, Bearer def",
            b"Bearer abc,def",
            b"Bearer,abc",
            b"Bearer: abc",
            b"Bearer token=\"abc\"",
            b"Bearer \"abc\"",
            b"Bearer =",
            b"Bearer ===",
            b"Bearer a=b",
            b"Bearer abc;x",
            b"Bearer abc%2E",
            b"Bearer abc\x80",
            b"Bearer \xc3\xa9",
            b"B\xc3\xa9arer abc",
            b"\"Bearer\" abc",
            b"Basic",
            b"Basic ",
            b"Basic dXNlcjpwYXNz, Bearer abc",
            b"Basic dXNl cjpwYXNz",
            b"Basic user:pass",
            b"Basic \xff\xfe",
        ];
        for attack in attacks {
            // Whose it would have been is told by the scheme, where that is whole.
            let expected = match attack {
                [b'B', b'e', b'a', b'r', b'e', b'r']
                | [b'B', b'e', b'a', b'r', b'e', b'r', b' ', ..] => {
                    AuthorizationError::MalformedBearer
                }
                [b'B', b'a', b's', b'i', b'c'] | [b'B', b'a', b's', b'i', b'c', b' ', ..] => {
                    AuthorizationError::MalformedBasic
                }
                _ => AuthorizationError::Malformed,
            };
            let shown = String::from_utf8_lossy(attack);
            assert_eq!(read(&headers(&[attack])), Err(expected), "{shown:?}");
        }
    }

    #[test]
    fn a_second_header_is_refused_whatever_the_schemes() {
        let pairs: &[[&[u8]; 2]] = &[
            [b"Bearer abc", b"Bearer abc"],
            [b"Bearer abc", b"Basic abc"],
            [b"Negotiate abc", b"Bearer abc"],
            [b"Bearer abc", b"Negotiate abc"],
            [b"Negotiate abc", b"NTLM abc"],
            [b"", b"Bearer abc"],
            [b"Bearer", b"Bearer abc"],
        ];
        for pair in pairs {
            assert_eq!(
                read(&headers(pair)),
                Err(AuthorizationError::Repeated),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn schemes_are_read_in_any_case_after_any_number_of_spaces() {
        let cases: &[(&[u8], Scheme<'_>)] = &[
            (
                b"Bearer a.b-c_d~e+f/g==",
                Scheme::Bearer(Unread(b"a.b-c_d~e+f/g==")),
            ),
            (b"bearer abc", Scheme::Bearer(Unread(b"abc"))),
            (b"BEARER   abc", Scheme::Bearer(Unread(b"abc"))),
            (b"Basic dTpw", Scheme::Basic("dTpw")),
            (b"bASIC  dTpwYQ==", Scheme::Basic("dTpwYQ==")),
            (b"Negotiate abc, def", Scheme::Other),
            (b"Negotiate", Scheme::Other),
            (b"PoP abc", Scheme::Other),
            (b"Bearerx abc", Scheme::Other),
        ];
        for (value, expected) in cases {
            let shown = String::from_utf8_lossy(value);
            assert!(read(&headers(&[value])) == Ok(Some(*expected)), "{shown:?}");
        }
        assert_eq!(read(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn debug_shows_no_credential() {
        for value in [&b"Bearer abc"[..], b"Basic abc"] {
            let headers = headers(&[value]);
            let authorization = Authorization::of(&headers).unwrap().unwrap();
            let field = authorization.field();
            assert_eq!(field.as_bytes(), value);
            let shown = format!("{:?}{field:?}", authorization.scheme);
            assert!(!shown.contains("abc"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(value in prop::collection::vec(any::<u8>(), 0..64)) {
            let token = match Scheme::parse(&value) {
                Ok(Scheme::Bearer(token)) if token.is_token68() => token.as_bytes(),
                Ok(Scheme::Basic(token)) => token.as_bytes(),
                _ => return Ok(()),
            };
            prop_assert!(!token.is_empty());
            prop_assert!(token.iter().all(|byte| byte.is_ascii_graphic() && *byte != b','));
        }
    }
}
