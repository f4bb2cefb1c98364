use super::super::Cloud;
use super::*;
use crate::clock::UnixTime;

const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const V1: &str = "https://sts.windows.net/11111111-aaaa-4bbb-8ccc-222222222222/";
const V2: &str = "https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-222222222222/v2.0";
const CLIENT: &str = "cccc0000-5555-4666-8777-888888888888";
const OBJECT: &str = "0b0b0b0b-1111-4222-8333-999999999999";

/// An app-only v2 token.
fn app() -> Claims {
    Claims {
        issuer: V2.into(),
        audiences: vec!["aaaa0000-1111-4222-8333-444444444444".into()],
        expires_at: UnixTime::from_seconds(2),
        not_before: UnixTime::from_seconds(1),
        version: Some(Version::V2),
        tenant: Some(TENANT.into()),
        object: Some(OBJECT.into()),
        subject: Some(OBJECT.into()),
        azp: Some(CLIENT.into()),
        appid: None,
        identity_type: Some("app".into()),
        roles: vec!["Mail.Relay".into()],
        scopes: None,
        token_id: None,
        name: None,
        preferred_username: None,
        confirmation: false,
        id_token_marks: false,
    }
}

/// A delegated v2 token.
fn user() -> Claims {
    Claims {
        identity_type: None,
        subject: Some("pairwise".into()),
        scopes: Some(vec!["user_impersonation".into()]),
        ..app()
    }
}

fn v1(claims: Claims) -> Claims {
    Claims {
        issuer: V1.into(),
        version: Some(Version::V1),
        appid: claims.azp,
        azp: None,
        ..claims
    }
}

fn principal(claims: Claims) -> Result<TokenPrincipal, TokenError> {
    let authority = Authority::new(Cloud::Public, TENANT.parse().unwrap(), None);
    token_principal(&authority, &"contoso".into(), claims)
}

fn refusal(claims: Claims) -> TokenError {
    principal(claims).unwrap_err()
}

#[test]
fn apps_and_users_are_told_apart_in_both_versions() {
    let unmarked = Claims {
        identity_type: None,
        ..app()
    };
    let marked = Claims {
        identity_type: Some("user".into()),
        ..user()
    };
    // A marked application need not have its `oid` as `sub`.
    let other_subject = Claims {
        subject: None,
        ..app()
    };
    for (claims, kind) in [
        (app(), PrincipalKind::App),
        (unmarked, PrincipalKind::App),
        (other_subject, PrincipalKind::App),
        (user(), PrincipalKind::User),
        (marked, PrincipalKind::User),
        (
            Claims {
                roles: vec![],
                ..user()
            },
            PrincipalKind::User,
        ),
        // `scp` decides over `oid == sub`.
        (
            Claims {
                subject: Some(OBJECT.into()),
                ..user()
            },
            PrincipalKind::User,
        ),
    ] {
        for claims in [claims.clone(), v1(claims)] {
            let principal = principal(claims.clone()).unwrap();
            assert_eq!(principal.kind, kind, "{claims:?}");
            assert_eq!(&*principal.issuer, "contoso");
            assert!(principal.client_id.is(CLIENT));
            assert!(principal.object_id.is(OBJECT));
            assert_eq!(principal.claims, claims);
        }
    }
}

#[test]
fn what_proves_neither_app_nor_user_is_no_access_token() {
    let id_token = Claims {
        scopes: None,
        ..user()
    };
    assert_eq!(refusal(id_token.clone()), TokenError::Type);
    assert_eq!(refusal(v1(id_token.clone())), TokenError::Type);
    assert_eq!(
        refusal(Claims {
            subject: None,
            ..id_token.clone()
        }),
        TokenError::Type
    );
    let user_without_scope = Claims {
        identity_type: Some("user".into()),
        ..id_token
    };
    assert_eq!(refusal(user_without_scope), TokenError::Type);
    for word in ["device", "App", "APP", " app", "", "service"] {
        let identity_type = Some(word.to_owned());
        let claims = Claims {
            identity_type: identity_type.clone(),
            ..app()
        };
        assert_eq!(refusal(claims), TokenError::Type, "{word:?}");
        let claims = Claims {
            identity_type,
            ..user()
        };
        assert_eq!(refusal(claims), TokenError::Type, "{word:?}");
    }
}

#[test]
fn an_app_with_scopes_contradicts_itself() {
    let claims = Claims {
        scopes: user().scopes,
        ..app()
    };
    assert_eq!(refusal(claims), TokenError::MalformedClaim("idtyp"));
}

