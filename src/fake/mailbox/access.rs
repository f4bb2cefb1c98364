//! May this token do this? As Graph answers it: the token must be genuine and for Graph, and hold a
//! permission for what is asked.

use serde_json::{Map, Value};

use super::refusal::{self, Refusal, ensure};
use crate::fake::http::Request;
use crate::fake::issuer::{ApiRegistration, BearerError, Issuer};

/// `aud` of tokens for Graph: the URI, or the client id.
const AUDIENCES: [&str; 2] = ["https://graph.microsoft.com", ApiRegistration::GRAPH];

pub(super) struct Access {
    claims: Map<String, Value>,
}

impl Access {
    pub(super) fn of(request: &Request, issuer: &Issuer) -> Result<Self, Refusal> {
        let mut fields = request.headers.get_all("authorization").iter();
        let (field, None) = (fields.next(), fields.next()) else {
            return Err(refusal::TWO_TOKENS);
        };
        let token = field
            .and_then(|field| field.to_str().ok())
            .and_then(|field| field.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or(refusal::NO_TOKEN)?;
        match issuer.check(token, &AUDIENCES, request.at) {
            Ok(claims) => Ok(Self { claims }),
            Err(BearerError::Malformed) => Err(refusal::MALFORMED),
            Err(BearerError::Signature) => Err(refusal::BAD_SIGNATURE),
            Err(BearerError::Issuer) => Err(refusal::OTHER_ISSUER),
            Err(BearerError::Lifetime) => Err(refusal::OUT_OF_TIME),
            Err(BearerError::Audience) => Err(refusal::OTHER_AUDIENCE),
        }
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
            None => {
                let roles = self.claims.get("roles").and_then(Value::as_array);
                let mut roles = roles.into_iter().flatten().filter_map(Value::as_str);
                roles.any(|role| any_of.contains(&role))
            }
        };
        ensure(held, refusal::DENIED)
    }
}
