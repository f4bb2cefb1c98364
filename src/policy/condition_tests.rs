use super::*;
use crate::policy::sample::{API, CLIENT, OBJECT, conditions, token};

fn aud(version: Version, audiences: &[&str]) -> TokenPrincipal {
    token(|token| {
        token.claims.version = Some(version);
        token.claims.audiences = audiences.iter().map(|&text| text.to_owned()).collect();
    })
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn an_application_stands_for_its_guid_and_in_v1_for_its_uri() {
    let upper = API.to_uppercase();
    let uri = format!("api://{API}");
    for (audience, in_v1, in_v2) in [
        (API.to_owned(), true, true),
        (upper.clone(), true, true),
        (uri.clone(), true, false),
        (format!("{uri}/"), true, false),
        (format!("api://{upper}"), true, false),
        (format!("{uri}//"), false, false),
        (format!("{API}/"), false, false),
        (format!("{uri}/scope"), false, false),
        (format!("API://{API}"), false, false),
        (format!("api:/{API}"), false, false),
        (format!("https://{API}"), false, false),
        (format!(" {API}"), false, false),
        (API.replace('-', ""), false, false),
        (API[1..].to_owned(), false, false),
        (String::new(), false, false),
        ("api://".to_owned(), false, false),
        (
            "00000003-0000-0000-c000-000000000000".to_owned(),
            false,
            false,
        ),
    ] {
        let fits = |version| conditions().fits_audience(&aud(version, &[&audience]));
        assert_eq!(fits(Version::V1), in_v1, "v1 {audience}");
        assert_eq!(fits(Version::V2), in_v2, "v2 {audience}");
    }
}

#[test]
fn other_audiences_are_compared_ordinally() {
    let wants = |text: &str| {
        let mut conditions = conditions();
        conditions.audiences = vec![Audience::Literal(text.to_owned())];
        conditions
    };
    for (wanted, claimed, in_v1, in_v2) in [
        (
            "https://api.contoso.example",
            "https://api.contoso.example",
            true,
            true,
        ),
        (
            "https://api.contoso.example",
            "https://api.contoso.example/",
            true,
            false,
        ),
        (
            "https://api.contoso.example",
            "https://api.contoso.example//",
            false,
            false,
        ),
        (
            "https://api.contoso.example/",
            "https://api.contoso.example/",
            true,
            true,
        ),
        (
            "https://api.contoso.example/",
            "https://api.contoso.example",
            false,
            false,
        ),
        (
            "https://api.contoso.example/",
            "https://api.contoso.example//",
            true,
            false,
        ),
        (
            "https://api.contoso.example",
            "https://API.contoso.example",
            false,
            false,
        ),
        (
            "https://api.contoso.example",
            "https://api.contoso.example.evil",
            false,
            false,
        ),
        (
            "https://api.contoso.example",
            "https://api.contoso.exampl",
            false,
            false,
        ),
        ("api://calc", API, false, false),
    ] {
        let fits = |version| wants(wanted).fits_audience(&aud(version, &[claimed]));
        assert_eq!(fits(Version::V1), in_v1, "v1 {wanted} {claimed}");
        assert_eq!(fits(Version::V2), in_v2, "v2 {wanted} {claimed}");
    }
}

#[test]
fn any_audience_of_a_token_may_fit_any_of_an_entry() {
    let mut two = conditions();
    two.audiences.push(Audience::Literal("api://calc".into()));
    for (audiences, fits) in [
        (&["other", API][..], true),
        (&[API, "other"], true),
        (&["api://calc"], true),
        (&["other", "another"], false),
        (&[], false),
    ] {
        assert_eq!(
            two.fits_audience(&aud(Version::V2, audiences)),
            fits,
            "{audiences:?}"
        );
    }
    // Without a version nothing is made easier.
    let unversioned = token(|token| {
        token.claims.version = None;
        token.claims.audiences = vec![format!("api://{API}")];
    });
    assert!(!two.fits_audience(&unversioned));
}

#[test]
fn each_condition_has_its_reason_and_its_turn() {
    let other = || vec!["dddd0000-5555-4666-8777-888888888888".parse().unwrap()];
    let app = token(|_| ());
    let mut all_fail = conditions();
    all_fail.principal = PrincipalRule::Only(PrincipalKind::User);
    all_fail.azp = other();
    all_fail.oid = other();
    all_fail.roles = texts(&["Other"]);
    all_fail.all_roles = texts(&["Other"]);
    all_fail.scp = texts(&["Other"]);
    type Mend = fn(&mut BearerConditions);
    let mend: [(Mend, Reason); 6] = [
        (
            |conditions| conditions.principal = PrincipalRule::Any,
            Reason::PrincipalNotAllowed,
        ),
        (
            |conditions| conditions.azp = vec![CLIENT.parse().unwrap()],
            Reason::ClientNotAllowed,
        ),
        (
            |conditions| conditions.oid = vec![OBJECT.parse().unwrap()],
            Reason::ObjectNotAllowed,
        ),
        (
            |conditions| conditions.roles = vec!["Read".into()],
            Reason::RoleMissing,
        ),
        (
            |conditions| conditions.all_roles = vec!["Read".into()],
            Reason::RoleMissing,
        ),
        (|conditions| conditions.scp.clear(), Reason::ScopeMissing),
    ];
    for (mend, reason) in mend {
        assert_eq!(all_fail.check(&app), Err(reason));
        mend(&mut all_fail);
    }
    assert_eq!(all_fail.check(&app), Ok(()));
}

#[test]
fn guids_have_no_case_and_roles_and_scopes_have() {
    let mut listed = conditions();
    listed.azp = vec![
        OBJECT.parse().unwrap(),
        CLIENT.to_uppercase().parse().unwrap(),
    ];
    listed.oid = vec![OBJECT.to_uppercase().parse().unwrap()];
    assert_eq!(listed.check(&token(|_| ())), Ok(()));
    for role in ["read", "READ", "Read ", " Read", "Rea", "Read.All", ""] {
        let mut wanted = conditions();
        wanted.roles = texts(&[role]);
        assert_eq!(
            wanted.check(&token(|_| ())),
            Err(Reason::RoleMissing),
            "{role:?}"
        );
        let mut wanted = conditions();
        wanted.roles.clear();
        wanted.principal = PrincipalRule::Any;
        wanted.scp = texts(&[role]);
        let user = token(|token| token.claims.scopes = Some(texts(&["Read"])));
        assert_eq!(wanted.check(&user), Err(Reason::ScopeMissing), "{role:?}");
    }
}

#[test]
fn roles_are_any_of_and_all_roles_all_of() {
    let has_both = token(|token| token.claims.roles = texts(&["Read", "Write"]));
    let has_one = token(|token| token.claims.roles = texts(&["Write"]));
    let has_none = token(|token| token.claims.roles.clear());
    let mut any = conditions();
    any.roles = texts(&["Read", "Write"]);
    let mut all = conditions();
    all.roles.clear();
    all.all_roles = texts(&["Read", "Write"]);
    for (conditions, both, one) in [(any, true, true), (all, true, false)] {
        assert_eq!(conditions.check(&has_both).is_ok(), both);
        assert_eq!(conditions.check(&has_one).is_ok(), one);
        assert_eq!(conditions.check(&has_none), Err(Reason::RoleMissing));
    }
}

#[test]
fn a_scope_is_no_role_and_a_role_no_scope() {
    let delegated = token(|token| {
        token.kind = PrincipalKind::User;
        token.claims.roles.clear();
        token.claims.scopes = Some(texts(&["Read"]));
    });
    let mut roles = conditions();
    roles.principal = PrincipalRule::Any;
    assert_eq!(roles.check(&delegated), Err(Reason::RoleMissing));
    roles.roles.clear();
    roles.all_roles = texts(&["Read"]);
    assert_eq!(roles.check(&delegated), Err(Reason::RoleMissing));

    let mut scopes = conditions();
    scopes.roles.clear();
    scopes.scp = texts(&["Read"]);
    assert_eq!(scopes.check(&token(|_| ())), Err(Reason::ScopeMissing));
    scopes.principal = PrincipalRule::Any;
    assert_eq!(scopes.check(&delegated), Ok(()));
}

#[test]
fn networks_hold_known_addresses_only() {
    let networks = Networks(vec![
        "10.0.0.0/8".parse().unwrap(),
        "fd00::/8".parse().unwrap(),
    ]);
    for (address, inside) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("fd00::1", true),
        ("11.0.0.1", false),
        ("::ffff:11.0.0.1", false),
        ("::10.1.2.3", false),
        ("fe80::1", false),
    ] {
        let client = Client::Known(address.parse().unwrap());
        assert_eq!(networks.contain(client), inside, "{address}");
    }
    assert!(!networks.contain(Client::Unknown));
    assert!(!Networks(vec!["0.0.0.0/0".parse().unwrap()]).contain(Client::Unknown));
    assert!(!Networks(Vec::new()).contain(Client::Known("10.0.0.1".parse().unwrap())));
}
