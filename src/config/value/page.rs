//! What is said of web pages: their origins, and fields of HTTP.

use http::HeaderName;
use url::Url;

use crate::located::{Scalar, Wrong, shown};

/// An origin as browsers write it (RFC 6454 §6.2), or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct PageOrigin(pub(in crate::config) String);

/// The name of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct FieldName(pub(in crate::config) HeaderName);

impl PageOrigin {
    pub(in crate::config) fn is_any(&self) -> bool {
        self.0 == "*"
    }

    /// Whether whoever is between can make its pages say what they like.
    pub(in crate::config) fn can_be_changed_on_the_way(&self) -> bool {
        let host = self.0.strip_prefix("http://");
        host.is_some_and(|host| {
            let host = host.rsplit_once(':').map_or(host, |(host, port)| {
                let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
                if is_port {
                    host
                } else {
                    self.0.trim_start_matches("http://")
                }
            });
            !["localhost", "127.0.0.1", "[::1]"].contains(&host) && !host.ends_with(".localhost")
        })
    }
}

impl Scalar for PageOrigin {
    const EXPECTED: &str = "an origin such as `https://app.example.com`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "*" => return Ok(Self(text.to_owned())),
            "null" => {
                let why = "`null` is the origin of files, of frames in a sandbox and of whatever hides its own";
                return Err(Wrong::because(why));
            }
            _ => {}
        }
        if text.contains('*') {
            let why = "an origin has no wildcard";
            return Err(Wrong::because(why).hint("name each one"));
        }
        let Some(url) = Url::parse(text).ok().filter(Url::has_host) else {
            let bare = !text.contains("://") && !text.contains(char::is_whitespace);
            let meant = || format!("did you mean `https://{}`?", shown(text));
            return Err(Wrong::but(bare.then(meant)));
        };
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}"));
        let origin = format!("{}://{host}{}", url.scheme(), port.unwrap_or_default());
        if origin != text {
            let why = "no browser sends an origin that is written so";
            return Err(Wrong::because(why).hint(format_args!("write `{}`", shown(&origin))));
        }
        Ok(Self(origin))
    }
}

impl Scalar for FieldName {
    const EXPECTED: &str = "a header's name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text == "*" {
            let why = "`*` would not be `Authorization`, and with credentials not even a wildcard";
            return Err(Wrong::because(why).hint("name each one"));
        }
        let name = HeaderName::from_bytes(text.as_bytes());
        let why = || format!("`{}` cannot be a header's name", shown(text));
        name.map(Self).map_err(|_| Wrong::because(why()))
    }
}
