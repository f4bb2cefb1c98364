use std::net::{IpAddr, Ipv4Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::super::test_tenant::{TENANT, Tenant, payload};
use super::*;
use crate::entra::Versions;
use crate::fake::mint::Mint;
use crate::inbound::IssuerKind;
use crate::policy::{
    ApiKeyCondition, BearerConditions, Credential, Entry, Networks, PrincipalRule, Where,
};
use crate::reason::Reason;
use crate::request::{Client, samples};

const KEY: &str = "payroll-key-0123456789abcdef0123456789";

fn entry(credential: Option<Credential>) -> Entry {
    Entry {
        credential,
        network: None,
        parameters: Where::default(),
        limit: None,
    }
}

fn api_key() -> Entry {
    entry(Some(Credential::ApiKey(ApiKeyCondition {
        id: "payroll".into(),
        sha256: openssl::sha::sha256(KEY.as_bytes()),
    })))
}

fn bearer(issuer: &str) -> Entry {
    entry(Some(Credential::Bearer(BearerConditions {
        issuer: issuer.into(),
        audiences: Vec::new(),
        principal: PrincipalRule::Any,
        claims: Vec::new(),
    })))
}

fn network() -> Entry {
    Entry {
        network: Some(Networks::of(vec!["127.0.0.0/8".parse().unwrap()])),
        ..entry(None)
    }
}

fn gate(entries: Vec<Entry>, issuers: &HashMap<Arc<str>, Arc<Issuer>>) -> Gate {
    Gate::new(Arc::new(Callers::Entries(entries.into())), issuers)
}

/// Whether a token was proven, and which key.
type Proven = (bool, Option<String>);

/// A header field.
type Field<'a> = (&'static str, &'a str);

async fn identify(gate: &Gate, fields: &[Field<'_>]) -> Result<Proven, Reason> {
    let evidence = evidence(gate, fields).await?;
    let key = evidence.key().map(|id| id.to_string());
    Ok((evidence.token().is_some(), key))
}

async fn evidence(gate: &Gate, fields: &[Field<'_>]) -> Result<Evidence, Reason> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let request = AccessRequest {
        head: &samples::head("/"),
        headers: &headers,
    };
    let evidence = gate.identify(request, UnixTime::now()).await;
    let evidence = evidence.map_err(|why| why.reason())?;
    assert_eq!(evidence.client(), Client::Known(address));
    Ok(evidence)
}

fn basic(user: &str, key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{key}")))
}

#[tokio::test]
async fn routes_without_credentials_read_none() {
    for callers in [Callers::Public, Callers::Entries(vec![network()].into())] {
        let gate = Gate::new(Arc::new(callers), &HashMap::new());
        assert!(gate.kinds.is_empty());
        let fields = [
            ("authorization", "Bearer bad"),
            ("authorization", "Basic !"),
            ("x-api-key", "bad"),
            ("x-api-key", KEY),
        ];
        assert_eq!(identify(&gate, &fields).await, Ok((false, None)));
    }
}

#[tokio::test]
async fn each_issuer_is_asked_for_once_in_file_order() {
    let tenant = Tenant::publishing(&[Mint::published()]).await;
    let named = |name: &str| {
        (
            name.into(),
            tenant.issuer(|issuer| issuer.name = name.into()),
        )
    };
    let issuers = ["a", "b", "c"].map(named).into();
    let entries = ["b", "a", "b"].map(bearer).into_iter().chain([api_key()]);
    let gate = gate(entries.collect(), &issuers);
    let names: Vec<&str> = gate
        .issuers()
        .map(|issuer| &*issuer.definition().name)
        .collect();
    assert_eq!(names, ["b", "a"]);
    assert_eq!(gate.kinds.len(), 2);
}

#[tokio::test]
async fn every_kind_challenges_in_its_own_words() {
    let tenant = Tenant::publishing(&[Mint::published()]).await;
    let issuers = tenant.issuers();
    let uri = tenant.authority(TENANT).authorization_uri();
    let plain = format!("Bearer realm=\"{TENANT}\", authorization_uri=\"{uri}\"");
    let basic = "Basic realm=\"r\", charset=\"UTF-8\"".to_owned();
    let with = |error: &str| format!("{plain}, error=\"{error}\", error_description=\"Why.\"");
    let both = || vec![bearer("contoso"), api_key()];
    for (entries, error, expected) in [
        (vec![network()], None, vec![]),
        (vec![api_key()], None, vec![basic.clone()]),
        (both(), None, vec![plain.clone(), basic.clone()]),
        (
            both(),
            Some("invalid_token"),
            vec![with("invalid_token"), basic.clone()],
        ),
        (
            both(),
            Some("insufficient_scope"),
            vec![with("insufficient_scope")],
        ),
    ] {
        let gate = gate(entries, &issuers);
        let said: Vec<_> = gate.challenge("r", error, "Why.").collect();
        assert_eq!(said, expected, "{error:?}");
    }
}

#[tokio::test]
async fn every_credential_that_is_read_must_be_good() {
    let tenant = Tenant::publishing(&[Mint::published()]).await;
    let issuers = tenant.issuers();
    let gate = gate(vec![bearer("contoso"), api_key()], &issuers);
    assert_eq!(gate.issuers().count(), 1);
    let good = Mint::published().token(&payload(UnixTime::now()));
    let good = format!("Bearer {good}");
    let mut foreign = payload(UnixTime::now());
    foreign["iss"] = "https://issuer.example/".into();
    let foreign = format!("Bearer {}", Mint::published().token(&foreign));
    let forged = Mint::foreign().sign(
        &Mint::published().header(),
        &payload(UnixTime::now()).to_string(),
    );
    let forged = format!("Bearer {forged}");
    let (id, wrong) = (basic("payroll", KEY), basic("payroll", "wrong"));
    let key = || Some("payroll".to_owned());
    let cases: &[(&[Field<'_>], Result<Proven, Reason>)] = &[
        (&[], Ok((false, None))),
        (&[("authorization", &good)], Ok((true, None))),
        (&[("authorization", &good)], Ok((true, None))),
        (&[("x-api-key", KEY)], Ok((false, key()))),
        (&[("authorization", &id)], Ok((false, key()))),
        (
            &[("authorization", &id), ("x-api-key", KEY)],
            Ok((false, key())),
        ),
        (
            &[("authorization", &good), ("x-api-key", KEY)],
            Ok((true, key())),
        ),
        (&[("authorization", "Negotiate abc=")], Ok((false, None))),
        (
            &[("authorization", "Digest username=\"a b\"")],
            Ok((false, None)),
        ),
        // One good credential does not make up for a bad one.
        (
            &[("authorization", &forged), ("x-api-key", KEY)],
            Err(Reason::BadSignature),
        ),
        (
            &[("authorization", &good), ("x-api-key", "wrong")],
            Err(Reason::BadKey),
        ),
        (
            &[("authorization", &wrong), ("x-api-key", KEY)],
            Err(Reason::BadKey),
        ),
        (&[("authorization", &foreign)], Err(Reason::UnknownIssuer)),
        (&[("authorization", "Bearer")], Err(Reason::MalformedToken)),
        (
            &[("authorization", "Bearer a b")],
            Err(Reason::MalformedToken),
        ),
        (
            &[("authorization", "Bearer abc")],
            Err(Reason::MalformedToken),
        ),
        (&[("authorization", "Basic !!!")], Err(Reason::BadKey)),
        (
            &[("authorization", "\"Basic\" abc")],
            Err(Reason::MalformedToken),
        ),
        (&[("authorization", "Basic YWJj")], Err(Reason::BadKey)),
        (
            &[("authorization", &good), ("authorization", &good)],
            Err(Reason::RepeatedCredential),
        ),
        (
            &[("authorization", &good), ("authorization", "Negotiate abc")],
            Err(Reason::RepeatedCredential),
        ),
        (
            &[("x-api-key", KEY), ("x-api-key", KEY)],
            Err(Reason::RepeatedCredential),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(identify(&gate, fields).await, *expected, "{fields:?}");
    }
    assert_eq!(tenant.fetches(), 1);
}

#[tokio::test]
async fn kinds_the_route_does_not_use_are_absent() {
    let tenant = Tenant::publishing(&[Mint::published()]).await;
    let issuers = tenant.issuers();
    let good = Mint::published().token(&payload(UnixTime::now()));
    let good = format!("Bearer {good}");

    let tokens = gate(vec![bearer("contoso")], &issuers);
    let fields = [("authorization", good.as_str()), ("x-api-key", "wrong")];
    assert_eq!(identify(&tokens, &fields).await, Ok((true, None)));
    let wrong = basic("payroll", "wrong");
    for basic in [wrong.as_str(), "Basic", "Basic !!!", "basic a b"] {
        let fields = [("authorization", basic)];
        assert_eq!(
            identify(&tokens, &fields).await,
            Ok((false, None)),
            "{basic}"
        );
    }

    let keys = gate(vec![api_key()], &issuers);
    for bearer in ["Bearer abc", "Bearer", "Bearer a b", "bearer \"x\""] {
        let fields = [("authorization", bearer), ("x-api-key", KEY)];
        let id = Some("payroll".to_owned());
        assert_eq!(identify(&keys, &fields).await, Ok((false, id)), "{bearer}");
    }
    let fields = [("authorization", "Basic !!!")];
    assert_eq!(identify(&keys, &fields).await, Err(Reason::BadKey));
}

#[tokio::test]
async fn a_token_is_not_proven_by_an_issuer_the_route_does_not_name() {
    let tenant = Tenant::publishing(&[Mint::published()]).await;
    let issuers = tenant.issuers();
    let good = Mint::published().token(&payload(UnixTime::now()));
    let good = format!("Bearer {good}");
    let fields = [("authorization", good.as_str())];
    let named = gate(vec![bearer("contoso")], &issuers);
    assert_eq!(identify(&named, &fields).await, Ok((true, None)));
    let other = gate(vec![bearer("fabrikam")], &issuers);
    let outcome = identify(&other, &fields).await;
    assert_eq!(outcome, Err(Reason::UnknownIssuer), "though it is cached");
}

#[tokio::test]
async fn a_token_is_proven_by_the_issuer_it_names() {
    let tenant = Tenant::publishing(&[Mint::published()]).await;
    let mut issuers = tenant.issuers();
    let fabrikam = tenant.issuer(|definition| {
        definition.name = "fabrikam".into();
        let other = tenant.authority("22222222-aaaa-4bbb-8ccc-222222222222");
        definition.kind = IssuerKind::Entra(other, Versions::default());
    });
    issuers.insert("fabrikam".into(), fabrikam);
    let gate = gate(vec![bearer("fabrikam"), bearer("contoso")], &issuers);
    let now = UnixTime::now();
    let good = format!("Bearer {}", Mint::published().token(&payload(now)));
    for _ in 0..2 {
        let evidence = evidence(&gate, &[("authorization", &good)]).await.unwrap();
        assert_eq!(&*evidence.token().unwrap().issuer, "contoso");
    }
    let mut foreign = payload(now);
    foreign["iss"] = "https://issuer.example/".into();
    let foreign = format!("Bearer {}", Mint::foreign().token(&foreign));
    let outcome = identify(&gate, &[("authorization", &foreign)]).await;
    assert_eq!(outcome, Err(Reason::UnknownIssuer));
    assert_eq!(tenant.fetches(), 1, "contoso's at its start");
}
