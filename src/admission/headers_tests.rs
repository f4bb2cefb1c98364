//! Spellings by which a caller would like to be someone else, and what the upstream gets instead.

use std::sync::Arc;

use super::*;
use crate::clock::UnixTime;
use crate::outbound::{AccessToken, Grants, UsedCredential};
use crate::request::{Head, Peer, samples};
use crate::routing::CallerClaim;
use crate::routing::samples::definition;

fn name(text: &str) -> HeaderName {
    HeaderName::from_bytes(text.as_bytes()).unwrap()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let lines = lines.iter();
    lines
        .map(|(field, value)| (name(field), HeaderValue::from_str(value).unwrap()))
        .collect()
}

/// A route that tells its upstream who calls, and one that does not.
fn routes() -> [RouteDefinition; 2] {
    let mut telling = definition("telling", "/a");
    telling.caller_headers = vec![
        (name("x-client-id"), CallerClaim::Principal),
        (name("x-roles"), CallerClaim::Roles),
    ];
    [telling, definition("plain", "/b")]
}

fn is_removed(route: &RouteDefinition, carries_ours: bool, field: &str) -> bool {
    let rules = HeaderRules::new(routes().iter());
    let sent = headers(&[(field, "x"), ("accept", "*/*")]);
    let left = edited(&rules, route, carries_ours, None, &sent);
    assert!(left.get_all("accept").iter().any(|accept| accept == "*/*"));
    left.get(name(field)) != Some(&"x".parse().unwrap())
}

/// The head that goes on, for the holder of the key `payroll`.
fn edited(
    rules: &HeaderRules,
    route: &RouteDefinition,
    carries_ours: bool,
    credential: Option<&'static str>,
    sent: &HeaderMap,
) -> HeaderMap {
    let edit = Edit {
        route,
        carries_ours,
        credential: credential.map(HeaderValue::from_static),
        principal: &Principal::Key("payroll".into()),
    };
    let mut headers = sent.clone();
    rules.apply(edit, &mut headers, &samples::head("/"), |_| {});
    headers
}

#[test]
fn nobody_says_by_a_header_who_they_are() {
    let attacks = "
        Authorization AUTHORIZATION X-Api-Key x_api_key X.Api.Key X~Api-Key
        Remote-User REMOTE_USER remote.user Remote-Groups X-Remote-User X_Remote-Group
        X-Remote-Extra-Scopes X-Forwarded-User X_Forwarded_User X.Forwarded.User X-Forwarded_User
        X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username
        X-Forwarded-Access-Token X-Forwarded-Client-Cert X-Auth-Request-User
        X_Auth_Request_Email X-Auth-Request-Access-Token X-Auth-User X-Auth-Username X-Auth-Roles
        X-MS-CLIENT-PRINCIPAL X_MS_CLIENT_PRINCIPAL X-MS-CLIENT-PRINCIPAL-ID
        X-MS-CLIENT-PRINCIPAL-NAME X-MS-Client-Principal-Idp X-MS-TOKEN-AAD-ACCESS-TOKEN
        X_MS_TOKEN_AAD_ID_TOKEN X-Authenticated-User X.Authenticated.User X-WebAuth-User
        X-Consumer-Username OIDC_CLAIM_sub Cf-Access-Jwt-Assertion X-Goog-Iap-Jwt-Assertion
        SM_USER sm_userdn iv-user IV_GROUPS OAM_REMOTE_USER CT-Remote-User WL-Proxy-Client-Cert
        WL-Proxy-SSL X-Amzn-Mtls-Clientcert-Subject X-Apigateway-Api-Userinfo
        X-Endpoint-API-UserInfo X-Jwt-Assertion X-SSL-Cert X-SSL_Subject X-Client-Cert
        X-Client-Certificate X-Client-DN X_CLIENT_DN X-Authorization x_authorization
        X-HTTP-Verb-Override $WSRU $wsra Shib-Session-ID CAS-User AJP_REMOTE_USER Proxy-Remote-User
        X-Tls-Client-Subject X-Vouch-User Tailscale-User-Login Proxy X-ID-Token
        X-Amzn-Oidc-Data Client-Cert SSL_CLIENT_S_DN X-SSL-Client-Verify X-ARR-ClientCert
        X-HTTP-Method X-HTTP-Method-Override X_HTTP_Method_Override X-Method-Override
        X.Method.Override X-Original-URL X_Original_URL X-Rewrite-URL X-Original-URI
        X-Envoy-Original-Path Forwarded X-Forwarded-For X_Forwarded_For X-Forwarded-Proto
        X-Forwarded-Host X-Forwarded-Prefix X-Forwarded-Port X-Forwarded X-Real-IP X_Real_IP
        True-Client-IP X-Client-Id x_client_id X.Client.Id X-Client.Id X!Client-Id X-Roles X_ROLES
    ";
    for route in &routes() {
        for carries_ours in [false, true] {
            for field in attacks.split_whitespace() {
                assert!(is_removed(route, carries_ours, field), "{field}");
            }
        }
    }
}

