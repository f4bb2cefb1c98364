//! What may somebody order of the gateway's own tokens? That fresh ones be acquired, or that those in
//! hand be forgotten.

use std::sync::Arc;

use super::{AppTokens, UserTokens};
use crate::clock::UnixTime;
use crate::refresh::Order;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOrder {
    /// Fresh tokens; those in hand serve until they are there.
    Renew,
    /// Those in hand are sent no more, and fresh ones are acquired.
    Purge,
}

/// What became of an order for one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    pub identity: Arc<str>,
    pub scope: String,
    /// `None`: they were users', and are forgotten; whoever calls next has another one exchanged.
    pub outcome: Option<Order>,
}

impl TokenOrder {
    pub fn word(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::Purge => "purge",
        }
    }

    /// Carries it out for all of `tokens` that `are_meant`. Needs a tokio runtime.
    pub fn carry_out(
        self,
        tokens: &[Arc<AppTokens>],
        users: &[Arc<UserTokens>],
        are_meant: impl Fn(&str, &str) -> bool,
        now: UnixTime,
    ) -> Vec<Ordered> {
        let meant = tokens
            .iter()
            .filter(|it| are_meant(it.identity(), it.scope()));
        let ordered = meant.map(|it| Ordered {
            identity: Arc::clone(it.identity()),
            scope: it.scope().to_owned(),
            outcome: Some(match self {
                Self::Renew => it.renew_now(now),
                Self::Purge => it.purge(now),
            }),
        });
        let mut ordered: Vec<_> = ordered.collect();
        if self == Self::Purge {
            let meant = users.iter();
            for users in meant.filter(|it| are_meant(it.identity(), it.scope())) {
                users.clear();
                ordered.push(Ordered {
                    identity: Arc::clone(users.identity()),
                    scope: users.scope().to_owned(),
                    outcome: None,
                });
            }
        }
        ordered.sort_by(|one, other| {
            (&one.identity, &one.scope).cmp(&(&other.identity, &other.scope))
        });
        ordered
    }
}
