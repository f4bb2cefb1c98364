//! Which requests are counted.

use super::world::credentials::Carries;
use super::world::gateway::Route;

/// So many tokens take turns; what a thousand cost in cache misses is not seen here anyway.
pub(super) const ROTATING: usize = 50;

/// One kind of request, the same again and again but for its credential.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) route: Route,
    pub(super) carries: Carries,
    /// What is answered.
    pub(super) status: u16,
    /// The most instructions that it is to cost, SHA-256 and RSA left out.
    pub(super) budget: Option<u32>,
}

pub(super) const KINDS: &[Kind] = &[
    kind(
        "public",
        Route::Public,
        Carries::OneToken,
        200,
        Some(40_000),
    ),
    kind(
        "repeated",
        Route::Bearer,
        Carries::OneToken,
        200,
        Some(45_000),
    ),
    kind(
        "rotating",
        Route::Bearer,
        Carries::Rotating,
        200,
        Some(45_000),
    ),
    kind(
        "never-seen",
        Route::Bearer,
        Carries::NeverSeen,
        200,
        Some(100_000),
    ),
    kind("api-key", Route::ApiKey, Carries::ApiKey, 200, None),
    kind(
        "injected",
        Route::Injected,
        Carries::ApiKey,
        200,
        Some(45_000),
    ),
    kind(
        "on-behalf-of",
        Route::OnBehalfOf,
        Carries::OneUser,
        200,
        Some(45_000),
    ),
    kind(
        "garbage",
        Route::Bearer,
        Carries::Garbage,
        401,
        Some(100_000),
    ),
    kind(
        "expired",
        Route::Bearer,
        Carries::Expired,
        401,
        Some(100_000),
    ),
    kind(
        "bad-signature",
        Route::Bearer,
        Carries::BadSignature,
        401,
        Some(100_000),
    ),
];

const fn kind(
    name: &'static str,
    route: Route,
    carries: Carries,
    status: u16,
    budget: Option<u32>,
) -> Kind {
    Kind {
        name,
        route,
        carries,
        status,
        budget,
    }
}
