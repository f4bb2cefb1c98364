//! A token that no verifier has seen, and an entry it fits, for tests.

use serde_json::json;

use super::{
    Audience, AudienceForm, BearerConditions, Claim, ClaimValue, Condition, Need, PrincipalKind,
    PrincipalRule, TokenPrincipal,
};
use crate::jwt::Claims;

pub(crate) const API: &str = "aaaa0000-1111-4222-8333-444444444444";
pub(crate) const CLIENT: &str = "cccc0000-5555-4666-8777-888888888888";
pub(crate) const OBJECT: &str = "0b0b0b0b-1111-4222-8333-999999999999";
pub(crate) const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

/// An app-only token for `API` with the role `Read`, changed.
pub(crate) fn token(change: impl FnOnce(&mut TokenPrincipal)) -> TokenPrincipal {
    let mut claims = Claims::unverified(json!({ "groups": ["staff"] }));
    claims.audiences = vec![API.into()];
    let mut token = TokenPrincipal {
        kind: PrincipalKind::App,
        issuer: "contoso".into(),
        client_id: CLIENT.parse().ok(),
        object_id: OBJECT.parse().ok(),
        tenant: TENANT.parse().ok(),
        roles: vec!["Read".into()],
        scopes: Vec::new(),
        token_id: None,
        name: None,
        preferred_username: None,
        audience_form: AudienceForm::Exact,
        claims,
    };
    change(&mut token);
    token
}

/// What admits that token by its role.
pub(super) fn conditions() -> BearerConditions {
    BearerConditions {
        issuer: "contoso".into(),
        audiences: vec![Audience::Application(API.parse().unwrap())],
        principal: PrincipalRule::Only(PrincipalKind::App),
        claims: vec![condition(Claim::ROLES, Need::Any, &["Read"])],
    }
}

pub(super) fn condition(claim: Claim, need: Need, values: &[&str]) -> Condition {
    let value = |text: &&str| match text.parse() {
        Ok(guid) => ClaimValue::Guid(guid),
        Err(_) => ClaimValue::Text((*text).to_owned()),
    };
    Condition {
        claim,
        need,
        values: values.iter().map(value).collect(),
    }
}
