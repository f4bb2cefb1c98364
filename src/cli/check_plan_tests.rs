//! The plan, word for word.

use std::path::Path;

use super::plan;
use crate::config::Config;

const FILE: &str = r#"
version: 1
listeners: { apis: { address: 127.0.0.1:0 } }
issuers: { contoso: { entra: { tenant: 019486dd-8ffb-45a9-9232-4132babb1324 } } }
routes:
  - id: calc
    listener: apis
    match: { path: /calc/v1/**, methods: [GET, POST], host: "*.contoso.example" }
    callers:
      - bearer:
          issuer: contoso
          audiences: [06B2A484-141c-42d3-9d73-32bec5910b06]
          azp: [f1f695cb-2d00-4c0f-84a5-437282f3f3fd, 0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11]
          roles: [invokeRole]
      - bearer: { issuer: contoso, audiences: [api://calc], scp: [Calc.Read, Calc.Write] }
        network: [10.0.0.0/8, "fd00::/8"]
      - network: [192.0.2.0/24]
        alone: true
    upstream: { urls: ["https://[::1]:8443/api/", "https://[::2]:8443/api"], limits: { requests: 50 }, retries: {} }
    caller_headers: { X-Client-Id: azp, X-Roles: roles }
"#;

#[test]
fn the_plan_reads_like_the_sentence() {
    let config = Config::parse(FILE, "plan.yaml", Path::new("")).unwrap();
    let printed = plan(&config, None);
    let expected = r#"
┌─────────────────┬────────────────────────────────────────────────────┐
│ listeners       ┆ apis 127.0.0.1:0                                   │
│                 ┆   trusts no proxy                                  │
│ admin           ┆ none: no probes, no metrics                        │
├╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤
│ calc            ┆ GET, POST /calc/v1/** at *.contoso.example on apis │
│ who may come in ┆ an app of contoso                                  │
│                 ┆ for 06b2a484-141c-42d3-9d73-32bec5910b06           │
│                 ┆ azp f1f695cb-2d00-4c0f-84a5-437282f3f3fd           │
│                 ┆  or 0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11           │
│                 ┆ role invokeRole                                    │
│                 ┆ or                                                 │
│                 ┆ a user of contoso                                  │
│                 ┆ for api://calc                                     │
│                 ┆ scope Calc.Read or Calc.Write                      │
│                 ┆ from 10.0.0.0/8 or fd00::/8                        │
│                 ┆ or                                                 │
│                 ┆ anyone                                             │
│                 ┆ from 192.0.2.0/24                                  │
│ where it goes   ┆ https://[::1]:8443/api                             │
│                 ┆ or https://[::2]:8443/api                          │
│                 ┆ 50 requests at a time, repeated once at most       │
│ whose token     ┆ nobody's                                           │
│ what it is told ┆ x-client-id: azp                                   │
│                 ┆ x-roles: roles                                     │
└─────────────────┴────────────────────────────────────────────────────┘
"#;
    assert_eq!(format!("\n{printed}\n"), expected);
    assert!(
        printed.lines().all(|line| line.chars().count() <= 80),
        "{printed}"
    );
    assert!(
        !printed.contains('\u{1b}'),
        "colours are not the table's business"
    );
}

#[test]
fn a_broader_route_says_which_narrower_ones_it_yields_to() {
    let routes = r#"
version: 1
listeners: { legacy: { address: 127.0.0.1:0 } }
routes:
  - id: all
    listener: legacy
    match: { path: /api/** }
    callers: public
    upstream: { url: "http://127.0.0.1:1" }
  - id: inside
    listener: legacy
    match: { path: /api/inside/** }
    callers: [network: [10.0.0.0/8]]
    upstream: { url: "http://127.0.0.1:1" }
  - id: open
    listener: legacy
    match: { path: "/api/{open}" }
    callers: public
    upstream: { url: "http://127.0.0.1:1" }
"#;
    let config = Config::parse(routes, "plan.yaml", Path::new("")).unwrap();
    let printed = plan(&config, None);
    let lines: Vec<_> = printed
        .lines()
        .filter(|line| line.contains("yields to"))
        .collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(
        lines.iter().all(|line| line.contains(" inside ")),
        "{printed}"
    );
}

#[test]
fn what_a_route_lets_pass_of_a_path_is_said() {
    const FILE: &str = r#"
version: 1
listeners: { apis: { address: 127.0.0.1:0 } }
routes:
  - id: blobs
    listener: apis
    match: { path: /a/**, encoded_slashes: true, empty_segments: true, path_parameters: [v] }
    callers: public
    upstream: { url: "http://127.0.0.1:8080" }
"#;
    let config = Config::parse(FILE, "plan.yaml", Path::new("")).unwrap();
    let printed = plan(&config, None);
    let said = "any method /a/**, with %2F and // and ;v in it, on apis";
    assert!(printed.contains(said), "{printed}");
}

#[test]
fn what_a_listener_speaks_is_shown_where_it_is_more_or_less_than_http_1() {
    for (protocols, shown) in [
        ("[http1, h2c]", Some("speaks http1, h2c")),
        ("[h2c]", Some("speaks h2c")),
        ("[http1]", None),
    ] {
        let listener = format!("127.0.0.1:0, protocols: {protocols} }}");
        let file = FILE.replace("127.0.0.1:0 }", &listener);
        let config = Config::parse(&file, "plan.yaml", Path::new("")).unwrap();
        let printed = plan(&config, None);
        match shown {
            Some(shown) => assert!(printed.contains(shown), "{printed}"),
            None => assert!(!printed.contains("speaks"), "{printed}"),
        }
    }
}

#[test]
fn how_an_upstream_is_reached_and_what_it_is_shown_is_said() {
    const FILE: &str = r#"
version: 1
listeners: { apis: { address: 127.0.0.1:0 } }
issuers: { contoso: { entra: { tenant: 019486dd-8ffb-45a9-9232-4132babb1324 } } }
routes:
  - id: beside
    listener: apis
    match: { path: /a/** }
    callers: public
    upstream: { url: "http://localhost/base", socket: /run/api.sock, strip_prefix: /a }
  - id: bank
    listener: apis
    match: { path: /b/** }
    callers: [bearer: { issuer: contoso, audiences: [api://b], roles: [r] }]
    end_with_token: true
    upstream:
      urls: [https://b.example, https://c.example]
      client_certificate: { certificate: gateway.pem, key: gateway.key.pem }
      minimum_tls: 1.3
"#;
    let config = Config::parse(FILE, "plan.yaml", Path::new("tests/fixtures/config")).unwrap();
    let printed = plan(&config, None);
    for said in [
        "http://localhost/base at the socket /run/api.sock, less /a ",
        "or https://c.example ",
        "TLS 1.3 or newer, it is shown the certificate of gateway ",
        "until the caller's token ends ",
    ] {
        assert!(printed.contains(said), "{said}\n{printed}");
    }
}
