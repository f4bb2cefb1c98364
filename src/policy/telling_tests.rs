use std::sync::Arc;

use super::*;
use crate::policy::sample::{CLIENT, OBJECT, condition, conditions, token};
use crate::policy::{ApiKeyCondition, Claim, Evidence, Networks, ValuePattern, Where};
use crate::request::Params;

fn bearer(change: impl FnOnce(&mut BearerConditions)) -> Entry {
    let mut conditions = conditions();
    change(&mut conditions);
    Entry {
        credential: Some(Credential::Bearer(conditions)),
        network: None,
        parameters: Where::default(),
        limit: None,
    }
}

fn key(id: &str) -> Entry {
    let (id, sha256) = (id.into(), [0; 32]);
    Entry {
        credential: Some(Credential::ApiKey(ApiKeyCondition { id, sha256 })),
        network: None,
        parameters: Where::default(),
        limit: None,
    }
}

fn evidence(token: Option<TokenPrincipal>) -> Evidence {
    let mut evidence = Evidence::of(Client::Known("192.0.2.7".parse().unwrap()));
    if let Some(token) = token {
        let field = http::HeaderValue::from_static("Bearer x");
        evidence.add_token(Arc::new(token), field);
    }
    evidence
}

fn told(entries: Vec<Entry>, token: Option<TokenPrincipal>) -> String {
    let callers = Callers::Entries(entries.into());
    let mut params = Params::none();
    params.push("mailbox".into(), "ada@contoso.example".into());
    let refusal = callers.permit(evidence(token), &params).unwrap_err();
    format!("{}: {}", refusal.reason, callers.told(&refusal))
}

#[test]
fn what_was_proven_stands_beside_what_is_needed() {
    let with = |change: fn(&mut TokenPrincipal)| Some(token(change));
    let claims = |claim: Claim, need, values: &[&str]| {
        let condition = condition(claim, need, values);
        bearer(|conditions| conditions.claims = vec![condition])
    };
    let other = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11";
    let mut inside = bearer(|_| ());
    inside.network = Some(Networks::of(vec!["10.0.0.0/8".parse().unwrap()]));
    let mut mailbox = bearer(|_| ());
    let patterns = ["*@payroll.example", "x"].map(|it| ValuePattern(it.into()));
    mailbox.parameters = Where(vec![("mailbox".into(), patterns.to_vec())]);
    #[rustfmt::skip]
    let rows = [
        (bearer(|_| ()), with(|it| it.claims.audiences = vec!["api://x".into()]),
            "wrong_audience: aud is api://x; the route takes aaaa0000-1111-4222-8333-444444444444".to_owned()),
        (bearer(|it| it.audiences.push(Audience::Literal("api://y".into()))), with(|it| it.claims.audiences = vec!["a".into(), "b".into()]),
            "wrong_audience: aud is [a, b]; the route takes [aaaa0000-1111-4222-8333-444444444444, api://y]".to_owned()),
        (bearer(|_| ()), with(|it| it.roles = vec!["Other".into()]),
            "role_missing: roles are [Other]; needs one of [Read]".to_owned()),
        (bearer(|_| ()), with(|it| it.roles.clear()),
            "role_missing: it has no roles; needs one of [Read]".to_owned()),
        (claims(Claim::ROLES, Need::All, &["Read", "Write"]), with(|_| ()),
            "role_missing: roles are [Read]; needs all of [Read, Write]".to_owned()),
        (claims(Claim::ROLES, Need::Any, &["A", "B"]), with(|_| ()),
            "role_missing: roles are [Read]; needs one of [A, B]".to_owned()),
        (claims(Claim::AZP, Need::Is, &[other]), with(|_| ()),
            format!("client_not_allowed: azp is {CLIENT}; needs {other}")),
        (claims(Claim::OID, Need::Is, &[other, CLIENT]), with(|_| ()),
            format!("object_not_allowed: oid is {OBJECT}; needs one of [{other}, {CLIENT}]")),
        (claims(Claim::SCP, Need::Any, &["A"]), with(|it| it.scopes = vec!["B".into(), "C".into()]),
            "scope_missing: scp is [B, C]; needs one of [A]".to_owned()),
        (bearer(|_| ()), with(|it| it.kind = PrincipalKind::User),
            "principal_not_allowed: it is a user's token; needs an application's own token".to_owned()),
        (inside, with(|_| ()),
            "network_not_allowed: the client is 192.0.2.7; needs to be in [10.0.0.0/8]".to_owned()),
        (mailbox, with(|_| ()),
            "parameter_not_allowed: needs {mailbox} in [*@payroll.example, x]".to_owned()),
        (bearer(|_| ()), None,
            "no_credential: nothing was presented; the route takes a bearer token of contoso".to_owned()),
    ];
    for (entry, token, expected) in rows {
        assert_eq!(told(vec![entry], token), expected);
    }
    let many = vec![key("a"), bearer(|_| ()), key("b")];
    assert_eq!(
        told(many, None),
        "no_credential: nothing was presented; the route takes an API key or a bearer token of contoso"
    );
}

#[test]
fn the_nearest_entry_is_told_and_of_equals_the_first() {
    let users = || {
        bearer(|it| {
            it.principal = PrincipalRule::Only(PrincipalKind::User);
            it.claims = vec![condition(Claim::SCP, Need::Any, &["S"])];
        })
    };
    let needs = |claims: Vec<Condition>| bearer(|it| it.claims = claims);
    let role = |name| condition(Claim::ROLES, Need::Any, &[name]);
    let azp = |id| condition(Claim::AZP, Need::Is, &[id]);
    let stranger = OBJECT;
    for (entries, expected) in [
        (
            vec![users(), needs(vec![role("A")])],
            "role_missing: roles are [Read]; needs one of [A]",
        ),
        (
            vec![needs(vec![role("A")]), users()],
            "role_missing: roles are [Read]; needs one of [A]",
        ),
        (
            vec![
                needs(vec![azp(stranger), role("A")]),
                needs(vec![azp(CLIENT), role("B")]),
            ],
            "role_missing: roles are [Read]; needs one of [B]",
        ),
        (
            vec![needs(vec![role("A")]), needs(vec![role("B")])],
            "role_missing: roles are [Read]; needs one of [A]",
        ),
        (
            vec![key("k"), needs(vec![role("A")])],
            "role_missing: roles are [Read]; needs one of [A]",
        ),
    ] {
        assert_eq!(told(entries, Some(token(|_| ()))), expected);
    }
}

#[test]
fn what_is_long_is_cut_and_no_value_breaks_a_line() {
    let roles: Vec<String> = (0..200)
        .map(|number| format!("{number}{}", "r".repeat(500)))
        .collect();
    let text = told(vec![bearer(|_| ())], Some(token(|it| it.roles = roles)));
    assert!(
        text.ends_with("…, and 192 more]; needs one of [Read]"),
        "{text}"
    );
    assert!(text.chars().count() < 700, "{}", text.len());
    let text = told(
        vec![bearer(|_| ())],
        Some(token(|it| it.roles = vec!["a\nb\u{1b}[31m\u{85}".into()])),
    );
    assert_eq!(
        text,
        "role_missing: roles are [a\\nb\\u{1b}[31m\\u{85}]; needs one of [Read]"
    );
}
