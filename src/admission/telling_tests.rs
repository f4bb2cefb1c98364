//! Each claim in a header, and what no claim can do to one.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::clock::UnixTime;
use crate::jwt::{Claims, Version};

const CLIENT: &str = "cccc0000-5555-4666-8777-888888888888";
const OBJECT: &str = "0b0b0b0b-1111-4222-8333-999999999999";

fn user(change: impl FnOnce(&mut Claims)) -> Principal {
    token(PrincipalKind::User, change)
}

fn token(kind: PrincipalKind, change: impl FnOnce(&mut Claims)) -> Principal {
    let mut claims = Claims {
        issuer: "https://issuer.example".into(),
        audiences: vec!["api".into()],
        expires_at: UnixTime::from_seconds(2),
        not_before: UnixTime::from_seconds(1),
        version: Some(Version::V2),
        tenant: Some("tenant".into()),
        object: Some("object".into()),
        subject: Some("subject".into()),
        azp: Some("client".into()),
        appid: None,
        identity_type: Some("app".into()),
        roles: vec!["Read".into(), "Orders.Write".into()],
        scopes: None,
        token_id: Some("uti".into()),
        name: None,
        preferred_username: None,
        confirmation: false,
        id_token_marks: false,
    };
    change(&mut claims);
    Principal::Token(Arc::new(TokenPrincipal {
        kind,
        issuer: "contoso".into(),
        client_id: CLIENT.parse().unwrap(),
        object_id: OBJECT.parse().unwrap(),
        claims,
    }))
}

fn text(principal: &Principal, claim: CallerClaim) -> Option<String> {
    told(principal, claim).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn every_claim_is_told_as_the_token_has_it() {
    let principal = user(|claims| {
        claims.scopes = Some(vec!["Mail.Read".into(), "Mail.Send".into()]);
        claims.name = Some("Max Power".into());
        claims.preferred_username = Some("max@contoso.example".into());
    });
    let expected = [
        "user:0b0b0b0b-1111-4222-8333-999999999999",
        CLIENT,
        OBJECT,
        "subject",
        "tenant",
        "Read,Orders.Write",
        "Mail.Read Mail.Send",
        "uti",
        "Max Power",
        "max@contoso.example",
    ];
    assert_eq!(expected.len(), CallerClaim::ALL.len());
    for ((word, claim), expected) in CallerClaim::ALL.iter().zip(expected) {
        assert_eq!(
            text(&principal, *claim).as_deref(),
            Some(expected),
            "{word}"
        );
    }
}

#[test]
fn what_is_absent_or_empty_is_not_told() {
    let bare = user(|claims| {
        claims.roles = vec![String::new()];
        claims.scopes = Some(Vec::new());
        claims.name = Some(String::new());
        claims.tenant = None;
        claims.token_id = None;
    });
    for claim in [
        CallerClaim::Roles,
        CallerClaim::Scp,
        CallerClaim::Name,
        CallerClaim::Tid,
        CallerClaim::Uti,
        CallerClaim::PreferredUsername,
    ] {
        assert_eq!(text(&bare, claim), None, "{claim:?}");
    }
    let others = [
        (Principal::Key("payroll".into()), "key:payroll"),
        (
            Principal::Address([192, 0, 2, 7].into()),
            "address:192.0.2.7",
        ),
        (Principal::Anyone, "anyone"),
    ];
    for (principal, expected) in others {
        for (_, claim) in CallerClaim::ALL {
            let expected = (*claim == CallerClaim::Principal).then_some(expected);
            assert_eq!(text(&principal, *claim).as_deref(), expected, "{claim:?}");
        }
    }
}

#[test]
fn an_application_has_no_name_of_a_person() {
    let principal = token(PrincipalKind::App, |claims| {
        claims.name = Some("Max Power".into());
        claims.preferred_username = Some("max@contoso.example".into());
    });
    assert_eq!(text(&principal, CallerClaim::Name), None);
    assert_eq!(text(&principal, CallerClaim::PreferredUsername), None);
    assert_eq!(
        text(&principal, CallerClaim::Principal).as_deref(),
        Some("app:cccc0000-5555-4666-8777-888888888888")
    );
}

#[test]
fn a_claim_cannot_break_out_of_its_value() {
    let principal = user(|claims| {
        claims.roles = vec!["a,Admin".into(), "b c".into(), "100%".into(), "é".into()];
        claims.name = Some("Åse\r\nX-Role: admin".into());
        claims.subject = Some(" admin".into());
    });
    assert_eq!(
        text(&principal, CallerClaim::Roles).as_deref(),
        Some("a%2CAdmin,b%20c,100%25,%C3%A9")
    );
    assert_eq!(
        text(&principal, CallerClaim::Name).as_deref(),
        Some("%C3%85se%0D%0AX-Role: admin")
    );
    assert_eq!(
        text(&principal, CallerClaim::Sub).as_deref(),
        Some("%20admin")
    );
    let key = Principal::Key("büro".into());
    assert_eq!(
        text(&key, CallerClaim::Principal).as_deref(),
        Some("key:b%C3%BCro")
    );
}

proptest! {
    #[test]
    fn what_is_told_reads_back_as_what_was_said(roles in prop::collection::vec(any::<String>(), 0..4)) {
        let principal = user(|claims| claims.roles = roles.clone());
        let said: Vec<_> = roles.into_iter().filter(|role| !role.is_empty()).collect();
        let read: Vec<_> = text(&principal, CallerClaim::Roles)
            .into_iter()
            .flat_map(|told| {
                let parts = told.split(',').map(|part| {
                    percent_encoding::percent_decode_str(part).decode_utf8().unwrap().into_owned()
                });
                parts.collect::<Vec<_>>()
            })
            .collect();
        prop_assert_eq!(read, said);
    }
}