#[test]
fn ordinary_headers_go_on() {
    let ordinary = "
        Host Accept Accept-Encoding User-Agent Content-Type Content-Length Range If-Match
        If-None-Match Prefer ConsistencyLevel traceparent tracestate X-Request-Id X-Client
        X-Client-Identity X-Role Client-Request-Id X-Custom Remote X-Auth X-Auth-Token
        X-AnchorMailbox Idempotency-Key X-Forward X-Api-Key2 Via Date Cookie Origin
        Proxy-Authorization Destination Impersonate-User MSCRMCallerID
    ";
    let [_, plain] = routes();
    for field in ordinary.split_whitespace() {
        assert!(!is_removed(&plain, false, field), "{field}");
    }
}

#[test]
fn beside_our_token_goes_on_what_is_on_a_list_and_what_the_route_keeps() {
    let listed = "
        Host Accept Accept-Encoding Accept-Language Content-Type Content-Encoding Content-Length
        Transfer-Encoding If-Match If-None-Match Range Prefer User-Agent ConsistencyLevel
        OData-Version OData-MaxVersion MaxDataServiceVersion DataServiceVersion SOAPAction
        client-request-id return-client-request-id traceparent tracestate Idempotency-Key Expect
        X-Request-Id
    ";
    let unlisted = "
        MSCRMCallerID CallerObjectId Impersonate-User x-ms-copy-source x-ms-rename-source
        x-ms-authorization-auxiliary Destination Cookie Cookie2 Origin Proxy-Authorization
        proxy_authorization X-AnchorMailbox X-Custom Via Date If_Match Content_Type X-Auth-Token
        Set-Cookie
    ";
    let [telling, mut plain] = routes();
    for field in listed.split_whitespace() {
        assert!(!is_removed(&plain, true, field), "{field}");
        assert!(!is_removed(&telling, true, field), "{field}");
    }
    for field in unlisted.split_whitespace() {
        assert!(is_removed(&plain, true, field), "{field}");
    }
    plain.keep_headers = ["x-anchormailbox", "set-cookie"].map(name).into();
    assert!(!is_removed(&plain, true, "X-AnchorMailbox"));
    for field in ["x_anchormailbox", "X-Custom", "Set-Cookie"] {
        assert!(is_removed(&plain, true, field), "{field}");
    }
}

#[test]
fn what_is_left_out_is_told_apart_from_what_is_removed_everywhere() {
    let rules = HeaderRules::new(routes().iter());
    let [_, plain] = routes();
    let mut sent = headers(&[
        ("x-api-key", "k"),
        ("authorization", "Basic x"),
        ("x-forwarded-for", "192.0.2.7"),
        ("remote-user", "root"),
        ("accept", "*/*"),
        ("destination", "/b"),
        ("destination", "/c"),
    ]);
    let edit = Edit {
        route: &plain,
        carries_ours: true,
        credential: None,
        principal: &Principal::Key("payroll".into()),
    };
    let left_out = rules.apply(edit, &mut sent, &samples::head("/"), |_| {});
    assert_eq!(left_out, ["destination"]);
    assert_eq!(sent, headers(&[("accept", "*/*")]));
}

