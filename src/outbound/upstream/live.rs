//! An upstream alive: the endpoints that its requests may go to, one for each url, and which of them
//! is the next one's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::retries::Budget;
use super::visit::bit;
use super::{Balance, Endpoint, Endpoints, UpstreamDefinition};
use crate::clock::UnixTime;

/// Where routes go, alive. Shared by all that define the same.
pub struct Upstream {
    definition: UpstreamDefinition,
    /// That of the first url, and the only one for most.
    first: Arc<Endpoint>,
    others: Box<[Arc<Endpoint>]>,
    turn: AtomicUsize,
    /// Where requests may be repeated.
    pub(super) budget: Option<Budget>,
    /// That are with it now; counted where there is a limit.
    pub(super) requests: AtomicUsize,
}

#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("the upstream's ca_file: {0}")]
    Certificates(#[from] openssl::error::ErrorStack),
    /// Ruled out at load.
    #[error("the upstream's host is not a valid Host header")]
    Host,
    /// Ruled out at load.
    #[error("an upstream has 1 to {} urls", UpstreamDefinition::MOST_ENDPOINTS)]
    Endpoints,
}

impl Upstream {
    /// Makes the upstream, of what is or becomes one of `endpoints`. A name or a check needs a tokio
    /// runtime, a literal address alone needs none.
    pub fn start(
        definition: UpstreamDefinition,
        endpoints: &Endpoints,
    ) -> Result<Self, UpstreamError> {
        let Some((first, others)) = definition.endpoints.split_first() else {
            return Err(UpstreamError::Endpoints);
        };
        if definition.endpoints.len() > UpstreamDefinition::MOST_ENDPOINTS {
            return Err(UpstreamError::Endpoints);
        }
        let first = endpoints.of(first)?;
        let others = others.iter().map(|it| endpoints.of(it));
        Ok(Self {
            first,
            others: others.collect::<Result<_, _>>()?,
            turn: AtomicUsize::new(0),
            budget: definition.retries.as_ref().map(|_| Budget::new()),
            requests: AtomicUsize::new(0),
            definition,
        })
    }

    pub fn definition(&self) -> &UpstreamDefinition {
        &self.definition
    }

    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub fn has_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// When the certificate ends that it is shown, where it is shown one.
    pub fn certificate_ends_at(&self) -> Option<UnixTime> {
        self.first.certificate_ends_at()
    }

    /// How many requests are with it now, where there is a limit.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many addresses there are to connect to; a name that has none yet may have one.
    pub fn addresses(&self) -> usize {
        self.endpoints().map(|it| it.addresses().max(1)).sum()
    }

    pub(super) fn at(&self, place: usize) -> &Arc<Endpoint> {
        let others = self.others.get(place.wrapping_sub(1));
        others.unwrap_or(&self.first)
    }

    /// The place of the next endpoint for a request that has been to these: one that takes requests,
    /// else any, for a try is better than none.
    pub(super) fn pick(&self, been: u64) -> Option<usize> {
        if self.others.is_empty() {
            return (been == 0).then_some(0);
        }
        let turn = match been {
            0 => self.turn.fetch_add(1, Ordering::Relaxed),
            // It has had its turn: else the next request would begin where this one did.
            _ => self.turn.load(Ordering::Relaxed),
        };
        let mut excluded = been;
        while let Some(place) = self.best(turn, excluded) {
            if self.at(place).takes() {
                return Some(place);
            }
            excluded |= bit(place);
        }
        self.best(turn, been)
    }

    fn best(&self, turn: usize, excluded: u64) -> Option<usize> {
        let all = self.others.len() + 1;
        let places = (0..all).map(|place| (turn % all + place) % all);
        let mut places = places.filter(|place| excluded & bit(*place) == 0);
        match self.definition.balance {
            Balance::RoundRobin => places.next(),
            // Of equals the one whose turn it is.
            Balance::LeastRequests => places.min_by_key(|place| self.at(*place).requests()),
        }
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
