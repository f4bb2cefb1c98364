//! Should traffic come here? Every issuer that a route needs has keys, or 30 s have passed and one
//! has; once ready, losing an issuer changes nothing, for its routes answer 503 by themselves. Who says
//! `readiness: strict` wants all of it, all the time: keys of every issuer, a token of every identity.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::outbound::{CredentialStatus, TokenStatus, UserTokens, UserTokensStatus};
use crate::reason::Reason;

/// How long all issuers are waited for; then one suffices.
const WAIT_FOR_ALL: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Readiness {
    strict: bool,
    started: UnixTime,
    draining: AtomicBool,
    was_ready: AtomicBool,
    configuration: Mutex<Configuration>,
}

/// Which configuration runs, and what became of the one that was read last.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    /// Counts those that were taken over, the first included.
    pub(super) generation: u64,
    pub(super) taken_over_at: UnixTime,
    pub(super) read_at: UnixTime,
    /// Why the last one was not taken over, where it was not; nothing of the file is quoted.
    pub(super) refusal: Option<(Unfit, String)>,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyReport {
    pub ready: bool,
    /// `ready`, `starting`, `draining`; `impaired` where it was ready and strictly is not.
    pub state: &'static str,
    pub issuers: Vec<IssuerReport>,
    /// Every token that routes carry; readiness depends on them only where it is strict.
    pub tokens: Vec<TokenReport>,
    /// How identities fare at acting for users; readiness never depends on it: what fails is asked for again
    /// by the next caller, and by none where none come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_tokens: Vec<UserTokensReport>,
    /// Where tokens are kept beside memory; readiness never depends on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreReport>,
    pub configuration: ConfigurationReport,
}

/// Whether what runs is what the file says. It decides nothing: what runs is as good as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigurationReport {
    /// `current`; `refused` where what was read last does not hold, and the one before it goes on.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Unfit>,
}

/// Why a configuration was not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// The file has problems.
    Invalid,
    /// It changes what only a restart can change.
    NeedsRestart,
    /// It is valid, and could not be made alive.
    Failed,
}

/// How one identity fares at acting for users, for one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserTokensReport {
    pub identity: String,
    pub scope: String,
    /// `well`; `failing`, where the last attempt failed for what every user would meet; `paused`, where
    /// several did, and nobody asks for a while.
    pub state: &'static str,
    /// What that was: a word of `docs/errors.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
}

