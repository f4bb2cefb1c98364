use super::*;
use crate::policy::sample::{API, OBJECT, condition, conditions, token};
use crate::policy::{
    ApiKeyCondition, Audience, AudienceForm, Claim, KeyProof, Need, Networks, PrincipalKind,
    PrincipalRule, ValuePattern, Where,
};

const INSIDE: &str = "10.0.0.7";
const OUTSIDE: &str = "192.0.2.7";

fn bearer(change: impl FnOnce(&mut BearerConditions)) -> Entry {
    let mut conditions = conditions();
    change(&mut conditions);
    entry(Some(Credential::Bearer(conditions)))
}

fn key(id: &str) -> Entry {
    entry(Some(Credential::ApiKey(ApiKeyCondition {
        id: id.into(),
        sha256: [0; 32],
    })))
}

fn network() -> Entry {
    entry(None).inside()
}

fn entry(credential: Option<Credential>) -> Entry {
    Entry {
        credential,
        network: None,
        parameters: Where::default(),
        limit: None,
    }
}

impl Entry {
    fn inside(mut self) -> Self {
        self.network = Some(Networks::of(vec!["10.0.0.0/8".parse().unwrap()]));
        self
    }

    fn mailbox(mut self, pattern: &str) -> Self {
        self.parameters = Where(vec![("mailbox".into(), vec![ValuePattern(pattern.into())])]);
        self
    }
}

fn nothing(address: &str) -> Evidence {
    Evidence::of(Client::Known(address.parse().unwrap()))
}

fn with_token(address: &str, change: impl FnOnce(&mut TokenPrincipal)) -> Evidence {
    let mut evidence = nothing(address);
    evidence.add_token(
        Arc::new(token(change)),
        HeaderValue::from_static("Bearer x"),
    );
    evidence
}

fn with_key(address: &str, id: &str) -> Evidence {
    and_key(nothing(address), id)
}

fn and_key(mut evidence: Evidence, id: &str) -> Evidence {
    let condition = ApiKeyCondition {
        id: id.into(),
        sha256: [0; 32],
    };
    evidence.add_key(KeyProof::of(&condition, &[0; 32]).unwrap());
    evidence
}

/// The principal of the permit, or the reason and the principal of the refusal.
fn ask(entries: &[Entry], evidence: &Evidence) -> Result<String, (Reason, Option<String>)> {
    let mut params = Params::none();
    params.push("mailbox".into(), "ada@contoso.example".into());
    let show = |principal: &Principal| principal.to_string();
    let ask = |entries| match Callers::Entries(entries).permit(evidence.clone(), &params) {
        Ok(permit) => Ok(show(permit.principal())),
        Err(why) => Err((why.reason, why.principal.as_ref().map(show))),
    };
    let walked = ask(entries.to_vec().into());
    // As they would be found among many.
    let found = ask(Entries::with_places(entries.to_vec()));
    assert_eq!(found, walked, "{entries:?} {evidence:?}");
    walked
}

fn app() -> Option<String> {
    Some("app:cccc0000-5555-4666-8777-888888888888".into())
}

fn other_audience(token: &mut TokenPrincipal) {
    token.claims.audiences = vec!["other".into()];
}

fn no_roles(token: &mut TokenPrincipal) {
    token.roles.clear();
}

#[test]
fn a_public_route_lets_anyone_in_whatever_is_presented() {
    for evidence in [
        nothing(OUTSIDE),
        with_token(OUTSIDE, other_audience),
        with_key(OUTSIDE, "k"),
    ] {
        let permit = Callers::Public.permit(evidence, &Params::none()).unwrap();
        assert_eq!(permit.principal().to_string(), "anyone");
    }
}

#[test]
fn a_token_goes_on_only_for_whom_it_proved() {
    let both = and_key(with_token(INSIDE, |_| ()), "k");
    for (callers, forwarded) in [
        (Callers::Public, None),
        (
            Callers::Entries(vec![key("k"), bearer(|_| ())].into()),
            None,
        ),
        (
            Callers::Entries(vec![network(), bearer(|_| ())].into()),
            None,
        ),
        (
            Callers::Entries(vec![bearer(|_| ()), key("k")].into()),
            Some("Bearer x"),
        ),
    ] {
        let permit = callers.permit(both.clone(), &Params::none()).unwrap();
        let field = permit.bearer().map(|field| field.to_str().unwrap());
        assert_eq!(field, forwarded, "{callers:?}");
    }
}

#[test]
fn the_first_entry_that_holds_names_the_principal() {
    let both = and_key(with_token(INSIDE, |_| ()), "k");
    let orders = [
        ([bearer(|_| ()), key("k"), network()], app().unwrap()),
        ([key("k"), network(), bearer(|_| ())], "key:k".into()),
        (
            [network(), bearer(|_| ()), key("k")],
            "address:10.0.0.7".into(),
        ),
    ];
    for (entries, principal) in orders {
        assert_eq!(ask(&entries, &both), Ok(principal));
    }
    let user = with_token(INSIDE, |token| {
        token.kind = PrincipalKind::User;
        token.scopes = vec!["Read".into()];
    });
    let delegated = bearer(|conditions| {
        conditions.principal = PrincipalRule::Only(PrincipalKind::User);
        conditions.claims = vec![condition(Claim::SCP, Need::Any, &["Read"])];
    });
    let principal = "user:0b0b0b0b-1111-4222-8333-999999999999";
    assert_eq!(
        ask(&[bearer(|_| ()), delegated], &user),
        Ok(principal.into())
    );
}

