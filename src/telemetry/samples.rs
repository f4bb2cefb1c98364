//! How are keys, tokens and upstreams at the moment of a scrape? They keep their own figures; a scrape
//! copies them, so that nothing has to be kept in step.

use std::time::Duration;

use prometheus::{GaugeVec, Registry};

use super::BucketFigures;
use super::names::{self, counter, gauge, opts, register};
use crate::clock::UnixTime;

/// What the conditions of an endpoint are called, in the label `condition` too.
pub const CONDITIONS: [&str; 3] = ["well", "resting", "unwell"];

/// Of endpoints, and of upstreams with a limit or a certificate, so many have series: the first of the file.
const MOST_SERIES: usize = 200;

/// Everything that is copied for a scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    pub key_sets: Vec<KeySetSample>,
    pub tokens: Vec<TokenSample>,
    pub user_tokens: Vec<UserTokenSample>,
    pub endpoints: Vec<EndpointSample>,
    pub circuits: Vec<CircuitSample>,
    pub upstream_certificates: Vec<UpstreamCertificateSample>,
    pub stores: Vec<StoreSample>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetSample {
    pub issuer: String,
    pub keys: usize,
    pub fetched_at: Option<UnixTime>,
    /// How long the last fetch took.
    pub took: Option<Duration>,
    pub fetches: u64,
    pub failures: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSample {
    pub identity: String,
    pub scope: String,
    pub expires_at: Option<UnixTime>,
    /// When the identity's certificate ends.
    pub certificate: Option<UnixTime>,
    /// Those of the identity, in order.
    pub credentials: Vec<CredentialSample>,
    pub acquired_at: Option<UnixTime>,
    /// How long the last attempt took.
    pub took: Option<Duration>,
    pub fetches: u64,
    /// Found in the store instead.
    pub remembered: u64,
    pub failures: u64,
}

/// One of the credentials of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSample {
    /// Its place in the file, from 1.
    pub number: usize,
    pub kind: &'static str,
    pub is_in_use: bool,
    pub is_refused: bool,
    pub ends_at: Option<UnixTime>,
}

/// The tokens to act for users by that one identity has for one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTokenSample {
    pub identity: String,
    pub scope: String,
    pub kept: usize,
    pub bytes: u64,
    pub found: u64,
    pub exchanged: u64,
    /// For what Entra wants of the user.
    pub refused: u64,
    /// For what every user would meet.
    pub failed: u64,
    pub forgotten: u64,
}

/// One of the places that upstreams' requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSample {
    /// Scheme, host and port.
    pub endpoint: String,
    /// One of [`CONDITIONS`]; `None` where nobody judges it: it is the only one of its upstream, and
    /// not checked.
    pub condition: Option<&'static str>,
    /// Requests that are there now; `None` where they are not counted: it is the only one.
    pub requests: Option<usize>,
    /// That its name has now, 0 while it is not resolved; `None` where it is no name.
    pub addresses: Option<usize>,
}

/// An upstream that takes so many requests at a time and no more, as one of its routes sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitSample {
    pub route: String,
    /// That are with it now.
    pub requests: usize,
    /// That may be.
    pub limit: usize,
}

/// The certificate that a route's upstream is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamCertificateSample {
    pub route: String,
    pub ends_at: UnixTime,
}

/// A place where tokens are kept beside memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSample {
    pub store: &'static str,
    pub is_well: bool,
    /// What was done there, and how often.
    pub counts: Vec<(&'static str, u64)>,
}

pub(super) fn key_sets(registry: &Registry, samples: &[KeySetSample], now: UnixTime) {
    let keys = gauge(registry, names::KEY_SET_KEYS, &["issuer"]);
    let age = gauge(registry, names::KEY_SET_AGE, &["issuer"]);
    let fetches = counter(registry, names::KEY_SET_FETCHES, &["issuer", "outcome"]);
    let took = seconds(registry, names::KEY_SET_FETCH_DURATION, &["issuer"]);
    for sample in samples {
        let issuer = sample.issuer.as_str();
        keys.with_label_values(&[issuer]).set(whole(sample.keys));
        if let Some(fetched_at) = sample.fetched_at {
            age.with_label_values(&[issuer])
                .set(age_of(fetched_at, now));
        }
        if let Some(last) = sample.took {
            took.with_label_values(&[issuer]).set(last.as_secs_f64());
        }
        for (outcome, count) in [("success", sample.fetches), ("failure", sample.failures)] {
            fetches.with_label_values(&[issuer, outcome]).inc_by(count);
        }
    }
}

