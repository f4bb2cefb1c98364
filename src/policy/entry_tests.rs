use super::*;
use crate::policy::sample::{API, CLIENT, OBJECT, condition, conditions, token};
use crate::policy::{CONDITION_KEYS, Claim, Need};

fn aud(form: AudienceForm, audiences: &[&str]) -> TokenPrincipal {
    token(|token| {
        token.audience_form = form;
        token.claims.audiences = audiences.iter().map(|&text| text.to_owned()).collect();
    })
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
        let fits = |form| conditions().fits_audience(&aud(form, &[&audience]));
        assert_eq!(fits(AudienceForm::AsAsked), in_v1, "v1 {audience}");
        assert_eq!(fits(AudienceForm::Exact), in_v2, "v2 {audience}");
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
        let fits = |form| wants(wanted).fits_audience(&aud(form, &[claimed]));
        assert_eq!(fits(AudienceForm::AsAsked), in_v1, "v1 {wanted} {claimed}");
        assert_eq!(fits(AudienceForm::Exact), in_v2, "v2 {wanted} {claimed}");
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
            two.fits_audience(&aud(AudienceForm::Exact, audiences)),
            fits,
            "{audiences:?}"
        );
    }
}

#[test]
fn each_condition_has_its_reason_and_its_turn() {
    let app = token(|_| ());
    let mut all_fail = conditions();
    all_fail.principal = PrincipalRule::Only(PrincipalKind::User);
    let failing = |(_, claim, need): &(&str, Claim, Need)| match need {
        Need::Is => condition(
            claim.clone(),
            *need,
            &["dddd0000-5555-4666-8777-888888888888"],
        ),
        Need::Any | Need::All => condition(claim.clone(), *need, &["Other"]),
    };
    all_fail.claims = CONDITION_KEYS.iter().map(failing).collect();
    assert_eq!(all_fail.check(&app), Err(Reason::PrincipalNotAllowed));
    all_fail.principal = PrincipalRule::Any;
    for (key, reason, mended) in [
        ("azp", Reason::ClientNotAllowed, CLIENT),
        ("oid", Reason::ObjectNotAllowed, OBJECT),
        ("roles", Reason::RoleMissing, "Read"),
        ("all_roles", Reason::RoleMissing, "Read"),
    ] {
        assert_eq!(all_fail.check(&app), Err(reason), "{key}");
        let place = CONDITION_KEYS
            .iter()
            .position(|(known, ..)| *known == key)
            .unwrap();
        let (_, claim, need) = &CONDITION_KEYS[place];
        all_fail.claims[place] = condition(claim.clone(), *need, &[mended]);
    }
    assert_eq!(all_fail.check(&app), Err(Reason::ScopeMissing));
    all_fail.claims.pop();
    assert_eq!(all_fail.check(&app), Ok(()));
}

#[test]
fn networks_hold_known_addresses_only() {
    let networks = Networks::of(vec![
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
    let proxy = Client::Proxy("10.0.0.1".parse().unwrap());
    let inside = || Networks::of(vec!["10.0.0.0/8".parse().unwrap()]);
    assert!(!inside().contain(proxy));
    assert!(inside().and_proxies(true).contain(proxy));
    assert!(!inside().and_proxies(true).contain(Client::Unknown));
    let outside = Client::Proxy("192.0.2.1".parse().unwrap());
    assert!(!inside().and_proxies(true).contain(outside));
    assert!(!Networks::of(vec!["0.0.0.0/0".parse().unwrap()]).contain(Client::Unknown));
    assert!(!Networks::of(Vec::new()).contain(Client::Known("10.0.0.1".parse().unwrap())));
}
