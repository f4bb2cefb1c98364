use std::time::Duration;

use super::*;
use crate::telemetry::Metrics;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// Something of everything that is copied.
pub(in super::super) fn one_of_each() -> Samples {
    Samples {
        key_sets: vec![key_set("contoso", 1, Some(1))],
        tokens: vec![token("mail", "s", 1)],
        user_tokens: vec![UserTokenSample {
            identity: "api".to_owned(),
            scope: "s".to_owned(),
            kept: 1,
            bytes: 2,
            found: 3,
            exchanged: 4,
            refused: 5,
            failed: 6,
            forgotten: 7,
        }],
        endpoints: vec![endpoint("http://a", Some("well"))],
        stores: vec![StoreSample {
            store: "redis",
            is_well: true,
            counts: vec![("found", 3)],
        }],
        circuits: vec![CircuitSample {
            route: "calc".to_owned(),
            requests: 7,
            limit: 10,
        }],
        upstream_certificates: vec![UpstreamCertificateSample {
            route: "calc".to_owned(),
            ends_at: UnixTime::from_seconds(1),
        }],
    }
}

fn key_set(issuer: &str, keys: usize, fetched_at: Option<u64>) -> KeySetSample {
    KeySetSample {
        issuer: issuer.into(),
        keys,
        fetched_at: fetched_at.map(UnixTime::from_seconds),
        took: Some(Duration::from_millis(250)),
        fetches: 3,
        failures: 1,
    }
}

fn token(identity: &str, scope: &str, expires_at: u64) -> TokenSample {
    TokenSample {
        identity: identity.into(),
        scope: scope.into(),
        expires_at: Some(UnixTime::from_seconds(expires_at)),
        certificate: Some(UnixTime::from_seconds(expires_at + 86_400)),
        credentials: vec![CredentialSample {
            number: 1,
            kind: "secret",
            is_in_use: true,
            is_refused: false,
            ends_at: Some(UnixTime::from_seconds(expires_at + 86_400)),
        }],
        acquired_at: Some(NOW.minus(Duration::from_secs(60))),
        took: Some(Duration::from_millis(125)),
        fetches: 2,
        remembered: 1,
        failures: 5,
    }
}

fn endpoint(origin: &str, condition: Option<&'static str>) -> EndpointSample {
    EndpointSample {
        endpoint: origin.to_owned(),
        condition,
        requests: condition.map(|_| 3),
        addresses: condition.map(|_| 0),
    }
}

fn page(samples: Samples) -> String {
    Metrics::new().render(&samples, NOW)
}

#[track_caller]
fn shows(page: &str, series: &str, value: f64) {
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    let shown: f64 = line
        .unwrap_or_else(|| panic!("{series}: {page}"))
        .trim()
        .parse()
        .unwrap();
    assert_eq!(shown, value, "{series}");
}

#[test]
fn key_sets_and_tokens_are_shown_as_they_are_at_the_scrape() {
    let ten_ago = NOW.seconds() - 10;
    let key_sets = vec![
        key_set("contoso", 5, Some(ten_ago)),
        key_set("absent", 0, None),
        key_set("ahead", 1, Some(NOW.seconds() + 1)),
    ];
    let tokens = vec![
        token(
            "mail",
            "https://graph.example/.default",
            NOW.seconds() + 300,
        ),
        token("mail", "https://other.example/.default", NOW.seconds() - 30),
    ];
    let page = page(Samples {
        key_sets,
        tokens,
        ..Samples::default()
    });
    for (series, value) in [
        ("bearergate_key_set_keys{issuer=\"contoso\"}", 5.0),
        ("bearergate_key_set_keys{issuer=\"absent\"}", 0.0),
        ("bearergate_key_set_age_seconds{issuer=\"contoso\"}", 10.0),
        ("bearergate_key_set_age_seconds{issuer=\"ahead\"}", 0.0),
        (
            "bearergate_key_set_fetches_total{issuer=\"contoso\",outcome=\"success\"}",
            3.0,
        ),
        (
            "bearergate_key_set_fetches_total{issuer=\"absent\",outcome=\"failure\"}",
            1.0,
        ),
        (
            "bearergate_token_fetches_total{identity=\"mail\",outcome=\"success\"}",
            4.0,
        ),
        (
            "bearergate_token_fetches_total{identity=\"mail\",outcome=\"failure\"}",
            10.0,
        ),
        (
            "bearergate_token_expiry_seconds{identity=\"mail\",scope=\"https://graph.example/.default\"}",
            300.0,
        ),
        (
            "bearergate_token_expiry_seconds{identity=\"mail\",scope=\"https://other.example/.default\"}",
            -30.0,
        ),
        (
            "bearergate_token_age_seconds{identity=\"mail\",scope=\"https://graph.example/.default\"}",
            60.0,
        ),
    ] {
        shows(&page, series, value);
    }
    let never = "bearergate_key_set_age_seconds{issuer=\"absent\"}";
    assert!(!page.contains(never));
}

#[test]
fn a_name_from_the_file_cannot_forge_a_line() {
    let page = page(Samples {
        key_sets: vec![key_set("a\"} 1\nforged 2", 1, None)],
        ..Samples::default()
    });
    assert!(
        !page.lines().any(|line| line.starts_with("forged")),
        "{page}"
    );
}

#[test]
fn an_endpoint_is_in_one_condition_and_what_nobody_judges_in_none() {
    let page = page(Samples {
        endpoints: vec![
            endpoint("http://a", Some("resting")),
            endpoint("http://b", None),
        ],
        ..one_of_each()
    });
    for (condition, value) in [("well", 0.0), ("resting", 1.0), ("unwell", 0.0)] {
        let labels = format!("{{condition=\"{condition}\",endpoint=\"http://a\"}}");
        shows(
            &page,
            &format!("bearergate_endpoint_condition{labels}"),
            value,
        );
    }
    shows(
        &page,
        "bearergate_endpoint_requests{endpoint=\"http://a\"}",
        3.0,
    );
    shows(
        &page,
        "bearergate_endpoint_addresses{endpoint=\"http://a\"}",
        0.0,
    );
    assert!(!page.contains("http://b"), "{page}");
    shows(&page, "bearergate_upstream_requests{route=\"calc\"}", 7.0);
    shows(
        &page,
        "bearergate_upstream_requests_limit{route=\"calc\"}",
        10.0,
    );
}

#[test]
fn no_more_endpoints_have_series_than_may_have() {
    let endpoints =
        (0..MOST_SERIES + 7).map(|place| endpoint(&format!("http://a-{place}"), Some("well")));
    let page = page(Samples {
        endpoints: endpoints.collect(),
        ..Samples::default()
    });
    let series = page
        .lines()
        .filter(|line| line.starts_with("bearergate_endpoint_requests{"));
    assert_eq!(series.count(), MOST_SERIES);
}
