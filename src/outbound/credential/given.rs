//! An assertion that somebody else made: a cluster for its pods, a command, a broker. Is it one at all, and
//! what does it say of itself? Whether it is genuine is for Entra to judge.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::clock::UnixTime;
use crate::located::visible;
use crate::secret::Secret;

/// The longest that is taken; tokens of clusters have some 1.5 KiB.
pub(super) const LARGEST: usize = 16 * 1024;

/// So many characters of a claim are shown.
const SHOWN: usize = 200;

pub(super) struct GivenAssertion {
    text: Secret<String>,
    says: Said,
}

/// What it says of itself, and what the app registration must name to the letter. Shortened, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub issuer: String,
    pub subject: String,
    pub audience: String,
    pub ends_at: Option<UnixTime>,
}

impl GivenAssertion {
    /// White space around it is dropped, for those who write files by hand.
    ///
    /// # Errors
    /// What it is instead. SECURITY: what is no JWT is sent to nobody; it may be any file of this host.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() > LARGEST {
            return Err("is larger than 16 KiB, which no assertion is");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NO_JWT)?.trim();
        if text.is_empty() {
            return Err("is empty");
        }
        let mut parts = text.split('.');
        let (header, claims) = (members(parts.next()), members(parts.next()));
        let signature = parts.next().and_then(decoded).filter(|it| !it.is_empty());
        let (Some(header), Some(claims), Some(_), None) = (header, claims, signature, parts.next())
        else {
            return Err(NO_JWT);
        };
        let algorithm = header["alg"].as_str().unwrap_or("none");
        if algorithm.eq_ignore_ascii_case("none") {
            return Err("is a JWT that nobody signed");
        }
        Ok(Self {
            text: Secret::new(text.to_owned()),
            says: Said::of(&claims),
        })
    }

    pub(super) fn text(&self) -> &Secret<String> {
        &self.text
    }

    pub(super) fn says(&self) -> &Said {
        &self.says
    }

    pub(super) fn has_ended(&self, now: UnixTime) -> bool {
        self.says.ends_at.is_some_and(|end| end <= now)
    }
}

const NO_JWT: &str = "holds no JWT (three parts of base64url with dots between them)";

impl Said {
    fn of(claims: &Value) -> Self {
        let audience = match &claims["aud"] {
            Value::Array(several) => {
                let several: Vec<_> = several.iter().map(shown).collect();
                several.join(" and ")
            }
            one => shown(one),
        };
        let seconds = |value: &Value| value.as_u64().or(value.as_f64().map(|it| it as u64));
        Self {
            issuer: shown(&claims["iss"]),
            subject: shown(&claims["sub"]),
            audience: audience.chars().take(SHOWN).collect(),
            ends_at: seconds(&claims["exp"]).map(UnixTime::from_seconds),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            issuer,
            subject,
            audience,
            ..
        } = self;
        write!(
            out,
            "issuer {issuer}, subject {subject}, audience {audience}"
        )
    }
}

fn shown(claim: &Value) -> String {
    let text = claim.as_str().unwrap_or("(none)");
    text.chars().take(SHOWN).map(visible).collect()
}

fn members(part: Option<&str>) -> Option<Value> {
    let json: Value = serde_json::from_slice(&decoded(part?)?).ok()?;
    json.is_object().then_some(json)
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(header: &str, claims: &str, signature: &str) -> String {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        format!("{}.{}.{signature}", part(header), part(claims))
    }

    const RS256: &str = r#"{"alg":"RS256"}"#;

    #[test]
    fn a_jwt_is_read_with_what_it_says() {
        let claims = r#"{"iss":"https://cluster.example/","sub":"system:serviceaccount:mail:gw","aud":["api://AzureADTokenExchange"],"exp":1790000000}"#;
        let text = compact(RS256, claims, "c2ln");
        let given = GivenAssertion::read(format!("{text}\n").as_bytes()).unwrap();
        assert_eq!(given.text().expose(), &text);
        assert_eq!(
            given.says().to_string(),
            "issuer https://cluster.example/, subject system:serviceaccount:mail:gw, audience \
             api://AzureADTokenExchange"
        );
        let end = UnixTime::from_seconds(1_790_000_000);
        assert!(given.has_ended(end));
        assert!(!given.has_ended(UnixTime::from_seconds(1_789_999_999)));
        let silent = GivenAssertion::read(compact(RS256, "{}", "c2ln").as_bytes()).unwrap();
        assert_eq!(silent.says().ends_at, None);
        assert!(!silent.has_ended(end));
    }

    #[test]
    fn what_is_no_jwt_goes_nowhere() {
        let unsigned = compact(r#"{"alg":"NONE"}"#, "{}", "c2ln");
        for (text, why) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("root:x:0:0:root:/root:/bin/bash", NO_JWT),
            ("a.b.c", NO_JWT),
            ("-----BEGIN PRIVATE KEY-----", NO_JWT),
            (&compact(RS256, "{}", ""), NO_JWT),
            (&compact(RS256, "[]", "c2ln"), NO_JWT),
            (&compact(RS256, "{}", "c2ln.c2ln"), NO_JWT),
            (&compact(RS256, "{}", "c2ln\nc2ln"), NO_JWT),
            (&unsigned, "is a JWT that nobody signed"),
            (
                &"x".repeat(LARGEST + 1),
                "is larger than 16 KiB, which no assertion is",
            ),
        ] {
            let refused = GivenAssertion::read(text.as_bytes());
            assert_eq!(refused.err(), Some(why), "{text}");
        }
        assert!(GivenAssertion::read(b"\xff\xfe").is_err());
    }

    #[test]
    fn what_it_says_cannot_forge_a_line() {
        let claims = r#"{"sub":"a\nb","iss":7}"#;
        let given = GivenAssertion::read(compact(RS256, claims, "c2ln").as_bytes()).unwrap();
        assert_eq!(
            given.says().to_string(),
            "issuer (none), subject a\u{fffd}b, audience (none)"
        );
    }
}