#[test]
fn a_token_for_another_audience_is_refused_whatever_else_would_admit() {
    let refused = Err((Reason::WrongAudience, app()));
    let foreign = with_token(INSIDE, other_audience);
    for entries in [
        vec![bearer(|_| ())],
        vec![network(), bearer(|_| ())],
        vec![bearer(|_| ()), network()],
    ] {
        assert_eq!(ask(&entries, &foreign), refused);
    }
    let with_good_key = and_key(foreign, "k");
    assert_eq!(ask(&[key("k"), bearer(|_| ())], &with_good_key), refused);
    // Of another issuer it fits no entry either, whatever its audience says.
    let other_issuer = with_token(INSIDE, |token| token.issuer = "fabrikam".into());
    assert_eq!(ask(&[network(), bearer(|_| ())], &other_issuer), refused);
    // An audience of another issuer's entry is no audience of this one's.
    let entries = [
        bearer(|conditions| conditions.audiences = vec![Audience::Literal("calc".into())]),
        bearer(|conditions| conditions.issuer = "fabrikam".into()),
    ];
    assert_eq!(ask(&entries, &with_token(INSIDE, |_| ())), refused);
}

#[test]
fn a_key_of_another_route_is_refused_whatever_else_would_admit() {
    let refused = Err((Reason::BadKey, None));
    assert_eq!(
        ask(&[network(), key("k")], &with_key(INSIDE, "other")),
        refused
    );
    assert_eq!(ask(&[key("k")], &with_key(INSIDE, "K")), refused);
}

#[test]
fn kinds_that_the_route_does_not_use_count_as_absent() {
    assert_eq!(
        ask(&[network()], &with_token(INSIDE, other_audience)),
        Ok("address:10.0.0.7".into())
    );
    assert_eq!(
        ask(&[key("k")], &with_token(INSIDE, |_| ())),
        Err((Reason::NoCredential, None))
    );
    assert_eq!(
        ask(&[bearer(|_| ())], &with_key(INSIDE, "k")),
        Err((Reason::NoCredential, None))
    );
}

#[test]
fn conditions_that_fail_refuse_unless_another_entry_admits() {
    let powerless = with_token(OUTSIDE, no_roles);
    let by_client = bearer(|conditions| {
        let other = "dddd0000-5555-4666-8777-888888888888";
        conditions.claims = vec![condition(Claim::AZP, Need::Is, &[other])];
    });
    let open = bearer(|conditions| conditions.claims.clear());
    let role = Err((Reason::RoleMissing, app()));
    let client = Err((Reason::ClientNotAllowed, app()));
    assert_eq!(ask(&[bearer(|_| ())], &powerless), role);
    assert_eq!(ask(&[bearer(|_| ()), by_client.clone()], &powerless), role);
    assert_eq!(
        ask(&[by_client.clone(), bearer(|_| ())], &powerless),
        client
    );
    assert_eq!(
        ask(&[by_client, bearer(|_| ()), open], &powerless),
        Ok(app().unwrap())
    );
    assert_eq!(ask(&[key("k"), bearer(|_| ())], &powerless), role);
    assert_eq!(
        ask(&[network(), bearer(|_| ()), key("k")], &powerless),
        role
    );
    assert_eq!(
        ask(&[bearer(|_| ()), network()], &with_token(INSIDE, no_roles)),
        Ok("address:10.0.0.7".into())
    );
    // An entry for another audience has no say.
    let elsewhere = bearer(|conditions| {
        conditions.audiences = vec![Audience::Literal("elsewhere".into())];
        conditions.claims = vec![condition(Claim::AZP, Need::Is, &[OBJECT])];
    });
    assert_eq!(ask(&[elsewhere, bearer(|_| ())], &powerless), role);
}

#[test]
fn a_network_beside_a_credential_must_hold_too() {
    let entries = [bearer(|_| ()).inside()];
    assert_eq!(
        ask(&entries, &with_token(INSIDE, |_| ())),
        Ok(app().unwrap())
    );
    let refused = Err((Reason::NetworkNotAllowed, app()));
    assert_eq!(ask(&entries, &with_token(OUTSIDE, |_| ())), refused);
    assert_eq!(
        ask(&entries, &nothing(INSIDE)),
        Err((Reason::NoCredential, None))
    );
    assert_eq!(
        ask(&entries, &nothing(OUTSIDE)),
        Err((Reason::NetworkNotAllowed, None))
    );

    let entries = [key("k").inside()];
    assert_eq!(ask(&entries, &with_key(INSIDE, "k")), Ok("key:k".into()));
    let refused = Err((Reason::NetworkNotAllowed, Some("key:k".into())));
    assert_eq!(ask(&entries, &with_key(OUTSIDE, "k")), refused);
    let unknown = and_key(Evidence::of(Client::Unknown), "k");
    assert_eq!(ask(&entries, &unknown), refused);
}

