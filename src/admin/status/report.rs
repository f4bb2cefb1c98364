//! How is the gateway? Everything that the status page shows and `/status.json` says, as plain values:
//! nobody's token or secret is among them, for none is in what they are made of.

use std::sync::Arc;
use std::time::Instant;

use serde::{Serialize, Serializer};

use super::attention::{Attention, attention};
use super::stores::StoreReport;
use super::users::UserTokensReport;
use super::ways::{RouteReport, UpstreamReport};
use super::{refused, stores, users, ways};
use crate::admin::Admin;
use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::outbound::{AppTokens, CredentialStatus};
use crate::reason::Reason;
use crate::telemetry::ProcessFigures;

/// Which shape this is. What is added to it changes no number; what is taken away does.
const SCHEMA: u32 = 1;

/// Routes and endpoints that are shown, those that are in trouble first.
pub(super) const MOST: usize = 500;
/// Bytes of an error that are shown.
const LONGEST_ERROR: usize = 4096;

/// A time as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(pub(super) UnixTime);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

#[derive(Debug, Serialize)]
pub(in crate::admin) struct Report {
    schema: u32,
    pub(super) version: &'static str,
    pub(super) now: At,
    pub(super) started_at: At,
    /// As `/readyz` has it.
    pub(super) state: &'static str,
    pub(super) attention: Vec<Attention>,
    pub(super) configuration: ConfigurationReport,
    pub(super) process: ProcessReport,
    pub(super) listeners: Vec<ListenerReport>,
    pub(super) issuers: Vec<IssuerReport>,
    pub(super) identities: Vec<IdentityReport>,
    pub(super) user_tokens: Vec<UserTokensReport>,
    pub(super) stores: Vec<StoreReport>,
    pub(super) routes: Vec<RouteReport>,
    pub(super) routes_left_out: usize,
    pub(super) upstreams: Vec<UpstreamReport>,
    pub(super) upstreams_left_out: usize,
    pub(super) refusals: refused::Refusals,
}

