//! May this token do this? As Graph answers it: the token must be genuine and for Graph, and hold a
//! permission for what is asked.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::fake::http::Request;
use crate::fake::issuer::{ApiRegistration, BearerError, Issuer};

/// `aud` of tokens for Graph: the URI, or the client id.
const AUDIENCES: [&str; 2] = ["https://graph.microsoft.com", ApiRegistration::GRAPH];

/// What a verified token allows.
pub(super) struct Access {
    claims: Map<String, Value>,
}

impl Access {
    /// Verifies the request's bearer token.
    pub(super) fn of(request: &Request, issuer: &Issuer) -> Result<Self, Refusal> {
        let mut fields = request.headers.get_all("authorization").iter();
        let (field, None) = (fields.next(), fields.next()) else {
            return Err(Refusal::bad_token(
                "More than one Authorization header was sent.",
            ));
        };
        let token = field
            .and_then(|field| field.to_str().ok())
            .and_then(|field| field.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Refusal::bad_token("Access token is empty."))?;
        let claims = issuer.check(token, &AUDIENCES, request.at).map_err(|why| {
            Refusal::bad_token(match why {
                BearerError::Malformed => "IDX14100: JWT is not well formed.",
                BearerError::Signature => "Access token validation failure. Invalid signature.",
                BearerError::Issuer => "Access token validation failure. Invalid issuer.",
                BearerError::Lifetime => "Lifetime validation failed, the token is expired.",
                BearerError::Audience => "Access token validation failure. Invalid audience.",
            })
        })?;
        Ok(Self { claims })
    }

    /// The user who stands behind a delegated token.
    pub(super) fn user_name(&self) -> Option<String> {
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        text("scp")?;
        text("upn")
            .or(text("preferred_username"))
            .map(str::to_owned)
    }

    /// One of these permissions, as an app role or, in a user's token, as a scope.
    pub(super) fn require(&self, any_of: &[&str]) -> Result<(), Refusal> {
        let held = match self.claims.get("scp").and_then(Value::as_str) {
            Some(scopes) => scopes.split(' ').any(|scope| any_of.contains(&scope)),
            None => self
                .claims
                .get("roles")
                .and_then(Value::as_array)
                .is_some_and(|roles| {
                    roles
                        .iter()
                        .filter_map(Value::as_str)
                        .any(|role| any_of.contains(&role))
                }),
        };
        if held { Ok(()) } else { Err(Refusal::denied()) }
    }
}