#[test]
fn parameters_are_judged_for_whoever_is_proven() {
    let refused = |principal: &str| Err((Reason::ParameterNotAllowed, Some(principal.to_owned())));
    let (right, wrong) = ("*@contoso.example", "*@payroll.contoso.example");
    assert_eq!(
        ask(&[key("k").mailbox(right)], &with_key(OUTSIDE, "k")),
        Ok("key:k".into())
    );
    assert_eq!(
        ask(&[key("k").mailbox(wrong)], &with_key(OUTSIDE, "k")),
        refused("key:k")
    );
    let entries = [bearer(|_| ()).mailbox(wrong)];
    assert_eq!(
        ask(&entries, &with_token(OUTSIDE, |_| ())),
        refused(&app().unwrap())
    );
    assert_eq!(
        ask(&[network().mailbox(wrong)], &nothing(INSIDE)),
        refused("address:10.0.0.7")
    );
    // One key's mailboxes are not another's.
    let entries = [key("k").mailbox(wrong), key("l").mailbox(right)];
    assert_eq!(ask(&entries, &with_key(OUTSIDE, "k")), refused("key:k"));
    assert_eq!(ask(&entries, &with_key(OUTSIDE, "l")), Ok("key:l".into()));
    // The same key may have two entries.
    let entries = [key("k").mailbox(wrong), key("k").mailbox(right)];
    assert_eq!(ask(&entries, &with_key(OUTSIDE, "k")), Ok("key:k".into()));
    // The role comes before the parameter.
    let entries = [bearer(|_| ()).mailbox(wrong)];
    let powerless = with_token(OUTSIDE, no_roles);
    assert_eq!(ask(&entries, &powerless), Err((Reason::RoleMissing, app())));
}

#[test]
fn who_presents_nothing_is_asked_for_a_credential_where_one_would_do() {
    let absent = Err((Reason::NoCredential, None));
    let closed = Err((Reason::NetworkNotAllowed, None));
    assert_eq!(ask(&[bearer(|_| ())], &nothing(OUTSIDE)), absent);
    assert_eq!(ask(&[key("k")], &nothing(OUTSIDE)), absent);
    assert_eq!(ask(&[network(), key("k")], &nothing(OUTSIDE)), absent);
    assert_eq!(
        ask(&[key("k").inside(), bearer(|_| ())], &nothing(OUTSIDE)),
        absent
    );
    assert_eq!(ask(&[network()], &nothing(OUTSIDE)), closed);
    assert_eq!(
        ask(&[network(), key("k").inside()], &nothing(OUTSIDE)),
        closed
    );
    let parameter = network().mailbox("*@payroll.contoso.example");
    assert_eq!(ask(&[parameter, key("k")], &nothing(INSIDE)), absent);
    // Which mailboxes are allowed is nobody's business before.
    for pattern in ["*@contoso.example", "*@payroll.contoso.example"] {
        assert_eq!(ask(&[key("k").mailbox(pattern)], &nothing(OUTSIDE)), absent);
    }
}

#[test]
fn a_client_that_is_not_known_is_in_no_network() {
    let unknown = Evidence::of(Client::Unknown);
    let mut everywhere = network();
    everywhere.network = Some(Networks::of(vec![
        "0.0.0.0/0".parse().unwrap(),
        "::/0".parse().unwrap(),
    ]));
    assert_eq!(
        ask(&[everywhere], &unknown),
        Err((Reason::NetworkNotAllowed, None))
    );
}

#[test]
fn a_mapped_address_is_named_by_its_ipv4_form() {
    let evidence = nothing("::ffff:10.0.0.7");
    assert_eq!(ask(&[network()], &evidence), Ok("address:10.0.0.7".into()));
}

#[test]
fn what_asks_for_nothing_admits_nobody() {
    let refused = Err((Reason::NetworkNotAllowed, None));
    assert_eq!(ask(&[entry(None)], &nothing(INSIDE)), refused);
    assert_eq!(
        ask(&[entry(None).mailbox("*@*")], &nothing(INSIDE)),
        refused
    );
    let mut nowhere = network();
    nowhere.network = Some(Networks::of(Vec::new()));
    assert_eq!(ask(&[nowhere], &nothing(INSIDE)), refused);
    assert_eq!(
        ask(&[], &nothing(INSIDE)),
        Err((Reason::NoCredential, None))
    );
    assert_eq!(
        ask(&[], &with_token(INSIDE, |_| ())),
        Err((Reason::NoCredential, None))
    );
}

#[test]
fn v1_audiences_count_when_an_entry_is_chosen() {
    let v1 = with_token(OUTSIDE, |token| {
        token.audience_form = AudienceForm::AsAsked;
        token.claims.audiences = vec![format!("api://{API}/")];
    });
    assert_eq!(ask(&[bearer(|_| ())], &v1), Ok(app().unwrap()));
}

#[path = "permit_many_tests.rs"]
mod many;