#[derive(Debug, Serialize)]
pub(super) struct ConfigurationReport {
    /// `current` or `refused`.
    pub(super) state: &'static str,
    pub(super) generation: u64,
    pub(super) taken_over_at: At,
    pub(super) read_at: At,
    /// What is wrong with the one that was read last, where something is.
    pub(super) problem: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ProcessReport {
    pub(super) requests_in_flight: u64,
    pub(super) panics: u64,
    pub(super) access_lines_dropped: u64,
    pub(super) process_lines_dropped: u64,
    /// Callers, addresses and routes that limits count, and those forgotten for want of room.
    pub(super) limit_buckets: usize,
    pub(super) limit_buckets_forgotten: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ListenerReport {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) protocols: String,
    pub(super) tls: bool,
    pub(super) connections: u64,
    pub(super) connections_limit: usize,
    pub(super) accepted: u64,
    pub(super) refused: Vec<CauseCount>,
    pub(super) certificate_ends_at: Option<At>,
}

#[derive(Debug, Serialize)]
pub(super) struct CauseCount {
    pub(super) cause: &'static str,
    pub(super) count: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct IssuerReport {
    pub(super) name: String,
    /// Some route's callers bring its tokens.
    pub(super) needed: bool,
    pub(super) keys: usize,
    pub(super) keys_url: String,
    pub(super) fetched_at: Option<At>,
    pub(super) next_fetch_at: Option<At>,
    pub(super) fetches: u64,
    pub(super) failures: u64,
    pub(super) last_error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct IdentityReport {
    pub(super) name: String,
    pub(super) scope: String,
    /// `token_held`, `token_expired`, `no_token`.
    pub(super) state: &'static str,
    pub(super) acquired_at: Option<At>,
    pub(super) expires_at: Option<At>,
    pub(super) next_fetch_at: Option<At>,
    pub(super) fetches: u64,
    /// How often a token was found in the store instead.
    pub(super) remembered: u64,
    pub(super) failures: u64,
    /// Of how many credentials the first that was taken, from 1, and its kind.
    pub(super) credential: Option<CredentialReport>,
    pub(super) certificate_ends_at: Option<At>,
    pub(super) credentials: Vec<CredentialStanding>,
    /// The reason that callers are told, where the last attempt failed.
    pub(super) reason: Option<&'static str>,
    /// What the token endpoint said, and what is to be done.
    pub(super) last_error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct CredentialReport {
    pub(super) number: usize,
    pub(super) of: usize,
    pub(super) kind: &'static str,
    /// Why the one before it was refused.
    pub(super) passed_over: Option<String>,
}

/// How one of an identity's credentials is, whichever is in use.
#[derive(Debug, Serialize)]
pub(super) struct CredentialStanding {
    pub(super) number: usize,
    pub(super) kind: &'static str,
    pub(super) in_use: bool,
    pub(super) ends_at: Option<At>,
    /// Since when it is not accepted, where it was tried last in vain.
    pub(super) refused_since: Option<At>,
    /// Why, with what is to be done.
    pub(super) refused_because: Option<String>,
    /// Until then the others are tried first.
    pub(super) again_at: Option<At>,
}

impl Report {
    pub(in crate::admin) fn of(admin: &Admin, now: UnixTime) -> Self {
        let plan = admin.plan.load();
        let ready = admin.readiness.report(&plan, now);
        let needed = |name: &str| ready.issuers.iter().any(|it| it.name == name && it.needed);
        let (routes, routes_left_out) = ways::routes(&plan, &admin.observed.rates, Instant::now());
        let (upstreams, upstreams_left_out) = ways::upstreams(&plan);
        let mut report = Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            now: At(now),
            started_at: At(admin.readiness.started()),
            state: ready.state,
            attention: Vec::new(),
            configuration: configuration(admin),
            process: process(&plan, admin.metrics.process()),
            listeners: listeners(admin, &plan),
            issuers: issuers(&plan, needed),
            identities: plan.tokens.iter().map(|it| identity(it, now)).collect(),
            user_tokens: users::user_tokens(&plan, now),
            stores: stores::stores(&plan),
            routes,
            routes_left_out,
            upstreams,
            upstreams_left_out,
            refusals: refused::Refusals::of(&admin.observed.refusals),
        };
        report
            .issuers
            .sort_by(|one, other| one.name.cmp(&other.name));
        let named = |it: &IdentityReport| (it.name.clone(), it.scope.clone());
        report.identities.sort_by_key(named);
        report.attention = attention(&report);
        report
    }
}

fn configuration(admin: &Admin) -> ConfigurationReport {
    let configuration = admin.readiness.configuration();
    let refusal = configuration.refusal;
    ConfigurationReport {
        state: if refusal.is_some() {
            "refused"
        } else {
            "current"
        },
        generation: configuration.generation,
        taken_over_at: At(configuration.taken_over_at),
        read_at: At(configuration.read_at),
        problem: refusal.map(|(_, why)| cut(&why)),
    }
}

fn process(plan: &Plan, figures: ProcessFigures) -> ProcessReport {
    let buckets = plan.limits.buckets.sample();
    ProcessReport {
        requests_in_flight: figures.in_flight,
        panics: figures.panics,
        access_lines_dropped: figures.access_lines_dropped,
        process_lines_dropped: figures.process_lines_dropped,
        limit_buckets: buckets.kept,
        limit_buckets_forgotten: buckets.forgotten,
    }
}

fn listeners(admin: &Admin, plan: &Plan) -> Vec<ListenerReport> {
    let report = |definition: &Arc<crate::edge::ListenerDefinition>| {
        let name = &definition.name;
        let figures = admin.metrics.listener(name);
        let bound = admin
            .observed
            .listeners
            .iter()
            .find(|(known, _)| known == name);
        let written = || definition.address.to_string();
        let refused = figures.refused.into_iter();
        ListenerReport {
            name: name.to_string(),
            address: bound.map_or_else(written, |(_, address)| address.clone()),
            protocols: definition.protocols.to_string(),
            tls: definition.tls.is_some(),
            connections: figures.open,
            connections_limit: definition.limits.connections,
            accepted: figures.accepted,
            refused: refused
                .map(|(cause, count)| CauseCount { cause, count })
                .collect(),
            certificate_ends_at: figures.certificate.map(At),
        }
    };
    plan.listeners.iter().map(report).collect()
}

fn issuers(plan: &Plan, needed: impl Fn(&str) -> bool) -> Vec<IssuerReport> {
    let issuers = plan.issuers.iter().map(|(name, issuer)| {
        let status = issuer.status();
        IssuerReport {
            name: name.to_string(),
            needed: needed(name),
            keys: status.keys,
            keys_url: issuer.definition().kind.keys_url(),
            fetched_at: status.fetch.fetched_at.map(At),
            next_fetch_at: status.fetch.next_at.map(At),
            fetches: status.fetch.fetches,
            failures: status.fetch.failures,
            last_error: status.fetch.last_error.as_deref().map(cut),
        }
    });
    issuers.collect()
}

fn identity(tokens: &Arc<AppTokens>, now: UnixTime) -> IdentityReport {
    let status = tokens.status();
    let by = status.by.map(|by| CredentialReport {
        number: by.place + 1,
        // A managed identity is proof of itself.
        of: status.credentials.len().max(1),
        kind: by.kind,
        passed_over: by.passed_over.as_deref().map(cut),
    });
    IdentityReport {
        name: tokens.identity().to_string(),
        scope: tokens.scope().to_owned(),
        state: match status.expires_at {
            None => "no_token",
            Some(end) if end <= now => "token_expired",
            Some(_) => "token_held",
        },
        acquired_at: status.acquired_at.map(At),
        expires_at: status.expires_at.map(At),
        next_fetch_at: status.fetch.next_at.map(At),
        fetches: status.fetch.fetches - status.remembered,
        remembered: status.remembered,
        failures: status.fetch.failures,
        credential: by,
        certificate_ends_at: status.certificate.map(At),
        credentials: status.credentials.iter().map(standing).collect(),
        reason: status.failure.map(Reason::word),
        last_error: status.fetch.last_error.as_deref().map(cut),
    }
}

fn standing(status: &CredentialStatus) -> CredentialStanding {
    let refused = status.refused.as_ref();
    CredentialStanding {
        number: status.number,
        kind: status.kind,
        in_use: status.is_in_use,
        ends_at: status.ends_at.map(At),
        refused_since: refused.map(|it| At(it.since)),
        refused_because: refused.map(|it| cut(&it.why)),
        again_at: refused.map(|it| At(it.again_at)),
    }
}

/// What is longer says no more.
pub(super) fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_ERROR);
    match end < text.len() {
        true => format!("{} …", &text[..end]),
        false => text.to_owned(),
    }
}
