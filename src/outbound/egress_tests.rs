use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, value.parse().unwrap());
    }
    headers
}

#[test]
fn nothing_is_forwarded_for_whom_no_token_proved() {
    let principals = [
        Principal::Anyone,
        Principal::Key("payroll".into()),
        Principal::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ];
    for principal in principals {
        let headers = headers(&["Bearer eyJ0.e30.c2ln"]);
        assert_eq!(callers_own(&principal, &headers), None, "{principal}");
    }
}

#[test]
fn only_one_bearer_header_is_forwarded() {
    let cases: [(&[&str], Option<&str>); 7] = [
        (&[], None),
        (&["Bearer a.b.c"], Some("Bearer a.b.c")),
        (&["bearer a.b.c"], Some("bearer a.b.c")),
        (&["Bearer a.b.c", "Bearer d.e.f"], None),
        (&["Basic YTpi"], None),
        (&["Bearer"], None),
        (&["Bearerx a.b.c"], None),
    ];
    for (values, expected) in cases {
        let own = bearer(&headers(values));
        assert_eq!(own.as_ref().map(|own| own.to_str().unwrap()), expected);
        assert!(own.is_none_or(|own| own.is_sensitive()));
    }
}

#[test]
fn what_is_carried_is_never_shown() {
    let own = bearer(&headers(&["Bearer a.b.c"])).unwrap();
    assert_eq!(
        format!("{:?}", Carried::CallersOwn(own)),
        "CallersOwn(Sensitive)"
    );
    assert_eq!(format!("{:?}", Carried::Nothing), "Nothing");
}
