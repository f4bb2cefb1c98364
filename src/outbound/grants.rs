//! What may a token of ours do, as far as it says itself? Read when it comes, from a token that is ours
//! and unverified: it is told, and nothing is ever decided by it.

use std::fmt::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

/// How many names are told, and how many bytes of all of them.
const MOST: usize = 32;
const LONG: usize = 600;

/// The roles and scopes of a token, as an operator reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants(Box<str>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    /// Of an application.
    roles: Vec<String>,
    /// Of a user's token: words.
    scp: String,
}

impl Grants {
    pub fn of(token: &str) -> Self {
        Self(told(token).unwrap_or_else(|| "roles that cannot be read".into()))
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// `None` for what is no JWT, or whose claims are not as Entra writes them.
fn told(token: &str) -> Option<Box<str>> {
    let payload = token.split('.').nth(1)?;
    let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).ok()?);
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let roles = names(claims.roles.iter().map(String::as_str));
    let scopes = names(claims.scp.split_ascii_whitespace());
    Some(match (roles, scopes) {
        (None, None) => "no roles".into(),
        (Some(roles), None) => format!("the roles {roles}").into(),
        (None, Some(scopes)) => format!("the scopes {scopes}").into(),
        (Some(roles), Some(scopes)) => format!("the roles {roles} and the scopes {scopes}").into(),
    })
}

/// `[a, b]`; of many the first.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let plain = |name: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        // SECURITY: what begins like that may be a token.
        !name.is_empty() && name.bytes().all(is_plain) && !name.starts_with("eyJ")
    };
    let (mut text, mut count) = (String::new(), 0);
    for name in names.filter(plain) {
        if count == MOST || text.len() + name.len() > LONG {
            text.push_str(", …");
            break;
        }
        // A String takes it.
        let _ = match count {
            0 => write!(text, "{name}"),
            _ => write!(text, ", {name}"),
        };
        count += 1;
    }
    (count > 0).then(|| format!("[{text}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(claims: &str) -> String {
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(claims));
        Grants::of(&token).to_string()
    }

    #[test]
    fn roles_and_scopes_are_told_and_nothing_else_of_a_token() {
        let many: Vec<String> = (0..40).map(|number| format!("\"R{number}\"")).collect();
        let many = grants(&format!(r#"{{"roles":[{}]}}"#, many.join(",")));
        assert!(many.starts_with("the roles [R0, R1,") && many.ends_with("R31, …]"));
        let long = grants(&format!(r#"{{"roles":["a","{}"]}}"#, "b".repeat(LONG)));
        assert_eq!(long, "the roles [a, …]");
        for (claims, expected) in [
            (
                r#"{"roles":["Mail.Read","Mail.Send"],"oid":"x"}"#,
                "the roles [Mail.Read, Mail.Send]",
            ),
            (
                r#"{"scp":"Mail.Read  User.Read"}"#,
                "the scopes [Mail.Read, User.Read]",
            ),
            (
                r#"{"roles":["a"],"scp":"b"}"#,
                "the roles [a] and the scopes [b]",
            ),
            ("{}", "no roles"),
            (r#"{"roles":["eyJh","a b","\n",""]}"#, "no roles"),
            (r#"{"roles":"x"}"#, "roles that cannot be read"),
            ("[", "roles that cannot be read"),
        ] {
            assert_eq!(grants(claims), expected, "{claims}");
        }
        for token in ["opaque", "a.!.c", ""] {
            let told = Grants::of(token).to_string();
            assert_eq!(told, "roles that cannot be read", "{token}");
        }
    }
}