#[test]
fn marks_of_id_tokens_and_bindings_are_refused() {
    for claims in [app(), user(), v1(app()), v1(user())] {
        let marked = Claims {
            id_token_marks: true,
            ..claims.clone()
        };
        assert_eq!(refusal(marked), TokenError::Type);
        let bound = Claims {
            confirmation: true,
            ..claims
        };
        assert_eq!(refusal(bound), TokenError::SenderConstrained);
    }
}

#[test]
fn the_issuer_agrees_with_the_version() {
    let china = "https://sts.chinacloudapi.cn/11111111-aaaa-4bbb-8ccc-222222222222/";
    let (one, two) = (Some(Version::V1), Some(Version::V2));
    for (issuer, version) in [
        (V1, two),
        (V2, one),
        (V1, None),
        (V2, None),
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
            let claims = Claims {
                issuer: issuer.to_owned(),
                version,
                ..claims
            };
            assert_eq!(refusal(claims), TokenError::Issuer, "{issuer} {version:?}");
        }
    }
}

#[test]
fn each_cloud_has_its_own_issuers() {
    let authority = Authority::new(Cloud::China, TENANT.parse().unwrap(), None);
    let china = Claims {
        issuer: format!("https://login.partner.microsoftonline.cn/{TENANT}/v2.0"),
        ..app()
    };
    assert!(token_principal(&authority, &"c".into(), china.clone()).is_ok());
    assert_eq!(refusal(china), TokenError::Issuer);
    assert_eq!(
        token_principal(&authority, &"c".into(), app()).unwrap_err(),
        TokenError::Issuer
    );
}

#[test]
fn the_tenant_is_the_configured_one() {
    let of = |tenant: Option<&str>| Claims {
        tenant: tenant.map(str::to_owned),
        ..app()
    };
    assert_eq!(refusal(of(None)), TokenError::MissingClaim("tid"));
    for tenant in [
        "",
        "22222222-aaaa-4bbb-8ccc-222222222222",
        "11111111aaaa4bbb8ccc222222222222",
        "{11111111-aaaa-4bbb-8ccc-222222222222}",
        "11111111-aaaa-4bbb-8ccc-222222222222 ",
        "common",
        "contoso.example",
    ] {
        assert_eq!(refusal(of(Some(tenant))), TokenError::Tenant, "{tenant}");
    }
    assert!(principal(of(Some(&TENANT.to_uppercase()))).is_ok());
}

#[test]
fn the_caller_is_named_by_guids() {
    let none = || None;
    assert_eq!(
        refusal(Claims {
            azp: none(),
            ..app()
        }),
        TokenError::MissingClaim("azp")
    );
    assert_eq!(
        refusal(Claims {
            object: none(),
            ..app()
        }),
        TokenError::MissingClaim("oid")
    );
    let appid = Claims {
        appid: none(),
        ..v1(app())
    };
    assert_eq!(refusal(appid), TokenError::MissingClaim("appid"));
    // The other version's name for it does not count.
    let crossed = Claims {
        azp: None,
        appid: Some(CLIENT.into()),
        ..app()
    };
    assert_eq!(refusal(crossed), TokenError::MissingClaim("azp"));
    let crossed = Claims {
        azp: Some(CLIENT.into()),
        appid: None,
        ..v1(app())
    };
    assert_eq!(refusal(crossed), TokenError::MissingClaim("appid"));

    for text in [
        "",
        "app",
        "cccc0000555546668777888888888888",
        "{cccc0000-5555-4666-8777-888888888888}",
    ] {
        let text = || Some(text.to_owned());
        assert_eq!(
            refusal(Claims {
                azp: text(),
                ..app()
            }),
            TokenError::MalformedClaim("azp")
        );
        assert_eq!(
            refusal(Claims {
                object: text(),
                ..app()
            }),
            TokenError::MalformedClaim("oid")
        );
        let claims = Claims {
            appid: text(),
            ..v1(app())
        };
        assert_eq!(refusal(claims), TokenError::MalformedClaim("appid"));
    }
    let upper = Claims {
        azp: Some(CLIENT.to_uppercase()),
        object: Some(OBJECT.to_uppercase()),
        subject: Some(OBJECT.to_uppercase()),
        ..app()
    };
    let principal = principal(upper).unwrap();
    assert!(principal.client_id.is(CLIENT));
    assert!(principal.object_id.is(OBJECT));
}
