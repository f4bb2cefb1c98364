//! The configuration as its users meet it: every refusal word for word, what a valid file comes to,
//! and the samples, which must load and hide no key.

mod meaning;
mod reference;
mod refusals;
mod samples;
mod schema;

use std::path::Path;

use bearergate::config::Config;
use serde_json::Value;

/// Relative, so that the texts hold no path of this machine.
pub(crate) const FIXTURES: &str = "tests/fixtures/config";
/// Set to write what is printed instead of comparing with it.
pub(crate) const BLESS: &str = "BEARERGATE_BLESS";

pub(crate) fn one_route(entry: &str) -> String {
    format!(
        "version: 1
listeners: {{ apis: {{ address: 127.0.0.1:0 }} }}
issuers:
  contoso:
    entra: {{ tenant: 019486DD-8ffb-45a9-9232-4132babb1324 }}
    audiences: [api://issuers]
routes:
  - id: calc
    listener: apis
    match: {{ path: /calc/** }}
    callers:
      - {entry}
    upstream: {{ url: http://calc.internal:8080 }}
"
    )
}

pub(crate) fn parsed(text: &str) -> Config {
    Config::parse(text, "test.yaml", Path::new(FIXTURES)).unwrap_or_else(|why| panic!("{why}"))
}

pub(crate) fn as_json(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}
