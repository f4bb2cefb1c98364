//! Which metrics exist? Each one once: name, kind, and the sentence that `/metrics` and the
//! documentation show.

/// Every metric: name, kind (`counter`, `gauge`, `histogram`), help.
pub const NAMES: &[(&str, &str, &str)] = &[
    REQUESTS,
    DURATION,
    IN_FLIGHT,
    CONNECTIONS,
    CONNECTIONS_TOTAL,
    REFUSED,
    PANICS,
    LINES_DROPPED,
    KEY_SET_KEYS,
    KEY_SET_AGE,
    KEY_SET_FETCHES,
    TOKEN_FETCHES,
    TOKEN_AGE,
    TOKEN_EXPIRY,
    BUILD,
];

pub(super) const REQUESTS: (&str, &str, &str) = (
    "bearergate_requests_total",
    "counter",
    "Requests that ended, by route, outcome (allowed, denied, failed) and reason.",
);
pub(super) const DURATION: (&str, &str, &str) = (
    "bearergate_request_duration_seconds",
    "histogram",
    "Time from a request's head to the end of its answer, by route.",
);
pub(super) const IN_FLIGHT: (&str, &str, &str) = (
    "bearergate_requests_in_flight",
    "gauge",
    "Requests being served now.",
);
pub(super) const CONNECTIONS: (&str, &str, &str) = (
    "bearergate_connections",
    "gauge",
    "Connections open now, by listener.",
);
pub(super) const CONNECTIONS_TOTAL: (&str, &str, &str) = (
    "bearergate_connections_total",
    "counter",
    "Connections accepted, by listener.",
);
pub(super) const REFUSED: (&str, &str, &str) = (
    "bearergate_connections_refused_total",
    "counter",
    "Connections ended before a request could be decided, by listener and cause.",
);
pub(super) const PANICS: (&str, &str, &str) = (
    "bearergate_panics_total",
    "counter",
    "Requests that met a bug of the gateway and were answered with 500.",
);
pub(super) const LINES_DROPPED: (&str, &str, &str) = (
    "bearergate_access_log_dropped_total",
    "counter",
    "Access lines that were lost because they could not be written fast enough.",
);
pub(super) const KEY_SET_KEYS: (&str, &str, &str) = (
    "bearergate_key_set_keys",
    "gauge",
    "Signing keys held, by issuer; 0 means that its tokens cannot be verified.",
);
pub(super) const KEY_SET_AGE: (&str, &str, &str) = (
    "bearergate_key_set_age_seconds",
    "gauge",
    "Time since an issuer's keys were last fetched with success; absent before the first time.",
);
pub(super) const KEY_SET_FETCHES: (&str, &str, &str) = (
    "bearergate_key_set_fetches_total",
    "counter",
    "Fetches of an issuer's keys, by outcome (success, failure).",
);
pub(super) const TOKEN_FETCHES: (&str, &str, &str) = (
    "bearergate_token_fetches_total",
    "counter",
    "Attempts to acquire a token, by identity and outcome (success, failure).",
);
pub(super) const TOKEN_AGE: (&str, &str, &str) = (
    "bearergate_token_age_seconds",
    "gauge",
    "Time since the token in hand was acquired, by identity and scope; absent while there is none.",
);
pub(super) const TOKEN_EXPIRY: (&str, &str, &str) = (
    "bearergate_token_expiry_seconds",
    "gauge",
    "Time until the token in hand expires, negative once it has; absent while there is none.",
);
pub(super) const BUILD: (&str, &str, &str) = (
    "bearergate_build_info",
    "gauge",
    "Always 1; the label tells the version that runs.",
);