/// How a place is where tokens are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreReport {
    /// `file` or `redis`.
    pub place: &'static str,
    /// `well` or `of_no_use`.
    pub state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssuerReport {
    pub name: String,
    pub needed: bool,
    /// `keys_held`, `keys_missing`.
    pub state: &'static str,
    pub keys: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenReport {
    pub identity: String,
    pub scope: String,
    /// `token_held`, `token_expired`, `no_token`.
    pub state: &'static str,
    /// Why the last attempt failed, where it did: a word of `docs/errors.md`, such as
    /// `token_refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// Those of the identity, in the order of the file.
    pub credentials: Vec<CredentialReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialReport {
    /// `secret`, `certificate` and so on, as in the file.
    pub kind: &'static str,
    /// `in_use`, `refused`, `spare`: not tried since another one does.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
}

impl Readiness {
    pub fn new(strict: bool, started: UnixTime) -> Self {
        Self {
            strict,
            started,
            draining: AtomicBool::new(false),
            was_ready: AtomicBool::new(false),
            configuration: Mutex::new(Configuration {
                generation: 1,
                taken_over_at: started,
                read_at: started,
                refusal: None,
            }),
        }
    }

    /// The configuration that was read last holds, and is what runs; it may differ in nothing.
    pub fn taken_over(&self, differs: bool, now: UnixTime) {
        let mut configuration = self.configuration.lock();
        if differs {
            configuration.generation += 1;
            configuration.taken_over_at = now;
        }
        configuration.read_at = now;
        configuration.refusal = None;
    }

    /// The configuration that was read last does not hold.
    pub fn refused(&self, unfit: Unfit, why: &dyn Display, now: UnixTime) {
        let mut configuration = self.configuration.lock();
        configuration.read_at = now;
        configuration.refusal = Some((unfit, why.to_string()));
    }

    pub(super) fn configuration(&self) -> Configuration {
        self.configuration.lock().clone()
    }

    pub(super) fn started(&self) -> UnixTime {
        self.started
    }

    /// From now on not ready, whatever else holds.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn report(&self, plan: &Plan, now: UnixTime) -> ReadyReport {
        let routes = plan.routes.routes().iter();
        let issuers = routes.flat_map(|route| route.gate.issuers());
        let needed: BTreeSet<&str> = issuers.map(|it| &*it.definition().name).collect();
        let issuers = plan.issuers.iter().map(|(name, issuer)| {
            IssuerReport::new(name, needed.contains(name.as_ref()), issuer.status().keys)
        });
        let tokens = plan.tokens.iter().map(|tokens| {
            TokenReport::new(tokens.identity(), tokens.scope(), &tokens.status(), now)
        });
        let user_tokens = plan.user_tokens.iter();
        let mut user_tokens: Vec<_> = user_tokens
            .map(|tokens| UserTokensReport::new(tokens, now))
            .collect();
        user_tokens.sort_by(|a, b| (&a.identity, &a.scope).cmp(&(&b.identity, &b.scope)));
        let stores = plan.store.iter().flat_map(|store| store.statuses());
        let stores = stores.map(|status| StoreReport {
            place: status.place.word(),
            state: match status.failure {
                None => "well",
                Some(_) => "of_no_use",
            },
        });
        ReadyReport {
            user_tokens,
            stores: stores.collect(),
            ..self.judge(issuers.collect(), tokens.collect(), now)
        }
    }

    fn judge(
        &self,
        mut issuers: Vec<IssuerReport>,
        tokens: Vec<TokenReport>,
        now: UnixTime,
    ) -> ReadyReport {
        issuers.sort_by(|a, b| a.name.cmp(&b.name));
        let needed = || issuers.iter().filter(|issuer| issuer.needed);
        let all = needed().all(|issuer| issuer.keys > 0);
        let one = needed().any(|issuer| issuer.keys > 0);
        let waited = self.started.until(now) >= WAIT_FOR_ALL;
        let tokens_well = || tokens.iter().all(TokenReport::is_well);
        let (enough, whole) = match self.strict {
            false => (all || (waited && one), true),
            true => (all, all && tokens_well()),
        };
        if enough && whole {
            self.was_ready.store(true, Ordering::Release);
        }
        let was_ready = self.was_ready.load(Ordering::Acquire);
        let state = match (self.draining.load(Ordering::Acquire), was_ready, whole) {
            (true, ..) => "draining",
            (false, true, true) => "ready",
            (false, true, false) => "impaired",
            (false, false, _) => "starting",
        };
        ReadyReport {
            ready: state == "ready",
            state,
            issuers,
            tokens,
            user_tokens: Vec::new(),
            stores: Vec::new(),
            configuration: self.configuration_report(),
        }
    }

    fn configuration_report(&self) -> ConfigurationReport {
        let configuration = self.configuration.lock();
        let failure = configuration.refusal.as_ref().map(|(unfit, _)| *unfit);
        ConfigurationReport {
            state: match failure {
                Some(_) => "refused",
                None => "current",
            },
            failure,
        }
    }
}

impl IssuerReport {
    fn new(name: &str, needed: bool, keys: usize) -> Self {
        Self {
            name: name.to_owned(),
            needed,
            state: if keys > 0 {
                "keys_held"
            } else {
                "keys_missing"
            },
            keys,
        }
    }
}

impl TokenReport {
    fn new(identity: &str, scope: &str, status: &TokenStatus, now: UnixTime) -> Self {
        Self {
            failure: status.failure.map(Reason::word),
            identity: identity.to_owned(),
            scope: scope.to_owned(),
            state: match status.expires_at {
                None => "no_token",
                Some(end) if end <= now => "token_expired",
                Some(_) => "token_held",
            },
            credentials: status
                .credentials
                .iter()
                .map(CredentialReport::of)
                .collect(),
        }
    }

    /// Held, or out of use since it was: what nobody asks for is not renewed.
    fn is_well(&self) -> bool {
        match self.state {
            "token_held" => true,
            "token_expired" => self.failure.is_none(),
            _ => false,
        }
    }
}

impl UserTokensReport {
    fn new(tokens: &UserTokens, now: UnixTime) -> Self {
        let status = tokens.status(now);
        Self {
            identity: tokens.identity().to_string(),
            scope: tokens.scope().to_owned(),
            state: user_tokens_state(&status),
            failure: status.last_error.map(|why| why.reason().word()),
        }
    }
}

/// How acting for users fares, in a word.
pub(super) fn user_tokens_state(status: &UserTokensStatus) -> &'static str {
    match (&status.last_error, status.paused_until) {
        (_, Some(_)) => "paused",
        (Some(_), None) => "failing",
        (None, None) => "well",
    }
}

impl CredentialReport {
    fn of(status: &CredentialStatus) -> Self {
        Self {
            kind: status.kind,
            state: match (&status.refused, status.is_in_use) {
                (_, true) => "in_use",
                (Some(_), false) => "refused",
                (None, false) => "spare",
            },
            ends_at: status.ends_at.map(|end| end.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