#[test]
fn a_field_about_the_message_has_one_spelling() {
    let [_, plain] = routes();
    for field in [
        "Content_Length",
        "content.length",
        "Transfer_Encoding",
        "X_Request_Id",
    ] {
        assert!(is_removed(&plain, false, field), "{field}");
    }
    for field in ["Content-Length", "Transfer-Encoding", "X-Request-Id"] {
        assert!(!is_removed(&plain, false, field), "{field}");
    }
}

#[test]
fn only_what_others_trust_can_be_kept_and_only_as_it_is_written() {
    let [mut telling, mut plain] = routes();
    let kept = [
        "x-forwarded-user",
        "x-client-id",
        "authorization",
        "x-api-key",
        "x-forwarded-for",
        "x-ms-token-aad-id-token",
        "x-http-method-override",
        "x-original-url",
        "cookie",
    ];
    telling.keep_headers = kept.map(name).into();
    plain.keep_headers = kept.map(name).into();
    assert!(!is_removed(&plain, true, "X-Forwarded-User"));
    assert!(is_removed(&plain, true, "X_Forwarded_User"));
    assert!(is_removed(&plain, true, "X-Forwarded-Email"));
    // Another route tells its own upstream by this name; this one was allowed to keep it.
    assert!(!is_removed(&plain, true, "X-Client-Id"));
    assert!(is_removed(&telling, true, "X-Client-Id"));
    for field in &kept[2..] {
        assert!(is_removed(&plain, true, field), "{field}");
    }
}

#[test]
fn a_field_that_came_often_is_removed_once_and_whole() {
    let rules = HeaderRules::new(routes().iter());
    let sent = headers(&[
        ("x-roles", "a"),
        ("x-roles", "b"),
        ("x_roles", "c"),
        ("accept", "*/*"),
    ]);
    let left = edited(&rules, &routes()[0], true, None, &sent);
    let told = ("x-client-id", "key:payroll");
    assert_eq!(left, headers(&[("accept", "*/*"), told]));
}

#[test]
fn a_head_is_edited_where_it_stands() {
    let rules = HeaderRules::new(routes().iter());
    let [telling, plain] = routes();
    let sent = headers(&[
        ("host", "api.example.com"),
        ("authorization", "Bearer theirs"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "192.0.2.8"),
        ("x_forwarded_for", "192.0.2.9"),
        ("x-client-id", "app:somebody"),
        ("x-client-id", "app:somebody-else"),
        ("cookie", "a=b"),
        ("accept", "a"),
        ("accept", "b"),
    ]);
    let forwarded = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "api.example.com"),
    ];
    let kept = [
        ("host", "api.example.com"),
        ("accept", "a"),
        ("accept", "b"),
    ];
    let told = ("x-client-id", "key:payroll");
    let cookie = ("cookie", "a=b");
    let own = ("authorization", "Bearer own");
    let cases: [(&RouteDefinition, bool, Option<&'static str>, &[_]); 3] = [
        (&telling, false, Some(own.1), &[own, told, cookie]),
        (&telling, true, Some(own.1), &[own, told]),
        (&plain, false, None, &[cookie]),
    ];
    for (route, carries_ours, credential, more) in cases {
        let left = edited(&rules, route, carries_ours, credential, &sent);
        let mut expected = headers(&[&kept[..], more].concat());
        if !carries_ours {
            expected.extend(headers(&forwarded));
        }
        assert_eq!(left, expected, "{} {carries_ours}", route.id);
    }
}

