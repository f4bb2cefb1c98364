//! What a valid file comes to.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearergate::config::Config;
use bearergate::fake::KeyPair;
use bearergate::http_client::HttpClient;
use bearergate::policy::{
    Audience, BearerConditions, CONDITION_KEYS, Callers, Claim, ClaimValue, Condition, Credential,
    Need, PrincipalKind, PrincipalRule,
};
use serde_json::Value;

use super::{as_json, one_route, parsed};

#[test]
fn relative_files_are_looked_for_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("payroll.key"),
        "0123456789abcdef0123456789abcdef\r\n",
    )
    .unwrap();
    let path = folder.path().join("gateway.yaml");
    fs::write(
        &path,
        one_route("api_key: { id: payroll, key: { file: payroll.key } }"),
    )
    .unwrap();
    let config = Config::load(&path).unwrap();
    let Callers::Entries(entries) = &*config.routes[0].callers else {
        panic!()
    };
    let Some(Credential::ApiKey(key)) = &entries[0].credential else {
        panic!()
    };
    let expected = openssl::sha::sha256(b"0123456789abcdef0123456789abcdef");
    assert_eq!(
        key.sha256, expected,
        "the line's end is not part of the key"
    );
}

#[test]
fn who_may_come_follows_from_what_is_asked() {
    use PrincipalKind::{App, User};
    use PrincipalRule::{Any, Only};
    for (conditions, expected) in [
        ("roles: [r]", Only(App)),
        ("azp: [f1f695cb-2d00-4c0f-84a5-437282f3f3fd]", Only(App)),
        ("oid: [f1f695cb-2d00-4c0f-84a5-437282f3f3fd]", Only(App)),
        ("scp: [s]", Only(User)),
        ("scp: [s], roles: [r]", Only(User)),
        ("scp: [s], principal: any", Any),
        ("any_valid_token: true", Any),
        ("any_valid_token: true, principal: user", Only(User)),
        ("roles: [r], principal: user", Only(User)),
        ("roles: [r], principal: any", Any),
    ] {
        assert_eq!(bearer(conditions).principal, expected, "{conditions}");
    }
}

#[test]
fn every_condition_that_is_written_is_checked_in_the_order_of_the_table() {
    let list = |key: &str| match key {
        "azp" | "oid" => format!("{key}: [f1f695cb-2d00-4c0f-84a5-437282f3f3fd]"),
        _ => format!("{key}: [x]"),
    };
    let mut written: Vec<_> = CONDITION_KEYS.iter().map(|(key, ..)| list(key)).collect();
    written.reverse();
    let all = bearer(&written.join(", ")).claims;
    assert_eq!(all.len(), CONDITION_KEYS.len());
    for (condition, (key, claim, need)) in all.iter().zip(&CONDITION_KEYS) {
        assert_eq!((&condition.claim, condition.need), (claim, *need), "{key}");
        let one = bearer(&list(key)).claims;
        assert!(one.len() == 1 && one[0] == *condition, "{key}");
    }
}

#[test]
fn guids_are_compared_in_lower_case_and_other_audiences_as_they_are() {
    let bearer = bearer(
        "azp: [F1F695CB-2D00-4C0F-84A5-437282F3F3FD], \
         audiences: [06B2A484-141C-42D3-9D73-32BEC5910B06, 'api://Orders/']",
    );
    let azp = Condition {
        claim: Claim::AZP,
        need: Need::Is,
        values: vec![ClaimValue::Guid(
            "f1f695cb-2d00-4c0f-84a5-437282f3f3fd".parse().unwrap(),
        )],
    };
    assert_eq!(bearer.claims, [azp]);
    assert_eq!(
        bearer.audiences,
        [
            Audience::Application("06b2a484-141c-42d3-9d73-32bec5910b06".parse().unwrap()),
            Audience::Literal("api://Orders/".to_owned()),
        ]
    );
}

#[test]
fn a_callers_audiences_replace_the_issuers() {
    let issuers = bearer("roles: [r]");
    assert_eq!(
        issuers.audiences,
        [Audience::Literal("api://issuers".to_owned())]
    );
    let own = bearer("roles: [r], audiences: [api://own]");
    assert_eq!(own.audiences, [Audience::Literal("api://own".to_owned())]);
}