pub(super) fn tokens(registry: &Registry, samples: &[TokenSample], now: UnixTime) {
    let labels = &["identity", "scope"];
    let age = gauge(registry, names::TOKEN_AGE, labels);
    let expiry = gauge(registry, names::TOKEN_EXPIRY, labels);
    let certificate = gauge(registry, names::CERTIFICATE_EXPIRY, &["identity"]);
    let fetches = counter(registry, names::TOKEN_FETCHES, &["identity", "outcome"]);
    let remembered = counter(registry, names::TOKENS_REMEMBERED, &["identity"]);
    let took = seconds(registry, names::TOKEN_FETCH_DURATION, labels);
    for sample in samples {
        let identity = sample.identity.as_str();
        let both = &[identity, sample.scope.as_str()];
        if let Some(acquired_at) = sample.acquired_at {
            age.with_label_values(both).set(age_of(acquired_at, now));
        }
        if let Some(expires_at) = sample.expires_at {
            expiry
                .with_label_values(both)
                .set(seconds_between(now, expires_at));
        }
        if let Some(last) = sample.took {
            took.with_label_values(both).set(last.as_secs_f64());
        }
        remembered
            .with_label_values(&[identity])
            .inc_by(sample.remembered);
        if let Some(end) = sample.certificate {
            certificate
                .with_label_values(&[identity])
                .set(seconds_between(now, end));
        }
        for (outcome, count) in [("success", sample.fetches), ("failure", sample.failures)] {
            fetches
                .with_label_values(&[identity, outcome])
                .inc_by(count);
        }
    }
}

pub(super) fn credentials(registry: &Registry, samples: &[TokenSample], now: UnixTime) {
    let labels = &["identity", "number", "kind"];
    let expiry = gauge(registry, names::CREDENTIAL_EXPIRY, labels);
    let in_use = gauge(registry, names::CREDENTIAL_IN_USE, labels);
    let refused = gauge(registry, names::CREDENTIAL_REFUSED, labels);
    // Those of one identity are the same for each of its scopes.
    for sample in samples {
        for credential in &sample.credentials {
            let number = credential.number.to_string();
            let its = &[sample.identity.as_str(), number.as_str(), credential.kind];
            in_use
                .with_label_values(its)
                .set(credential.is_in_use.into());
            refused
                .with_label_values(its)
                .set(credential.is_refused.into());
            if let Some(end) = credential.ends_at {
                expiry.with_label_values(its).set(seconds_between(now, end));
            }
        }
    }
}

pub(super) fn user_tokens(registry: &Registry, samples: &[UserTokenSample]) {
    let labels = &["identity", "scope"];
    let kept = gauge(registry, names::USER_TOKENS, labels);
    let bytes = gauge(registry, names::USER_TOKENS_BYTES, labels);
    let with_outcome = &["identity", "scope", "outcome"];
    let requests = counter(registry, names::USER_TOKEN_REQUESTS, with_outcome);
    let forgotten = counter(registry, names::USER_TOKENS_FORGOTTEN, labels);
    for sample in samples.iter().take(MOST_SERIES) {
        let (identity, scope) = (sample.identity.as_str(), sample.scope.as_str());
        let both = &[identity, scope];
        kept.with_label_values(both).set(whole(sample.kept));
        let held = i64::try_from(sample.bytes).unwrap_or(i64::MAX);
        bytes.with_label_values(both).set(held);
        forgotten.with_label_values(both).inc_by(sample.forgotten);
        for (outcome, count) in [
            ("found", sample.found),
            ("exchanged", sample.exchanged),
            ("refused", sample.refused),
            ("failed", sample.failed),
        ] {
            let series = requests.with_label_values(&[identity, scope, outcome]);
            series.inc_by(count);
        }
    }
}

