//! Which host is meant? One spelling for each, whatever the client wrote in `Host`.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::HeaderValue;

/// The longest name in the DNS (RFC 1035 §2.3.4), as text without its final dot.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host in its one spelling, without a copy where it came in it.
#[derive(Clone, Debug)]
pub struct Host(Spelling);

#[derive(Clone, Debug)]
enum Spelling {
    /// So many bytes of what was sent: a port and a final dot come after.
    Sent(HeaderValue, usize),
    Respelled(Box<str>),
}

impl Host {
    /// The host of an authority, as `normalised_host` has it.
    pub fn of(authority: &HeaderValue) -> Option<Self> {
        let text = std::str::from_utf8(authority.as_bytes()).ok()?;
        Some(Self(match normalised_host(text)? {
            Cow::Borrowed(host) => Spelling::Sent(authority.clone(), host.len()),
            Cow::Owned(host) => Spelling::Respelled(host.into()),
        }))
    }

    pub fn as_str(&self) -> &str {
        match &self.0 {
            // INVARIANT: `of` has seen that it is ASCII.
            Spelling::Sent(value, length) => {
                let bytes = value.as_bytes().get(..*length).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Spelling::Respelled(host) => host,
        }
    }
}

/// The host of an authority: lower case, without port and final dot; an IPv6 literal in brackets,
/// in its shortest form (RFC 5952). `None` for what is no host: userinfo, escapes, empty labels,
/// a port that is no number.
pub fn normalised_host(raw: &str) -> Option<Cow<'_, str>> {
    if let Some(bracketed) = raw.strip_prefix('[') {
        let (literal, after) = bracketed.split_once(']')?;
        if !after.is_empty() {
            port(after.strip_prefix(':')?.as_bytes())?;
        }
        let address: Ipv6Addr = literal.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let (length, is_lower) = name(raw.as_bytes())?;
    let name = raw.get(..length)?;
    Some(match is_lower {
        true => Cow::Borrowed(name),
        false => Cow::Owned(name.to_ascii_lowercase()),
    })
}

/// How long the name is that an authority begins with, without its final dot, and whether it is in
/// lower case. Every request names one: each byte is looked at once.
fn name(authority: &[u8]) -> Option<(usize, bool)> {
    let (mut label, mut is_lower, mut end) = (0, true, authority.len());
    for (at, byte) in authority.iter().enumerate() {
        match byte {
            // The underscore is in internal names, in spite of RFC 1123.
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            b'A'..=b'Z' => {
                is_lower = false;
                label += 1;
            }
            b'.' if (1..=LONGEST_LABEL).contains(&label) => label = 0,
            b':' => {
                port(authority.get(at + 1..)?)?;
                end = at;
                break;
            }
            _ => return None,
        }
    }
    let has_final_dot = label == 0;
    let length = end.checked_sub(has_final_dot.into())?;
    (label <= LONGEST_LABEL && (1..=LONGEST_NAME).contains(&length)).then_some((length, is_lower))
}

fn port(digits: &[u8]) -> Option<u16> {
    // `u16::from_str` would take a plus sign.
    if digits.iter().all(u8::is_ascii_digit) {
        std::str::from_utf8(digits).ok()?.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_host_become_one() {
        for (raw, expected) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com:8080", "api.example.com"),
            ("Api.example.com.:443", "api.example.com"),
            ("localhost", "localhost"),
            ("my_service.default.svc", "my_service.default.svc"),
            ("127.0.0.1:8081", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:8081", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[2001:DB8::A]", "[2001:db8::a]"),
        ] {
            assert_eq!(normalised_host(raw).as_deref(), Some(expected), "{raw}");
            let kept = Host::of(&HeaderValue::from_static(raw)).unwrap();
            assert_eq!(kept.as_str(), expected, "{raw}");
        }
        assert!(matches!(
            normalised_host("api.example.com:8080"),
            Some(Cow::Borrowed(_))
        ));
    }

    #[test]
    fn what_is_no_host_is_none() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = vec!["abcdefg"; 33].join(".");
        for raw in [
            "",
            ".",
            "..",
            ".example.com",
            "example..com",
            "example.com..",
            ":80",
            "example.com:",
            "example.com:80:80",
            "example.com:+80",
            "example.com:65536",
            "example.com:8o",
            "user@example.com",
            "user:pass@example.com",
            "example.com/a",
            "example.com#a",
            "example.com?a",
            "example.com, other.example",
            "example.com other",
            " example.com",
            "example%2ecom",
            "exämple.com",
            "*.example.com",
            "example.com\0",
            "::1",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[::1].",
            "[fe80::1%25eth0]",
            "[example.com]",
            "[127.0.0.1]",
            "[]",
            &long_label,
            &long_name,
        ] {
            assert_eq!(normalised_host(raw), None, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn a_normalised_host_is_its_own(raw in "[a-zA-Z0-9.:_\\[\\]@-]{0,20}") {
            if let Some(host) = normalised_host(&raw) {
                prop_assert_eq!(normalised_host(&host), Some(host.clone()));
            }
        }
    }
}
