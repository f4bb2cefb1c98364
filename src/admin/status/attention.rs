//! What must somebody look at, and what is to be done? The few lines that are read before all others.

use std::time::Duration;

use serde::Serialize;

use super::pieces::{ago, ahead, span};
use super::refused::explained;
use super::report::{At, IdentityReport, IssuerReport, ListenerReport, Report};
use super::ways::RouteReport;
use super::{stores, users};
use crate::clock::UnixTime;
use crate::reason::Reason;

/// So long before its end a certificate is told of: there is still time to roll it.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Of fewer requests nothing can be said.
const FEW: u64 = 10;
/// One in so many that fails is told of; more than half are everybody's trouble.
const ONE_IN: u64 = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Attention {
    pub(super) severity: Severity,
    /// What it is about: `issuer contoso`.
    pub(super) about: String,
    pub(super) what: String,
    /// What is to be done.
    pub(super) fix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// Requests are refused that should not be.
    Critical,
    /// They will be, or may be.
    Warning,
}

use Severity::{Critical, Warning};

/// The worst first.
pub(super) fn attention(report: &Report) -> Vec<Attention> {
    let now = report.now.0;
    let issuers = report.issuers.iter().filter_map(|it| of_issuer(it, now));
    let identities = report
        .identities
        .iter()
        .filter_map(|it| of_identity(it, now));
    let certificates = report.identities.iter().filter_map(|it| {
        let fix = "make another (`bearergate certificate new`), and upload it before this one ends";
        of_certificate(
            format!("identity {}", it.name),
            it.certificate_ends_at?,
            fix,
            now,
        )
    });
    let refused = report.identities.iter().flat_map(of_credentials);
    let shown = report.listeners.iter().filter_map(|it| {
        let fix = "replace its files; they are read again by themselves";
        of_certificate(
            format!("listener {}", it.name),
            it.certificate_ends_at?,
            fix,
            now,
        )
    });
    let upstreams = report.upstreams.iter().filter(|it| it.condition != "well");
    let upstreams = upstreams.map(|it| {
        let what = match it.condition {
            "resting" => "requests to it failed in a row; it is tried again after a rest",
            _ => "its health check says that it is unwell",
        };
        told(
            Warning,
            format!("upstream {}", it.origin),
            what,
            "look at the upstream itself",
        )
    });
    let outgoing = report.upstreams.iter().filter_map(|it| {
        let fix =
            "replace the files of `upstream.client_certificate`; they are read again by themselves";
        let about = format!("upstream {}", it.origin);
        of_certificate(about, it.certificate_ends_at?, fix, now)
    });
    let mut all: Vec<_> = of_state(report).into_iter().collect();
    all.extend(of_configuration(report));
    all.extend(issuers.chain(identities).chain(refused));
    all.extend(report.routes.iter().filter_map(of_route));
    all.extend(upstreams.chain(certificates).chain(shown).chain(outgoing));
    all.extend(report.listeners.iter().filter_map(of_listener));
    let users = report.user_tokens.iter();
    all.extend(users.filter_map(|it| users::attention(it, now)));
    all.extend(report.stores.iter().filter_map(stores::attention));
    all.extend(of_process(report));
    // One identity's certificate is the same for each of its scopes.
    all.dedup();
    all.sort_by_key(|it| it.severity);
    all
}

pub(super) fn told(
    severity: Severity,
    about: impl Into<String>,
    what: impl Into<String>,
    fix: impl Into<String>,
) -> Attention {
    Attention {
        severity,
        about: about.into(),
        what: what.into(),
        fix: fix.into(),
    }
}

fn of_state(report: &Report) -> Option<Attention> {
    let (severity, what, fix) = match report.state {
        "ready" => return None,
        "starting" => (
            Critical,
            "not ready yet: an issuer's keys have not come",
            "see the issuers below",
        ),
        "draining" => (
            Warning,
            "the process ends, and takes no new connections",
            "nothing, if it was told to",
        ),
        _ => (
            Critical,
            "not ready: something that `readiness: strict` wants is missing",
            "see below",
        ),
    };
    Some(told(severity, "gateway", what, fix))
}

fn of_configuration(report: &Report) -> Option<Attention> {
    let problem = report.configuration.problem.as_ref()?;
    let what =
        format!("what was read last does not hold, and the one before it goes on:\n{problem}");
    let fix = "correct the file; it is read again by itself";
    Some(told(Warning, "configuration", what, fix))
}

