//! What does a verified token say? The registered claims (RFC 7519 §4.1) that every issuer's tokens
//! have, each with its type, and such others as the issuer's profile reads. Only `Verifier` makes one.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::Member;
use crate::clock::UnixTime;

/// The claims of a token whose signature, issuer and times have been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`, one of the profile's.
    pub issuer: Arc<str>,
    pub subject: Option<String>,
    /// `aud`: one string, or the members of an array that are all strings.
    pub audiences: Vec<String>,
    pub expires_at: UnixTime,
    pub not_before: Option<UnixTime>,
    // SECURITY: out of sight of other rooms, so that none can write a `Claims`.
    pub(super) others: Vec<(Cow<'static, str>, Value)>,
}

impl Claims {
    /// Takes one of the other claims out, to be given its own type.
    pub fn take(&mut self, name: &str) -> Member {
        let place = self.others.iter().position(|(known, _)| known == name);
        Member::from(place.map(|place| self.others.swap_remove(place).1))
    }

    /// One of the other claims that nobody took.
    pub fn other(&self, name: &str) -> Option<&Value> {
        let mut others = self.others.iter();
        others.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The names of the other claims that nobody took.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|(name, _)| &**name)
    }

    /// Gives back the room of the claims that were taken.
    pub fn shrink(&mut self) {
        self.others.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Claims {
        /// What no verifier has seen, for the tests of other rooms.
        pub(crate) fn unverified(others: Value) -> Self {
            let Value::Object(others) = others else {
                panic!("an object of claims");
            };
            Self {
                issuer: "https://issuer.example/".into(),
                subject: Some("subject".into()),
                audiences: vec!["api".into()],
                expires_at: UnixTime::from_seconds(2),
                not_before: Some(UnixTime::from_seconds(1)),
                others: others
                    .into_iter()
                    .map(|(name, value)| (name.into(), value))
                    .collect(),
            }
        }
    }

    #[test]
    fn a_claim_is_taken_once() {
        let mut claims = Claims::unverified(serde_json::json!({ "a": "x", "b": null, "c": 1 }));
        assert_eq!(claims.take("a").text("a"), Ok(Some("x".into())));
        assert!(!claims.take("a").is_present());
        assert!(claims.take("b").is_present(), "`null` is not absence");
        assert_eq!(claims.other("c"), Some(&1.into()));
        assert_eq!(claims.other("b"), None);
    }
}
