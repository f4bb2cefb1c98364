//! Which metrics exist? Each one once: name, kind, and the sentence that `/metrics` and the
//! documentation show; and how one of them is registered.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:literal $help:literal;)*) => {
        /// Every metric: name, kind, help.
        pub const NAMES: &[(&str, &str, &str)] = &[$($constant,)*];

        $(pub(super) const $constant: (&str, &str, &str) = ($name, $kind, $help);)*
    };
}

metrics! {
    REQUESTS "bearergate_requests_total" "counter"
        "Requests that ended, by route, outcome (allowed, denied, failed), reason and class of status.";
    DURATION "bearergate_request_duration_seconds" "histogram"
        "Time from a request's head to the end of its answer, by route.";
    UPSTREAM_DURATION "bearergate_upstream_duration_seconds" "histogram"
        "Time from asking an upstream to the head of its answer, by route.";
    IN_FLIGHT "bearergate_requests_in_flight" "gauge"
        "Requests being served now.";
    LEFT_OUT "bearergate_headers_left_out_total" "counter"
        "Request header fields that did not go on beside the gateway's token, being on no list, by route.";
    REPETITIONS "bearergate_upstream_repetitions_total" "counter"
        "Requests put to their upstream once more, by route and cause; over_budget: those that were not.";
    ENDPOINT_CONDITION "bearergate_endpoint_condition" "gauge"
        "1 for the condition that an endpoint is in, 0 for the others; absent where nobody judges it.";
    ENDPOINT_REQUESTS "bearergate_endpoint_requests" "gauge"
        "Requests that are with an endpoint now, of upstreams with several.";
    ENDPOINT_ADDRESSES "bearergate_endpoint_addresses" "gauge"
        "Addresses that an endpoint's name has now; 0 while it is not resolved, absent where it is no name.";
    UPSTREAM_REQUESTS "bearergate_upstream_requests" "gauge"
        "Requests that are with a route's upstream now, where that has a limit.";
    UPSTREAM_REQUESTS_LIMIT "bearergate_upstream_requests_limit" "gauge"
        "Requests that may be with a route's upstream at a time, where that has a limit.";
    CONNECTIONS "bearergate_connections" "gauge"
        "Connections open now, by listener.";
    CONNECTIONS_TOTAL "bearergate_connections_total" "counter"
        "Connections accepted, by listener.";
    REFUSED "bearergate_connections_refused_total" "counter"
        "Connections ended before a request could be decided, by listener and cause.";
    LISTENER_REQUESTS "bearergate_listener_requests_total" "counter"
        "Requests that came, by listener and protocol (http/1.0, http/1.1, h2).";
    LIMIT_BUCKETS "bearergate_limit_buckets" "gauge"
        "Callers, addresses and routes that limits count now.";
    LIMIT_BUCKETS_FORGOTTEN "bearergate_limit_buckets_forgotten_total" "counter"
        "Callers and addresses that limits stopped counting before their time, for want of room.";
    LIMIT_BUCKETS_TOLD "bearergate_limit_buckets_told_total" "counter"
        "How often what a bucket of a shared limit has spent was to be told to other replicas, by outcome (told, untold: it counts here alone).";
    PANICS "bearergate_panics_total" "counter"
        "Requests that met a bug of the gateway and were answered with 500.";
    LINES_DROPPED "bearergate_access_log_dropped_total" "counter"
        "Access lines that were lost because they could not be written fast enough.";
    PROCESS_LINES_DROPPED "bearergate_process_log_dropped_total" "counter"
        "Lines of the process's own log that were lost because they could not be written fast enough.";
    SPANS "bearergate_spans_total" "counter"
        "Spans of recorded traces, by outcome (sent, dropped for want of room, failed at the collector); absent without traces.";
    KEY_SET_KEYS "bearergate_key_set_keys" "gauge"
        "Signing keys held, by issuer; 0 means that its tokens cannot be verified.";
    KEY_SET_AGE "bearergate_key_set_age_seconds" "gauge"
        "Time since an issuer's keys were last fetched with success; absent before the first time.";
    KEY_SET_FETCHES "bearergate_key_set_fetches_total" "counter"
        "Fetches of an issuer's keys, by outcome (success, failure).";
    KEY_SET_FETCH_DURATION "bearergate_key_set_fetch_duration_seconds" "gauge"
        "How long the last fetch of an issuer's keys took; absent before the first.";
    TOKEN_FETCHES "bearergate_token_fetches_total" "counter"
        "Attempts to acquire a token, by identity and outcome (success, failure).";
    TOKENS_REMEMBERED "bearergate_tokens_remembered_total" "counter"
        "Tokens that were not asked for, but found in the state store, by identity; 0 without one.";
    TOKEN_FETCH_DURATION "bearergate_token_fetch_duration_seconds" "gauge"
        "How long the last attempt to acquire a token took, by identity and scope; absent before the first.";
    TOKEN_AGE "bearergate_token_age_seconds" "gauge"
        "Time since the token in hand was acquired, by identity and scope; absent while there is none.";
    TOKEN_EXPIRY "bearergate_token_expiry_seconds" "gauge"
        "Time until the token in hand expires, negative once it has; absent while there is none.";
    USER_TOKENS "bearergate_user_tokens" "gauge"
        "Tokens held to act for users, and refusals of them that are remembered, by identity and scope.";
    USER_TOKENS_BYTES "bearergate_user_tokens_bytes" "gauge"
        "Memory that tokens held to act for users take up, by identity and scope.";
    USER_TOKEN_REQUESTS "bearergate_user_token_requests_total" "counter"
        "Tokens asked for to act for users, by identity, scope and outcome (found, exchanged, refused, failed).";
    USER_TOKENS_FORGOTTEN "bearergate_user_tokens_forgotten_total" "counter"
        "Tokens held to act for users that had to make room before they ended, by identity and scope.";
    CERTIFICATE_EXPIRY "bearergate_certificate_expiry_seconds" "gauge"
        "Time until an identity's certificate ends, negative once it has; absent where it has none.";
    CREDENTIAL_EXPIRY "bearergate_credential_expiry_seconds" "gauge"
        "Time until a credential of an identity ends, negative once it has; absent where nobody knows.";
    CREDENTIAL_IN_USE "bearergate_credential_in_use" "gauge"
        "1 for the credential that an identity's last token was given for, 0 for its others.";
    CREDENTIAL_REFUSED "bearergate_credential_refused" "gauge"
        "1 for a credential that was not accepted when it was last tried, else 0.";
    STATE_WELL "bearergate_state_well" "gauge"
        "1 while a place where tokens are kept beside memory, and by which limits are shared, is of use, else 0, by store (file, redis); absent without one.";
    STATE_OPERATIONS "bearergate_state_operations_total" "counter"
        "What was done in the state store, by store and outcome (found, missed, kept, failed).";
    RELOADS "bearergate_reloads_total" "counter"
        "Configurations read anew while running, by outcome (success, failure).";
    STALE "bearergate_configuration_stale" "gauge"
        "1 while the configuration that was read last was refused, and the one before it goes on; else 0.";
    LOADED "bearergate_configuration_loaded_timestamp_seconds" "gauge"
        "When the configuration in force was taken over, in seconds since the epoch.";
    READY "bearergate_ready" "gauge"
        "1 while /readyz says so, else 0.";
    LISTENER_CERTIFICATE_EXPIRY "bearergate_listener_certificate_expiry_seconds" "gauge"
        "Time until the first of a listener's certificates to end does, negative once it has, by listener; absent without TLS.";
    UPSTREAM_CERTIFICATE_EXPIRY "bearergate_upstream_certificate_expiry_seconds" "gauge"
        "Time until the certificate that a route's upstream is shown ends, negative once it has; absent where it has none.";
    BUILD "bearergate_build_info" "gauge"
        "Always 1; the label tells the version that runs.";
    PROCESS_CPU "process_cpu_seconds_total" "counter"
        "Time that processors spent on it, in seconds.";
    PROCESS_START "process_start_time_seconds" "gauge"
        "When it started, in seconds since the epoch.";
    PROCESS_MEMORY "process_resident_memory_bytes" "gauge"
        "Memory that it has in hand.";
    PROCESS_OPEN_FILES "process_open_fds" "gauge"
        "Files and sockets that it has open.";
    PROCESS_MOST_FILES "process_max_fds" "gauge"
        "Files and sockets that it may have open.";
    PROCESS_THREADS "process_threads" "gauge"
        "Its threads.";
}

pub(super) fn gauge(registry: &Registry, name: (&str, &str, &str), labels: &[&str]) -> IntGaugeVec {
    register(registry, IntGaugeVec::new(opts(name), labels))
}

pub(super) fn counter(
    registry: &Registry,
    name: (&str, &str, &str),
    labels: &[&str],
) -> IntCounterVec {
    register(registry, IntCounterVec::new(opts(name), labels))
}

pub(super) fn opts((name, _, help): (&str, &str, &str)) -> Opts {
    Opts::new(name, help)
}

#[allow(clippy::expect_used, reason = "see the invariant")]
pub(super) fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> C {
    // INVARIANT: names and label names are the constants of this file and of our callers, each
    // valid and registered once in a registry; the tests make every one of them.
    let collector = made.expect("a metric's name and labels are valid");
    registry
        .register(Box::new(collector.clone()))
        .expect("a metric is registered once");
    collector
}
