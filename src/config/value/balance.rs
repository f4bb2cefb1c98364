//! What a check asks for, which answers are failures, and a share in a hundred.

use http::Uri;
use serde_json::{Value as Json, json};

use crate::located::{Form, Scalar, Wrong, shown};

/// Path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct CheckPath(pub(in crate::config) Uri);

impl Scalar for CheckPath {
    const EXPECTED: &str = "a path such as `/healthz`";
    const PATTERN: &str = "^/[!-~]*$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let is_path = text.starts_with('/') && text.bytes().all(plain);
        let uri = is_path.then(|| Uri::try_from(text).ok()).flatten();
        // `//host` would be one.
        let uri = uri.filter(|uri| uri.authority().is_none());
        uri.map(Self).ok_or_else(Wrong::default)
    }
}

/// `20%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(in crate::config) struct Percent(pub(in crate::config) u32);

impl Scalar for Percent {
    const EXPECTED: &str = "a share such as `20%`";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^[0-9]{1,3}%$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number);
        let meant = number.map(|_: u32| format!("write `{}%`", shown(digits)));
        match number {
            Some(number) if digits.len() < text.len() => Ok(Self(number)),
            _ => Err(Wrong::but(meant)),
        }
    }
}

/// An answer of a server behind the endpoint that is not there, or of one that is too busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct FailedStatus(pub(in crate::config) u16);

impl FailedStatus {
    const ALL: [u16; 3] = [502, 503, 504];
}

impl Scalar for FailedStatus {
    const EXPECTED: &str = "502, 503 or 504";
    const FORM: Form = Form::Bare;

    fn parse(text: &str) -> Result<Self, Wrong> {
        let status = text.parse().ok().filter(|it| Self::ALL.contains(it));
        status.map(Self).ok_or_else(Wrong::default)
    }

    fn described() -> Json {
        json!({ "enum": Self::ALL })
    }
}
