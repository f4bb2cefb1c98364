//! The samples and the reference's examples load, and `full.yaml` shows the defaults.

use std::fs;
use std::time::Duration;

use bearergate::config::Config;
use bearergate::edge::{Limits, Timeouts};
use bearergate::http_client::FetchDefinition;
use bearergate::outbound::{ClientDefinition, TokenTimes};
use bearergate::refresh::RefetchTimes;
use bearergate::telemetry::LogDefinition;
use serde_json::Value;

use crate::support::sample_files;

use super::{as_json, one_route, parsed};

#[test]
fn the_samples_load() {
    for name in ["protect-api", "graph-mail", "dev", "full"] {
        let config = sample(name);
        assert!(!config.routes.is_empty(), "{name}");
    }
}

/// A block is a part of a file: its top-level keys take the places of a whole one's.
#[test]
fn every_block_of_the_reference_loads() {
    let whole = as_json(&fs::read_to_string("config/dev.yaml").unwrap());
    let reference = fs::read_to_string("docs/config.md").unwrap();
    let blocks: Vec<_> = reference
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 9, "{} blocks", blocks.len());
    for block in blocks {
        let mut file = whole.clone();
        for (key, part) in as_json(block).as_object().unwrap() {
            match (&mut file[key], part) {
                // Routes are replaced, definitions that they refer to are added to.
                (Value::Object(old), Value::Object(new)) => old.extend(new.clone()),
                (old, new) => *old = new.clone(),
            }
        }
        for route in file["routes"].as_array_mut().unwrap() {
            let bearer = route.pointer_mut("/callers/0/bearer");
            if let Some(Value::Object(bearer)) = bearer {
                bearer
                    .entry("audiences")
                    .or_insert_with(|| vec!["api://orders"].into());
            }
        }
        with_files(&file.to_string(), block);
    }
}

#[test]
fn full_yaml_shows_the_defaults() {
    let full = sample("full");
    let bare = parsed(&one_route("bearer: { issuer: contoso, roles: [r] }"));
    // What has no default is shown with a number.
    let shown = Limits {
        requests: Limits::default().requests,
        ..full.listeners[0].limits
    };
    assert_eq!(shown, Limits::default());
    assert_eq!(full.listeners[0].timeouts, Timeouts::default());
    assert_eq!(bare.listeners[0].limits, Limits::default());
    assert_eq!(bare.listeners[0].timeouts, Timeouts::default());
    assert_eq!(
        full.listeners[0].trusted_proxies,
        bare.listeners[0].trusted_proxies
    );
    assert_eq!(bare.fetch, FetchDefinition::default());
    assert_eq!(full.fetch.timeout, bare.fetch.timeout);
    assert_eq!(bare.log, LogDefinition::default());
    assert_eq!(
        (&full.log.level, full.log.format),
        (&bare.log.level, bare.log.format)
    );
    assert_eq!(full.shutdown, bare.shutdown);
    assert_eq!(full.issuers[0].leeway, bare.issuers[0].leeway);
    assert_eq!(full.issuers[0].leeway, Duration::from_secs(60));
    assert_eq!(full.issuers[0].keys, RefetchTimes::default());
    assert_eq!(full.issuers[0].kind, bare.issuers[0].kind);
    assert_eq!(full.identities[0].tokens, TokenTimes::default());
    assert_eq!(full.identities[0].tokens, full.identities[1].tokens);
    let clients = full.identities.iter().filter_map(|it| match &it.client {
        ClientDefinition::Entra(client) => Some((client.endpoint, &client.authority)),
        ClientDefinition::ManagedIdentity(_) | ClientDefinition::OAuth2(_) => None,
    });
    let clients: Vec<_> = clients.collect();
    assert_eq!(clients[0], clients[1]);
    let (shown, default) = (
        &full.routes[0].upstream.endpoints[0],
        &bare.routes[0].upstream.endpoints[0],
    );
    assert_eq!(shown.connect_timeout, default.connect_timeout);
    assert_eq!(shown.response_timeout, default.response_timeout);
}

/// A sample as it would load where it is meant to.
fn sample(name: &str) -> Config {
    let text = fs::read_to_string(format!("config/{name}.yaml"))
        .unwrap()
        .replace("/run/secrets/", "")
        .replace("{ env: MAIL_CLIENT_SECRET }", "{ file: mail.secret }");
    with_files(&text, name)
}

/// Loads a text beside all the files that samples name, made for this test.
fn with_files(text: &str, name: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    sample_files(folder.path());
    // What must be absolute.
    let module = folder.path().join("pkcs11.so").display().to_string();
    let text = &text.replace("/etc/bearergate/pkcs11.so", &module);
    Config::parse(text, name, folder.path()).unwrap_or_else(|why| panic!("{why}"))
}