#[test]
fn upstreams_are_taken_apart() {
    for (url, tls, host, port, base_path) in [
        ("http://calc.internal", false, "calc.internal", 80, ""),
        ("https://calc.internal/", true, "calc.internal", 443, ""),
        (
            "https://CALC.internal:8443/api/v1/",
            true,
            "calc.internal",
            8443,
            "/api/v1",
        ),
        ("http://[::1]:8080", false, "::1", 8080, ""),
    ] {
        let text = one_route("bearer: { issuer: contoso, roles: [r] }")
            .replace("http://calc.internal:8080", &format!("'{url}'"));
        let upstream = parsed(&text).routes.remove(0).upstream;
        let [endpoint] = &*upstream.endpoints else {
            panic!("{url}")
        };
        let found = (
            endpoint.tls,
            &*endpoint.host,
            endpoint.port,
            &*upstream.base_path,
        );
        assert_eq!(found, (tls, host, port, base_path), "{url}");
    }
}

#[test]
fn routes_to_graph_ignore_case_in_every_cloud_and_others_where_they_say_so() {
    for (url, said, ignores) in [
        ("https://graph.microsoft.com", "", true),
        ("https://GRAPH.microsoft.com", "", true),
        ("https://canary.graph.microsoft.com", "", true),
        ("https://graph.microsoft.us", "", true),
        ("https://dod-graph.microsoft.us", "", true),
        ("https://microsoftgraph.chinacloudapi.cn", "", true),
        ("https://graph.microsoft.com.evil.example", "", false),
        ("https://outlook.office365.com", "", false),
        ("http://calc.internal", "", false),
        ("http://calc.internal", "ignore_case: true,", true),
    ] {
        let text = one_route("bearer: { issuer: contoso, roles: [r] }")
            .replace("http://calc.internal:8080", &format!("'{url}'"))
            .replace("match: {", &format!("match: {{ {said}"));
        let route = parsed(&text).routes.remove(0);
        assert_eq!(route.ignore_case, ignores, "{url} {said}");
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let text = fs::read_to_string("config/protect-api.yaml").unwrap();
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(parsed(&windows), parsed(&text));
}

#[test]
fn json_is_yaml() {
    let text = fs::read_to_string("config/protect-api.yaml").unwrap();
    let json = as_json(&text).to_string();
    assert_eq!(parsed(&json), parsed(&text));
}

#[test]
fn ten_thousand_routes_on_one_line_load() {
    let mut json = as_json(&one_route("bearer: { issuer: contoso, roles: [r] }"));
    let route = json["routes"][0].clone();
    let routes = (0..10_000).map(|index| {
        let mut route = route.clone();
        route["id"] = Value::from(format!("route-{index}"));
        route["match"]["path"] = Value::from(format!("/routes/{index}/**"));
        route
    });
    json["routes"] = routes.collect();
    assert_eq!(parsed(&json.to_string()).routes.len(), 10_000);
}

fn bearer(conditions: &str) -> BearerConditions {
    let config = parsed(&one_route(&format!(
        "bearer: {{ issuer: contoso, {conditions} }}"
    )));
    match &config.routes[0].callers.entries()[0].credential {
        Some(Credential::Bearer(bearer)) => bearer.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pfx_in_base64_and_authorities_with_a_mark_are_what_they_were_before_they_were_saved() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let pfx = fs::read("src/entra/testdata/legacy-rc2-40.pfx").unwrap();
    write("mail.pfx", &pfx);
    write("vault.pfx", STANDARD.encode(&pfx).as_bytes());
    write("mail.pass", "korrekt häst\n".as_bytes());
    let authority = KeyPair::generate("authority").unwrap();
    let pem = authority.certificate_pem().unwrap();
    write("ca.pem", &pem);
    write("marked.pem", &[b"\xef\xbb\xbf", &pem[..]].concat());
    let loaded = |pfx: &str, ca: &str| {
        let text = format!(
            "version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0 }} }}
fetch: {{ ca_file: {ca} }}
identities:
  mail:
    entra: {{ tenant: 019486DD-8ffb-45a9-9232-4132babb1324, client_id: 06b2a484-141c-42d3-9d73-32bec5910b06 }}
    credentials:
      - certificate: {{ file: {pfx}, passphrase: {{ file: mail.pass }} }}
routes: []
"
        );
        Config::parse(&text, "saved.yaml", folder.path()).unwrap_or_else(|why| panic!("{why}"))
    };
    let (raw, saved) = (
        loaded("mail.pfx", "ca.pem"),
        loaded("vault.pfx", "marked.pem"),
    );
    assert!(HttpClient::new(&saved.fetch).is_ok());
    assert_eq!(raw, saved);
}
