use serde_json::{Value, json};

use super::super::Cloud;
use super::*;
use crate::clock::UnixTime;
use crate::fake::mint::Mint;
use crate::jwt::{KeySet, UnverifiedToken, Verifier};

const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const V1: &str = "https://sts.windows.net/11111111-aaaa-4bbb-8ccc-222222222222/";
const V2: &str = "https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-222222222222/v2.0";
const CLIENT: &str = "cccc0000-5555-4666-8777-888888888888";
const OBJECT: &str = "0b0b0b0b-1111-4222-8333-999999999999";

/// An app-only v2 token.
fn app() -> Value {
    json!({
        "iss": V2, "sub": OBJECT, "ver": "2.0", "tid": TENANT, "oid": OBJECT, "azp": CLIENT,
        "idtyp": "app", "roles": ["Mail.Relay"],
    })
}

/// A delegated v2 token.
fn user() -> Value {
    let claims = with(app(), "sub", "pairwise");
    with(without(claims, "idtyp"), "scp", "user_impersonation")
}

fn v1(mut claims: Value) -> Value {
    claims["iss"] = V1.into();
    claims["ver"] = "1.0".into();
    if let Some(client) = claims.as_object_mut().unwrap().remove("azp") {
        claims["appid"] = client;
    }
    if let Some(class) = claims.as_object_mut().unwrap().remove("azpacr") {
        claims["appidacr"] = class;
    }
    claims
}

