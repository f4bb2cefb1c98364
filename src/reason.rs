//! Why did the gateway answer by itself? One closed list of words, the same in the answer's body,
//! the access log, the metric label and `docs/errors.md`.

/// Declares the list once: variant, the HTTP status that it is answered with, its word, and a
/// sentence that is safe to show a caller.
macro_rules! reasons {
    ($($variant:ident $status:literal $word:literal $sentence:literal;)*) => {
        /// Why the gateway answered by itself. The words never change once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $sentence] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of `docs/errors.md`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word: snake_case.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// One sentence that is safe to show any caller.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

reasons! {
    NoRoute 404 "no_route" "No route matches this host and path.";
    PathNotExact 404 "path_not_exact" "The path is not spelled as the route for it is.";
    MethodNotAllowed 405 "method_not_allowed" "This path does not take this method.";
    BadPath 400 "bad_path" "The path is not in a form that can be matched safely.";
    BadHost 400 "bad_host" "The Host header is missing, repeated or malformed.";
    BadFraming 400 "bad_framing" "The message's length or transfer coding is ambiguous.";
    MalformedRequest 400 "malformed_request" "The request is not well-formed HTTP.";
    Flood 400 "flood" "The connection sends too much that asks for nothing.";
    TooManyStreams 503 "too_many_streams" "The connection has too many requests at a time.";
    RepeatedCredential 400 "repeated_credential" "A credential header was sent more than once.";
    HeaderTimeout 408 "header_timeout" "The request header took too long to arrive.";
    BodyTimeout 408 "body_timeout" "The request body took too long to arrive.";
    UriTooLong 414 "uri_too_long" "The request target is too long.";
    HeaderTooLarge 431 "header_too_large" "The request header is too large.";
    BodyTooLarge 413 "body_too_large" "The request body is too large.";
    NoCredential 401 "no_credential" "This route needs a credential and none was presented.";
    MalformedToken 401 "malformed_token" "The bearer token is not a well-formed signed JWT.";
    TokenTooLarge 401 "token_too_large" "The bearer token is too large.";
    AlgorithmNotAllowed 401 "algorithm_not_allowed" "The token is not signed with RS256.";
    CriticalHeader 401 "critical_header" "The token demands an extension that is not understood.";
    TokenNotForUs 401 "token_not_for_us" "The token was issued for a Microsoft API and cannot be verified by others.";
    WrongType 401 "wrong_type" "This is not an access token.";
    SenderConstrained 401 "sender_constrained" "The token is bound to a key and was presented without proof of it.";
    UnknownIssuer 401 "unknown_issuer" "The token's issuer is not accepted here.";
    UnknownKey 401 "unknown_key" "The token was signed with a key its issuer does not publish.";
    BadSignature 401 "bad_signature" "The token's signature is not valid.";
    TokenExpired 401 "token_expired" "The token has expired.";
    TokenNotYetValid 401 "token_not_yet_valid" "The token is not valid yet.";
    WrongTenant 401 "wrong_tenant" "The token was issued by another tenant.";
    WrongAudience 401 "wrong_audience" "The token was issued for another audience.";
    MissingClaim 401 "missing_claim" "The token lacks a claim that is required.";
    MalformedClaim 401 "malformed_claim" "A claim of the token has the wrong type.";
    BadKey 401 "bad_key" "The API key is not accepted here.";
    PrincipalNotAllowed 403 "principal_not_allowed" "This kind of caller (application or user) is not let in here.";
    ClientNotAllowed 403 "client_not_allowed" "The calling application is not on this route's list.";
    ObjectNotAllowed 403 "object_not_allowed" "The calling identity is not on this route's list.";
    RoleMissing 403 "role_missing" "The token lacks a role this route requires.";
    ScopeMissing 403 "scope_missing" "The token lacks a scope this route requires.";
    UserRequired 403 "user_required" "This route acts for users, and the token is an application's.";
    ParameterNotAllowed 403 "parameter_not_allowed" "This caller may not use this part of the path.";
    NetworkNotAllowed 403 "network_not_allowed" "Callers from this address are not let in here.";
    BrowserNotAllowed 403 "browser_not_allowed" "Web pages may not call this route.";
    OriginNotAllowed 403 "origin_not_allowed" "Web pages of this origin may not call this route.";
    BatchNotAllowed 403 "batch_not_allowed" "Batches are not let through this route.";
    ExpandNotAllowed 403 "expand_not_allowed" "$expand is not let through this route.";
    MethodOverrideNotAllowed 403 "method_override_not_allowed" "A header may not change the method here.";
    QueryNotAllowed 403 "query_not_allowed" "This query option is not let through this route.";
    SegmentNotAllowed 403 "segment_not_allowed" "This part of the path is not let through this route.";
    RateLimit 429 "rate_limit" "Too many requests came in too short a time.";
    ConcurrencyLimit 429 "concurrency_limit" "Too many requests are under way at a time.";
    KeysUnavailable 503 "keys_unavailable" "The issuer's signing keys are not available at the moment.";
    TokenUnavailable 503 "token_unavailable" "A token for the upstream could not be acquired at the moment.";
    TokenThrottled 503 "token_throttled" "The token endpoint asked the gateway to wait.";
    CredentialUnavailable 503 "credential_unavailable" "The gateway cannot prove itself to get a token for this request.";
    TokenRefused 502 "token_refused" "The token endpoint refused the gateway's own credential or request.";
    InteractionRequired 401 "interaction_required" "The user must prove more before the gateway may act for them.";
    ExchangeRefused 401 "exchange_refused" "The token cannot be exchanged for one to the upstream; a new one is needed.";
    ConsentRequired 403 "consent_required" "The user, or an administrator, has not consented to what this route does.";
    ConditionalAccess 403 "conditional_access" "A policy of the tenant forbids this to the user.";
    UpstreamCrowded 503 "upstream_crowded" "As many requests as may be are with the upstream at the moment.";
    UpstreamUnreachable 502 "upstream_unreachable" "The upstream could not be reached.";
    UpstreamTimeout 504 "upstream_timeout" "The upstream took too long.";
    DeadlineExceeded 504 "deadline_exceeded" "The caller's own deadline has passed.";
    UpstreamFailed 502 "upstream_failed" "The upstream broke off or answered malformed HTTP.";
    UpstreamRefusedToken 502 "upstream_refused_token" "The upstream refused the gateway's token.";
    TokenReplaced 503 "token_replaced" "The upstream refused the gateway's token, which has been replaced; the request may be sent again.";
    // The status is for the log alone: nobody is left to read an answer.
    ClientClosed 400 "client_closed" "The caller went away before the answer was complete.";
    InternalError 500 "internal_error" "The gateway failed.";
}

impl std::fmt::Display for Reason {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.word())
    }
}
