//! What does an assertion claim beside what makes it one? What the file says, and nothing of who is who, for
//! whom it is, or how long it holds.

use serde_json::{Map, Value};

/// What makes an assertion one (RFC 7523 §3): never the file's to say.
const OWN: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Of JSON. Servers bound what a form may hold.
const LONGEST: usize = 2048;

/// `assertion_claims:` of a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct AssertionClaims(Map<String, Value>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionClaimsError {
    #[error("each assertion has a `{0}` of its own")]
    Own(String),
    #[error("the claims take more than {LONGEST} bytes")]
    TooLong,
}

impl AssertionClaims {
    pub fn new(claims: Map<String, Value>) -> Result<Self, AssertionClaimsError> {
        // SECURITY: an assertion says who the gateway is, to whom, until when; and once.
        if let Some(own) = claims.keys().find(|name| OWN.contains(&name.as_str())) {
            return Err(AssertionClaimsError::Own(own.clone()));
        }
        let claims = Self(claims);
        match claims.mark().len() <= LONGEST {
            true => Ok(claims),
            false => Err(AssertionClaimsError::TooLong),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (String, Value)> {
        let claims = self.0.iter();
        claims.map(|(name, value)| (name.clone(), value.clone()))
    }

    /// What tells them from others; nothing where there are none.
    pub fn mark(&self) -> String {
        match self.0.is_empty() {
            true => String::new(),
            false => Value::Object(self.0.clone()).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: Value) -> Result<AssertionClaims, AssertionClaimsError> {
        AssertionClaims::new(claims.as_object().unwrap().clone())
    }

    #[test]
    fn what_makes_an_assertion_one_is_not_for_the_file() {
        for own in OWN {
            let error = AssertionClaimsError::Own(own.to_owned());
            assert_eq!(of(json!({ "client_ip": "x", own: 1 })), Err(error));
        }
        assert!(of(json!({ "Iss": "x", "https://a.example/iss": 1 })).is_ok());
    }

    #[test]
    fn they_are_bounded_and_told_apart() {
        let mark = |claims| of(claims).unwrap().mark();
        assert_eq!(mark(json!({})), "");
        assert_ne!(mark(json!({ "a": "1" })), mark(json!({ "a": 1 })));
        let long = json!({ "a": "x".repeat(LONGEST) });
        assert_eq!(of(long), Err(AssertionClaimsError::TooLong));
    }
}