fn with(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn principal_in(cloud: Cloud, mut own: Value) -> Result<TokenPrincipal, TokenError> {
    let authority = Authority::new(cloud, TENANT.parse().unwrap(), None);
    let mut take = |name| own.as_object_mut().unwrap().remove(name);
    let (issuer, subject) = (take("iss").unwrap(), take("sub"));
    let mut claims = Claims::unverified(own);
    claims.issuer = issuer.as_str().unwrap().into();
    claims.subject = subject.map(|subject| subject.as_str().unwrap().to_owned());
    token_principal(&authority, &"contoso".into(), claims)
}

fn principal(claims: Value) -> Result<TokenPrincipal, TokenError> {
    principal_in(Cloud::Public, claims)
}

fn refusal(claims: Value) -> TokenError {
    principal(claims).unwrap_err()
}

#[test]
fn apps_and_users_are_told_apart_in_both_versions() {
    use PrincipalKind::{App, User};
    for (claims, kind) in [
        (app(), App),
        (without(app(), "idtyp"), App),
        // A marked application need not have its `oid` as `sub`.
        (without(app(), "sub"), App),
        (user(), User),
        (with(user(), "idtyp", "user"), User),
        (without(user(), "roles"), User),
        // A user who was given roles, by a client that asked for no scope.
        (with(without(user(), "scp"), "idtyp", "user"), User),
        (with(without(user(), "scp"), "azpacr", "1"), User),
        // `scp` decides over `oid == sub`.
        (with(user(), "sub", OBJECT), User),
    ] {
        for (claims, form) in [
            (claims.clone(), AudienceForm::Exact),
            (v1(claims), AudienceForm::AsAsked),
        ] {
            let principal = principal(claims.clone()).unwrap();
            assert_eq!(principal.kind, kind, "{claims}");
            assert_eq!(principal.audience_form, form, "{claims}");
            assert_eq!(&*principal.issuer, "contoso");
            assert!(principal.client_id.unwrap().is(CLIENT));
            assert!(principal.object_id.unwrap().is(OBJECT));
            assert!(principal.tenant.unwrap().is(TENANT));
            assert_eq!(principal.scopes.is_empty(), claims.get("scp").is_none());
            assert_eq!(principal.roles.is_empty(), claims.get("roles").is_none());
        }
    }
}

#[test]
fn what_proves_neither_app_nor_user_is_no_access_token() {
    let id_token = without(user(), "scp");
    for claims in [
        id_token.clone(),
        v1(id_token.clone()),
        without(id_token.clone(), "sub"),
        with(id_token.clone(), "appidacr", "1"),
        without(with(id_token.clone(), "azpacr", "1"), "roles"),
        without(with(id_token, "azpacr", "1"), "sub"),
    ] {
        assert_eq!(refusal(claims), TokenError::Type);
    }
    for word in ["device", "App", "APP", " app", "", "service"] {
        for claims in [app(), user()] {
            let claims = with(claims, "idtyp", word);
            assert_eq!(refusal(claims), TokenError::Type, "{word:?}");
        }
    }
}

#[test]
fn an_app_with_scopes_contradicts_itself() {
    let claims = with(app(), "scp", "user_impersonation");
    assert_eq!(refusal(claims), TokenError::MalformedClaim("idtyp"));
}

#[test]
fn marks_of_id_tokens_and_bindings_are_refused() {
    for claims in [app(), user(), v1(app()), v1(user())] {
        let marked = with(claims.clone(), "nonce", "n");
        assert_eq!(refusal(marked), TokenError::Type);
        let bound = with(claims, "cnf", json!({}));
        assert_eq!(refusal(bound), TokenError::SenderConstrained);
    }
}

#[test]
fn the_issuer_agrees_with_the_version() {
    let china = "https://sts.chinacloudapi.cn/11111111-aaaa-4bbb-8ccc-222222222222/";
    let (one, two) = (Some("1.0"), Some("2.0"));
    for (issuer, version) in [
        (V1, two),
        (V2, one),
        (V1, None),
        (V2, None),
        (V2, Some("3.0")),
        (&V1[..V1.len() - 1], one),
        (&format!("{V2}/"), two),
        (&V2.to_uppercase(), two),
        (&V2.replace("11111111", "22222222"), two),
        (&V2.replace(TENANT, "common"), two),
        (&V2.replace(".com", ".us"), two),
        (china, one),
        ("", one),
    ] {
        for claims in [app(), v1(app())] {
            let claims = with(without(claims, "ver"), "iss", issuer);
            let claims = match version {
                Some(version) => with(claims, "ver", version),
                None => claims,
            };
            assert_eq!(refusal(claims), TokenError::Issuer, "{issuer} {version:?}");
        }
    }
}

#[test]
fn each_cloud_has_its_own_issuers() {
    let issuer = format!("https://login.partner.microsoftonline.cn/{TENANT}/v2.0");
    let china = with(app(), "iss", issuer);
    assert!(principal_in(Cloud::China, china.clone()).is_ok());
    assert_eq!(refusal(china), TokenError::Issuer);
    let outcome = principal_in(Cloud::China, app());
    assert_eq!(outcome.unwrap_err(), TokenError::Issuer);
}

#[test]
fn the_tenant_is_the_configured_one() {
    assert_eq!(
        refusal(without(app(), "tid")),
        TokenError::MissingClaim("tid")
    );
    for tenant in [
        "",
        "22222222-aaaa-4bbb-8ccc-222222222222",
        "11111111aaaa4bbb8ccc222222222222",
        "{11111111-aaaa-4bbb-8ccc-222222222222}",
        "11111111-aaaa-4bbb-8ccc-222222222222 ",
        "common",
        "contoso.example",
    ] {
        assert_eq!(
            refusal(with(app(), "tid", tenant)),
            TokenError::Tenant,
            "{tenant}"
        );
    }
    assert!(principal(with(app(), "tid", TENANT.to_uppercase())).is_ok());
}

#[test]
fn the_caller_is_named_by_guids() {
    for (claims, name) in [(app(), "azp"), (app(), "oid"), (v1(app()), "appid")] {
        let missing = refusal(without(claims.clone(), name));
        assert_eq!(missing, TokenError::MissingClaim(name));
        for text in [
            "",
            "app",
            "cccc0000555546668777888888888888",
            "{cccc0000-5555-4666-8777-888888888888}",
        ] {
            let malformed = refusal(with(claims.clone(), name, text));
            assert_eq!(malformed, TokenError::MalformedClaim(name), "{text}");
        }
    }
    // The other version's name for it does not count.
    for (claims, name, other) in [(app(), "azp", "appid"), (v1(app()), "appid", "azp")] {
        let crossed = with(without(claims, name), other, CLIENT);
        assert_eq!(refusal(crossed), TokenError::MissingClaim(name));
    }
    let upper = ["azp", "oid", "sub"].iter().fold(app(), |claims, name| {
        let upper = claims[name].as_str().unwrap().to_uppercase();
        with(claims, name, upper)
    });
    let principal = principal(upper).unwrap();
    assert!(principal.client_id.unwrap().is(CLIENT));
    assert!(principal.object_id.unwrap().is(OBJECT));
}

#[test]
fn what_the_profile_reads_is_what_the_principal_takes() {
    const NOW: u64 = 1_790_001_000;
    let authority = Authority::new(Cloud::Public, TENANT.parse().unwrap(), None);
    let verifier = Verifier::new(token_profile(
        &authority,
        Versions::default(),
        Duration::from_secs(60),
    ));
    let mint = Mint::published();
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let keys = json!({ "keys": [with(mint.jwk(), "issuer", issuer)] });
    let keys = KeySet::parse(keys.to_string().as_bytes()).unwrap();
    let verified = |claims: Value| -> Result<TokenPrincipal, TokenError> {
        let claims = with(with(claims, "aud", "api"), "exp", NOW + 60);
        let text = mint.token(&with(claims, "nbf", NOW - 60));
        let token = UnverifiedToken::parse(&text)?;
        let key = keys.find(&token.key_id).ok_or(TokenError::UnknownKey)?;
        let now = UnixTime::from_seconds(NOW);
        token_principal(
            &authority,
            &"contoso".into(),
            verifier.verify(token, key, now)?,
        )
    };
    assert_eq!(verified(app()).unwrap().kind, PrincipalKind::App);
    assert_eq!(verified(v1(user())).unwrap().kind, PrincipalKind::User);
    for (claims, expected) in [
        (with(app(), "nonce", "n"), TokenError::Type),
        (
            with(app(), "cnf", json!(null)),
            TokenError::SenderConstrained,
        ),
        (
            with(app(), "Tid", TENANT),
            TokenError::MalformedClaim("tid"),
        ),
        (
            with(app(), "roles", "Mail.Relay"),
            TokenError::MalformedClaim("roles"),
        ),
        (with(app(), "tid", 7), TokenError::MalformedClaim("tid")),
        (without(app(), "tid"), TokenError::UnknownKey),
        (with(app(), "tid", OBJECT), TokenError::UnknownKey),
    ] {
        assert_eq!(verified(claims.clone()).unwrap_err(), expected, "{claims}");
    }
}