fn of_issuer(issuer: &IssuerReport, now: UnixTime) -> Option<Attention> {
    let why = issuer.last_error.as_ref();
    let fix = operators(Reason::KeysUnavailable);
    let about = format!("issuer {}", issuer.name);
    match (issuer.keys, why) {
        (0, _) if issuer.needed => {
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let what = format!("no keys are held, and its tokens are answered with 503{why}");
            Some(told(Critical, about, what, fix))
        }
        (_, Some(why)) => {
            let age = issuer.fetched_at.map(|at| ago(at, now));
            let age = age.map_or_else(String::new, |age| format!(", and those of {age} go on"));
            let what = format!("its keys could not be fetched again{age}: {why}");
            Some(told(Warning, about, what, fix))
        }
        _ => None,
    }
}

fn of_identity(identity: &IdentityReport, now: UnixTime) -> Option<Attention> {
    let why = identity.last_error.as_ref()?;
    let about = format!("identity {}", identity.name);
    let reason = Reason::ALL
        .iter()
        .find(|it| Some(it.word()) == identity.reason);
    let fix = reason.map_or_else(String::new, |reason| operators(*reason));
    let again = identity.next_fetch_at.map(|at| ahead(at, now));
    let again = again.map_or_else(String::new, |again| format!(" (asked again {again})"));
    let scope = &identity.scope;
    Some(match (identity.state, identity.expires_at) {
        ("token_held", Some(end)) => {
            let what = format!(
                "its token for {scope} is not renewed, and ends {}{again}: {why}",
                ahead(end, now)
            );
            told(Warning, about, what, fix)
        }
        _ => told(
            Critical,
            about,
            format!("no token for {scope}{again}: {why}"),
            fix,
        ),
    })
}

/// Those that another one stands in for. Where none does, there is no token, which says it.
fn of_credentials(identity: &IdentityReport) -> Vec<Attention> {
    let is_served = identity.credentials.iter().any(|it| it.in_use);
    let refused = identity.credentials.iter().filter(|_| is_served);
    let refused = refused.filter_map(|it| {
        let why = it.refused_because.as_ref()?;
        let what = format!(
            "its credential {} ({}) is not accepted, and another is used: {why}",
            it.number, it.kind
        );
        let fix = "put it right, or take it out of the file, before the one in use ends too";
        Some(told(
            Warning,
            format!("identity {}", identity.name),
            what,
            fix,
        ))
    });
    refused.collect()
}

fn of_certificate(whose: String, end: At, fix: &str, now: UnixTime) -> Option<Attention> {
    let left = now.until(end.0);
    let (severity, what) = match left {
        Duration::ZERO => (Critical, format!("its certificate ended {}", ago(end, now))),
        left if left < SOON => (Warning, format!("its certificate ends {}", ahead(end, now))),
        _ => return None,
    };
    Some(told(severity, whose, what, fix))
}

fn of_route(route: &RouteReport) -> Option<Attention> {
    let (all, trouble) = (route.lately.requests, route.lately.trouble());
    if all < FEW || trouble * ONE_IN < all {
        return None;
    }
    let severity = if trouble * 2 > all { Critical } else { Warning };
    let window = span(Duration::from_secs_f64(route.window_seconds));
    let what = format!("{trouble} of {all} requests failed in the last {window}");
    let known = |word: &str| Reason::ALL.iter().find(|it| it.word() == word).copied();
    let failing = route.reasons.iter().filter(|it| it.lately > 0);
    let mut failing = failing.filter_map(|it| known(it.reason));
    let fix = match failing.find(|reason| reason.status() >= 500) {
        Some(reason) => format!("mostly `{reason}`: {}", operators(reason)),
        None => "the upstream itself answers with 5xx: look at its log".to_owned(),
    };
    Some(told(severity, format!("route {}", route.id), what, fix))
}

fn of_listener(listener: &ListenerReport) -> Option<Attention> {
    let most = listener.connections_limit as u64;
    if listener.connections * 10 < most * 9 {
        return None;
    }
    let what = format!("{} connections of {most} at most", listener.connections);
    let fix = "raise `limits.connections` and `ulimit -n`, or find who holds them";
    Some(told(
        Warning,
        format!("listener {}", listener.name),
        what,
        fix,
    ))
}

fn of_process(report: &Report) -> Vec<Attention> {
    let process = &report.process;
    let lines = process.access_lines_dropped + process.process_lines_dropped;
    let panics = (process.panics > 0).then(|| {
        let what = format!("{} requests met a bug of the gateway", process.panics);
        let fix = "please report it with the log's lines that say `panicked`";
        told(Critical, "gateway", what, fix)
    });
    let lines = (lines > 0).then(|| {
        let what = format!("{lines} lines of the log were lost: they were not taken fast enough");
        told(
            Warning,
            "log",
            what,
            "give the log a faster reader, or fewer lines (`log`)",
        )
    });
    panics.into_iter().chain(lines).collect()
}

/// What the page of errors tells an operator.
pub(super) fn operators(reason: Reason) -> String {
    explained(reason).map_or_else(String::new, |it| it.operator)
}
