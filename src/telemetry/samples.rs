//! How are the keys and tokens at the moment of a scrape? They keep their own figures; a scrape
//! copies them, so that nothing has to be kept in step.

use prometheus::Registry;

use super::names::{self, counter, gauge};
use crate::clock::UnixTime;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetSample {
    pub issuer: String,
    pub keys: usize,
    pub fetched_at: Option<UnixTime>,
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
    pub acquired_at: Option<UnixTime>,
    pub fetches: u64,
    pub failures: u64,
}

pub(super) fn key_sets(registry: &Registry, samples: &[KeySetSample], now: UnixTime) {
    let keys = gauge(registry, names::KEY_SET_KEYS, &["issuer"]);
    let age = gauge(registry, names::KEY_SET_AGE, &["issuer"]);
    let fetches = counter(registry, names::KEY_SET_FETCHES, &["issuer", "outcome"]);
    for sample in samples {
        let issuer = sample.issuer.as_str();
        keys.with_label_values(&[issuer])
            .set(i64::try_from(sample.keys).unwrap_or(i64::MAX));
        if let Some(fetched_at) = sample.fetched_at {
            age.with_label_values(&[issuer])
                .set(age_of(fetched_at, now));
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