#[test]
fn authorization_is_ours_the_callers_or_absent() {
    assert_eq!(authorization(&Carried::Nothing), None);
    let own = HeaderValue::from_static("Bearer own");
    let ours = AccessToken {
        grants: Grants::of(""),
        header: HeaderValue::from_static("Bearer ours"),
        acquired_at: UnixTime::from_seconds(0),
        refresh_at: None,
        is_remembered: false,
        expires_at: UnixTime::from_seconds(2),
        renew_at: UnixTime::from_seconds(1),
        by: UsedCredential {
            place: 0,
            kind: "secret",
            passed_over: None,
        },
    };
    for (carried, expected) in [
        (Carried::CallersOwn(own), "Bearer own"),
        (Carried::App(Arc::new(ours)), "Bearer ours"),
    ] {
        let value = authorization(&carried).unwrap();
        assert_eq!(value, expected);
        assert!(value.is_sensitive());
    }
}

#[test]
fn what_connection_names_is_continued_and_ours_is_not_taken_off() {
    let sent = headers(&[("x-forwarded-for", "192.0.2.7"), ("x-client-id", "app:me")]);
    let trusted: Vec<ipnet::IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
    let head = Head {
        peer: Peer::of([10, 0, 0, 1].into(), &sent, &trusted),
        ..samples::head("/")
    };
    let [telling, _] = routes();
    let edit = Edit {
        route: &telling,
        carries_ours: false,
        credential: Some(HeaderValue::from_static("Bearer own")),
        principal: &Principal::Key("payroll".into()),
    };
    let mut left = sent.clone();
    HeaderRules::new(routes().iter()).apply(edit, &mut left, &head, HeaderMap::clear);
    assert_eq!(left["x-forwarded-for"], "192.0.2.7, 10.0.0.1");
    assert_eq!(left["x-client-id"], "key:payroll");
    assert_eq!(left["authorization"], "Bearer own");
}

fn forwarded(trusted: bool, sent: &[(&str, &str)]) -> Vec<(String, String)> {
    let sent = headers(sent);
    let trusted = trusted.then(|| "10.0.0.0/8".parse().unwrap());
    let trusted: Vec<ipnet::IpNet> = trusted.into_iter().collect();
    let head = Head {
        peer: Peer::of([10, 0, 0, 1].into(), &sent, &trusted),
        ..samples::head("/")
    };
    let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
    let request = AccessRequest {
        head: &head,
        headers: &sent,
    };
    let fields = forwarding::fields(request, 0);
    fields
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

#[test]
fn only_a_trusted_proxy_is_continued() {
    let sent = [
        ("host", "API.example.com:8080"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "10.0.0.9"),
        ("x-forwarded-proto", "HTTPS"),
        ("x-forwarded-host", "www.example.com"),
    ];
    let expect = |chain: &str, proto: &str, host: &str| {
        [
            ("x-forwarded-for", chain),
            ("x-forwarded-proto", proto),
            ("x-forwarded-host", host),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    assert_eq!(
        forwarded(false, &sent),
        expect("10.0.0.1", "http", "API.example.com:8080")
    );
    assert_eq!(
        forwarded(true, &sent),
        expect("192.0.2.7, 10.0.0.9, 10.0.0.1", "https", "www.example.com")
    );
    assert_eq!(
        forwarded(true, &sent[..1]),
        expect("10.0.0.1", "http", "API.example.com:8080")
    );
    assert_eq!(
        forwarded(true, &[]),
        expect("10.0.0.1", "http", "api.example.com")
    );
    let unreadable = [("host", "a"), ("x-forwarded-for", "192.0.2.7, unknown")];
    assert_eq!(
        forwarded(true, &unreadable),
        expect("10.0.0.1", "http", "a")
    );
    let odd = [
        ("host", "a"),
        ("x-forwarded-proto", "ftp"),
        ("x-forwarded-host", "a/b"),
        ("x-forwarded-host", "c"),
    ];
    assert_eq!(forwarded(true, &odd), expect("10.0.0.1", "http", "a"));
    assert_eq!(forwarded(true, &odd[..3]), expect("10.0.0.1", "http", "a"));
}
