//! Was this very token proven a moment ago? Only proofs are remembered, never refusals: signature,
//! issuer and times, until the token expires or the issuer's keys change. Audience and policy are
//! asked again for every request.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::clock::UnixTime;
use crate::jwt::TokenDigest;
use crate::policy::TokenPrincipal;
use crate::refresh::Generation;

/// How many tokens one issuer's cache is laid out for at first.
const USUAL_ENTRIES: usize = 20_000;
/// How many bytes of tokens it may stand for: 100,000 usual ones, fewer of the longest.
const LARGEST_WEIGHT: u64 = 160 * 1024 * 1024;
/// What an entry weighs beside its claims.
const ENTRY_WEIGHT: u64 = 512;

#[derive(Debug)]
pub(super) struct VerdictCache {
    verdicts: Cache<TokenDigest, Verdict, ByTokenLength>,
}

/// That a token is genuine, and how long that may be believed.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    principal: Arc<TokenPrincipal>,
    generation: Generation,
    /// `nbf`, where it is said, less the leeway.
    from: UnixTime,
    /// `exp` and the leeway.
    until: UnixTime,
    /// The token's length, which its claims do not exceed.
    length: u32,
}

impl VerdictCache {
    /// An empty cache; memory is taken as it fills.
    pub(super) fn new() -> Self {
        Self {
            verdicts: Cache::with_weighter(USUAL_ENTRIES, LARGEST_WEIGHT, ByTokenLength),
        }
    }

    /// The principal of a token that was proven by these keys and is within its times. A verdict
    /// that no longer holds is dropped.
    pub(super) fn find(
        &self,
        digest: &TokenDigest,
        generation: Generation,
        now: UnixTime,
    ) -> Option<Arc<TokenPrincipal>> {
        let verdict = self.verdicts.get(digest)?;
        if verdict.holds(generation, now) {
            return Some(verdict.principal);
        }
        self.verdicts
            .remove_if(digest, |verdict| !verdict.holds(generation, now));
        None
    }

    pub(super) fn remember(&self, digest: TokenDigest, verdict: Verdict) {
        self.verdicts.insert(digest, verdict);
    }
}

impl Verdict {
    /// A verdict on a token of this length, good for as long as the token is.
    pub(super) fn new(
        principal: Arc<TokenPrincipal>,
        generation: Generation,
        leeway: Duration,
        length: usize,
    ) -> Self {
        Self {
            from: principal
                .claims
                .not_before
                .map_or(UnixTime::from_seconds(0), |from| from.minus(leeway)),
            until: principal.claims.expires_at.plus(leeway),
            principal,
            generation,
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }
    }

    /// At the very second of expiry it does not hold: then the verifier is asked, and it alone.
    fn holds(&self, generation: Generation, now: UnixTime) -> bool {
        self.generation == generation && self.from <= now && now < self.until
    }
}

#[derive(Clone, Copy, Debug)]
struct ByTokenLength;

impl Weighter<TokenDigest, Verdict> for ByTokenLength {
    fn weight(&self, _: &TokenDigest, verdict: &Verdict) -> u64 {
        ENTRY_WEIGHT + u64::from(verdict.length)
    }
}

#[cfg(test)]
#[path = "verdict_cache_tests.rs"]
mod tests;