pub(super) fn endpoints(registry: &Registry, samples: &[EndpointSample]) {
    let labels = &["endpoint"];
    let conditions = &["endpoint", "condition"];
    let condition = gauge(registry, names::ENDPOINT_CONDITION, conditions);
    let requests = gauge(registry, names::ENDPOINT_REQUESTS, labels);
    let addresses = gauge(registry, names::ENDPOINT_ADDRESSES, labels);
    for sample in samples.iter().take(MOST_SERIES) {
        let endpoint = sample.endpoint.as_str();
        if let Some(is) = sample.condition {
            for word in CONDITIONS {
                let gauge = condition.with_label_values(&[endpoint, word]);
                gauge.set((word == is).into());
            }
        }
        for (gauge, count) in [(&requests, sample.requests), (&addresses, sample.addresses)] {
            if let Some(count) = count {
                gauge.with_label_values(&[endpoint]).set(whole(count));
            }
        }
    }
}

pub(super) fn circuits(registry: &Registry, samples: &[CircuitSample]) {
    let requests = gauge(registry, names::UPSTREAM_REQUESTS, &["route"]);
    let limit = gauge(registry, names::UPSTREAM_REQUESTS_LIMIT, &["route"]);
    for sample in samples.iter().take(MOST_SERIES) {
        let route = &[sample.route.as_str()];
        requests
            .with_label_values(route)
            .set(whole(sample.requests));
        limit.with_label_values(route).set(whole(sample.limit));
    }
}

pub(super) fn buckets(registry: &Registry, figures: BucketFigures) {
    let kept = gauge(registry, names::LIMIT_BUCKETS, &[]);
    kept.with_label_values::<&str>(&[]).set(whole(figures.kept));
    let forgotten = counter(registry, names::LIMIT_BUCKETS_FORGOTTEN, &[]);
    forgotten
        .with_label_values::<&str>(&[])
        .inc_by(figures.forgotten);
    let told = counter(registry, names::LIMIT_BUCKETS_TOLD, &["outcome"]);
    for (outcome, count) in [("told", figures.told), ("untold", figures.untold)] {
        told.with_label_values(&[outcome]).inc_by(count);
    }
}

pub(super) fn stores(registry: &Registry, samples: &[StoreSample]) {
    let well = gauge(registry, names::STATE_WELL, &["store"]);
    let operations = counter(registry, names::STATE_OPERATIONS, &["store", "outcome"]);
    for sample in samples {
        let place = sample.store;
        well.with_label_values(&[place]).set(sample.is_well.into());
        for (outcome, count) in &sample.counts {
            operations
                .with_label_values(&[place, outcome])
                .inc_by(*count);
        }
    }
}

pub(super) fn upstream_certificates(
    registry: &Registry,
    samples: &[UpstreamCertificateSample],
    now: UnixTime,
) {
    let expiry = gauge(registry, names::UPSTREAM_CERTIFICATE_EXPIRY, &["route"]);
    for sample in samples.iter().take(MOST_SERIES) {
        let left = seconds_between(now, sample.ends_at);
        expiry.with_label_values(&[&sample.route]).set(left);
    }
}

pub(super) fn listener_certificates<'l>(
    registry: &Registry,
    ends: impl Iterator<Item = (&'l str, UnixTime)>,
    now: UnixTime,
) {
    let labels = &["listener"];
    let expiry = gauge(registry, names::LISTENER_CERTIFICATE_EXPIRY, labels);
    for (listener, end) in ends {
        let left = seconds_between(now, end);
        expiry.with_label_values(&[listener]).set(left);
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(registry: &Registry, name: (&str, &str, &str), labels: &[&str]) -> GaugeVec {
    register(registry, GaugeVec::new(opts(name), labels))
}

/// A clock that was set back makes nothing younger than new.
fn age_of(then: UnixTime, now: UnixTime) -> i64 {
    seconds_between(then, now).max(0)
}

/// Negative where `to` lies before `from`.
fn seconds_between(from: UnixTime, to: UnixTime) -> i64 {
    let (ahead, behind) = (from.until(to).as_secs(), to.until(from).as_secs());
    let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    signed(ahead) - signed(behind)
}

#[cfg(test)]
#[path = "samples_tests.rs"]
pub(super) mod tests;
