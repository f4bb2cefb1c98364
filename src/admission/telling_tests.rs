//! Each claim in a header, and what no claim can do to one.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::policy::sample::{CLIENT, OBJECT, TENANT, token};

fn user(change: impl FnOnce(&mut TokenPrincipal)) -> Principal {
    of(PrincipalKind::User, change)
}

fn of(kind: PrincipalKind, change: impl FnOnce(&mut TokenPrincipal)) -> Principal {
    Principal::Token(Arc::new(token(|token| {
        token.kind = kind;
        token.roles = vec!["Read".into(), "Orders.Write".into()];
        token.token_id = Some("uti".into());
        change(token);
    })))
}

fn text(principal: &Principal, claim: CallerClaim) -> Option<String> {
    told(principal, claim).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn every_claim_is_told_as_the_token_has_it() {
    let principal = user(|token| {
        token.scopes = vec!["Mail.Read".into(), "Mail.Send".into()];
        token.name = Some("Max Power".into());
        token.preferred_username = Some("max@contoso.example".into());
    });
    let expected = [
        "user:0b0b0b0b-1111-4222-8333-999999999999",
        CLIENT,
        OBJECT,
        "subject",
        TENANT,
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
    let bare = user(|token| {
        token.roles = vec![String::new()];
        token.scopes = Vec::new();
        token.name = Some(String::new());
        token.tenant = None;
        token.token_id = None;
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
    let principal = of(PrincipalKind::App, |token| {
        token.name = Some("Max Power".into());
        token.preferred_username = Some("max@contoso.example".into());
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
    let principal = user(|token| {
        token.roles = vec!["a,Admin".into(), "b c".into(), "100%".into(), "é".into()];
        token.name = Some("Åse\r\nX-Role: admin".into());
        token.claims.subject = Some(" admin".into());
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
        let principal = user(|token| token.roles = roles.clone());
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
