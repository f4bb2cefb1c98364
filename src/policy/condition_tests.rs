use super::*;
use crate::policy::sample::{CLIENT, OBJECT, condition, token};

fn check(claim: Claim, need: Need, values: &[&str], token: &TokenPrincipal) -> Result<(), Reason> {
    condition(claim, need, values).check(token)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn guids_have_no_case_and_roles_and_scopes_have() {
    let app = token(|_| ());
    for (claim, guid) in [(Claim::AZP, CLIENT), (Claim::OID, OBJECT)] {
        let upper = guid.to_uppercase();
        assert_eq!(check(claim, Need::Is, &["x", &upper], &app), Ok(()));
    }
    let user = token(|token| token.scopes = texts(&["Read"]));
    for word in ["read", "READ", "Read ", " Read", "Rea", "Read.All", ""] {
        let role = check(Claim::ROLES, Need::Any, &[word], &app);
        assert_eq!(role, Err(Reason::RoleMissing), "{word:?}");
        let scope = check(Claim::SCP, Need::Any, &[word], &user);
        assert_eq!(scope, Err(Reason::ScopeMissing), "{word:?}");
    }
}

#[test]
fn what_an_issuer_does_not_say_meets_no_condition() {
    let nobody = token(|token| {
        token.client_id = None;
        token.object_id = None;
    });
    for claim in [Claim::AZP, Claim::OID] {
        let reason = claim.reason;
        assert_eq!(
            check(claim, Need::Is, &[CLIENT, OBJECT], &nobody),
            Err(reason)
        );
    }
}

#[test]
fn roles_are_any_of_and_all_roles_all_of() {
    let wanted = ["Read", "Write"];
    for (has, any, all) in [
        (&["Read", "Write"][..], true, true),
        (&["Write"], true, false),
        (&[], false, false),
    ] {
        let token = token(|token| token.roles = texts(has));
        for (need, holds) in [(Need::Any, any), (Need::All, all)] {
            let expected = if holds {
                Ok(())
            } else {
                Err(Reason::RoleMissing)
            };
            assert_eq!(
                check(Claim::ROLES, need, &wanted, &token),
                expected,
                "{has:?}"
            );
        }
    }
    for need in [Need::Any, Need::All, Need::Is] {
        let outcome = check(Claim::ROLES, need, &[], &token(|_| ()));
        assert_eq!(outcome, Err(Reason::RoleMissing), "nothing is never enough");
    }
}

#[test]
fn a_scope_is_no_role_and_a_role_no_scope() {
    let delegated = token(|token| {
        token.roles.clear();
        token.scopes = texts(&["Read"]);
    });
    for need in [Need::Any, Need::All] {
        let role = check(Claim::ROLES, need, &["Read"], &delegated);
        assert_eq!(role, Err(Reason::RoleMissing));
    }
    for (token, expected) in [
        (token(|_| ()), Err(Reason::ScopeMissing)),
        (delegated, Ok(())),
    ] {
        let scope = check(Claim::SCP, Need::Any, &["Read"], &token);
        assert_eq!(scope, expected);
    }
}

#[test]
fn a_claim_that_only_a_condition_asks_for_is_a_line() {
    let asks =
        |name: &'static str| Claim::of("group", Reason::RoleMissing, Source::Other(name.into()));
    let one = "dddd0000-5555-4666-8777-888888888888";
    let claims = serde_json::json!({
        "groups": ["staff", one.to_uppercase(), 7, null], "dept": "sales", "level": 7,
    });
    let token = token(|token| token.claims = crate::jwt::Claims::unverified(claims));
    for (name, need, values, holds) in [
        ("groups", Need::Any, &["staff"][..], true),
        ("groups", Need::Any, &["boss", one], true),
        ("groups", Need::All, &["staff", one], true),
        ("groups", Need::All, &["staff", "boss"], false),
        ("groups", Need::Any, &["Staff"], false),
        ("groups", Need::Any, &["7", "null", ""], false),
        ("groups", Need::Is, &["staff"], false),
        ("dept", Need::Is, &["sales"], true),
        ("dept", Need::Any, &["sales"], true),
        ("dept", Need::Is, &["sale", "sales "], false),
        ("level", Need::Any, &["7"], false),
        ("Groups", Need::Any, &["staff"], false),
        ("absent", Need::Any, &["staff", ""], false),
    ] {
        let outcome = check(asks(name), need, values, &token);
        assert_eq!(outcome.is_ok(), holds, "{name} {need:?} {values:?}");
    }
}
