//! How are the parts of a plan now? Copied out of it in plain words and numbers, for whoever shows them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::outbound::{CredentialStatus, Endpoint};
use crate::telemetry::{
    CONDITIONS, CircuitSample, CredentialSample, EndpointSample, KeySetSample, Samples,
    StoreSample, TokenSample, UpstreamCertificateSample, UserTokenSample,
};

pub(super) fn of(plan: &Plan) -> Samples {
    Samples {
        key_sets: key_sets(plan),
        tokens: tokens(plan),
        user_tokens: user_tokens(plan),
        endpoints: endpoints(plan),
        circuits: circuits(plan),
        upstream_certificates: upstream_certificates(plan),
        stores: stores(plan),
    }
}

fn key_sets(plan: &Plan) -> Vec<KeySetSample> {
    let issuers = plan.issuers.iter().map(|(name, issuer)| {
        let status = issuer.status();
        KeySetSample {
            issuer: name.to_string(),
            keys: status.keys,
            fetched_at: status.fetch.fetched_at,
            took: status.fetch.took,
            fetches: status.fetch.fetches,
            failures: status.fetch.failures,
        }
    });
    issuers.collect()
}

fn tokens(plan: &Plan) -> Vec<TokenSample> {
    let tokens = plan.tokens.iter().map(|tokens| {
        let status = tokens.status();
        TokenSample {
            identity: tokens.identity().to_string(),
            scope: tokens.scope().to_owned(),
            expires_at: status.expires_at,
            certificate: status.certificate,
            credentials: status.credentials.iter().map(credential).collect(),
            acquired_at: status.acquired_at,
            took: status.fetch.took,
            fetches: status.fetch.fetches - status.remembered,
            remembered: status.remembered,
            failures: status.fetch.failures,
        }
    });
    tokens.collect()
}

fn credential(status: &CredentialStatus) -> CredentialSample {
    CredentialSample {
        number: status.number,
        kind: status.kind,
        is_in_use: status.is_in_use,
        is_refused: status.refused.is_some(),
        ends_at: status.ends_at,
    }
}

fn user_tokens(plan: &Plan) -> Vec<UserTokenSample> {
    let now = UnixTime::now();
    let tokens = plan.user_tokens.iter().map(|tokens| {
        let status = tokens.status(now);
        UserTokenSample {
            identity: tokens.identity().to_string(),
            scope: tokens.scope().to_owned(),
            kept: status.kept,
            bytes: status.bytes,
            found: status.found,
            exchanged: status.fetches,
            refused: status.refusals,
            failed: status.failures,
            forgotten: status.forgotten,
        }
    });
    tokens.collect()
}

/// One for each origin, in the order of routes. What goes to one in several ways is told together, and is as
/// bad as the worst of them.
fn endpoints(plan: &Plan) -> Vec<EndpointSample> {
    let mut samples: Vec<EndpointSample> = Vec::new();
    let mut places = HashMap::new();
    let mut seen = HashSet::new();
    for route in plan.routes.routes() {
        let upstream = &route.upstream;
        let several = upstream.has_several();
        for endpoint in upstream.endpoints() {
            if !seen.insert((Arc::as_ptr(endpoint), several)) {
                continue;
            }
            let sample = sample(endpoint, several);
            match places.entry(sample.endpoint.clone()) {
                Entry::Vacant(place) => {
                    place.insert(samples.len());
                    samples.push(sample);
                }
                Entry::Occupied(place) => {
                    let known = &mut samples[*place.get()];
                    known.condition = worse(known.condition, sample.condition);
                    known.requests = known.requests.max(sample.requests);
                    known.addresses = known.addresses.max(sample.addresses);
                }
            }
        }
    }
    samples
}

fn sample(endpoint: &Endpoint, is_one_of_several: bool) -> EndpointSample {
    let is_checked = endpoint.definition().health.check.is_some();
    let is_judged = is_one_of_several || is_checked;
    EndpointSample {
        endpoint: endpoint.origin().to_owned(),
        condition: is_judged.then(|| endpoint.condition().word()),
        requests: is_one_of_several.then(|| endpoint.requests()),
        addresses: endpoint.resolved(),
    }
}

fn worse(one: Option<&'static str>, other: Option<&'static str>) -> Option<&'static str> {
    let badness = |word: &Option<&str>| CONDITIONS.iter().position(|it| Some(*it) == *word);
    [one, other].into_iter().max_by_key(badness).flatten()
}

/// Of each route whose upstream has a limit; those that share one show the same.
fn circuits(plan: &Plan) -> Vec<CircuitSample> {
    let routes = plan.routes.routes().iter();
    let limited = routes.filter_map(|route| {
        Some(CircuitSample {
            route: route.definition.id.to_string(),
            requests: route.upstream.requests(),
            limit: route.upstream.definition().most_requests?,
        })
    });
    limited.collect()
}

/// Each place of an upstream is shown the same.
fn upstream_certificates(plan: &Plan) -> Vec<UpstreamCertificateSample> {
    let routes = plan.routes.routes().iter();
    let shown = routes.filter_map(|route| {
        Some(UpstreamCertificateSample {
            route: route.definition.id.to_string(),
            ends_at: route.upstream.certificate_ends_at()?,
        })
    });
    shown.collect()
}

fn stores(plan: &Plan) -> Vec<StoreSample> {
    let statuses = plan.store.iter().flat_map(|store| store.statuses());
    let samples = statuses.map(|status| StoreSample {
        store: status.place.word(),
        is_well: status.failure.is_none(),
        counts: status
            .counts
            .map(|(doing, count)| (doing.word(), count))
            .to_vec(),
    });
    samples.collect()
}
