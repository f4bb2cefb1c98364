//! A verified token and an entry it fits, for the tests of this room.

use super::{Audience, BearerConditions, PrincipalKind, PrincipalRule, TokenPrincipal};
use crate::clock::UnixTime;
use crate::jwt::{Claims, Version};

pub(super) const API: &str = "aaaa0000-1111-4222-8333-444444444444";
pub(super) const CLIENT: &str = "cccc0000-5555-4666-8777-888888888888";
pub(super) const OBJECT: &str = "0b0b0b0b-1111-4222-8333-999999999999";

/// An app-only token for `API` with the role `Read`, changed.
pub(super) fn token(change: impl FnOnce(&mut TokenPrincipal)) -> TokenPrincipal {
    let claims = Claims {
        issuer: "https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-222222222222/v2.0"
            .into(),
        audiences: vec![API.into()],
        expires_at: UnixTime::from_seconds(2),
        not_before: UnixTime::from_seconds(1),
        version: Some(Version::V2),
        tenant: Some("11111111-aaaa-4bbb-8ccc-222222222222".into()),
        object: Some(OBJECT.into()),
        subject: Some(OBJECT.into()),
        azp: Some(CLIENT.into()),
        appid: None,
        identity_type: Some("app".into()),
        roles: vec!["Read".into()],
        scopes: None,
        token_id: None,
        name: None,
        preferred_username: None,
        confirmation: false,
        id_token_marks: false,
    };
    let mut token = TokenPrincipal {
        kind: PrincipalKind::App,
        issuer: "contoso".into(),
        client_id: CLIENT.parse().unwrap(),
        object_id: OBJECT.parse().unwrap(),
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
        azp: Vec::new(),
        roles: vec!["Read".into()],
        all_roles: Vec::new(),
        scp: Vec::new(),
        oid: Vec::new(),
    }
}
