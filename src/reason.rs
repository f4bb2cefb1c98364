//! Why did the gateway answer by itself? One closed list of words, the same in the answer's body,
//! the access log, the metric label and `docs/errors.md`.

/// Declares the list once: variant, its word, and a sentence that is safe to show a caller.
macro_rules! reasons {
    ($($variant:ident $word:literal $sentence:literal;)*) => {
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

            /// One sentence that is safe to show any caller.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

reasons! {
    NoRoute "no_route" "No route matches this host and path.";
    MethodNotAllowed "method_not_allowed" "This path does not take this method.";
    BadPath "bad_path" "The path is not in a form that can be matched safely.";
    BadHost "bad_host" "The Host header is missing, repeated or malformed.";
    BadFraming "bad_framing" "The message's length or transfer coding is ambiguous.";
    RepeatedCredential "repeated_credential" "A credential header was sent more than once.";
    HeaderTimeout "header_timeout" "The request header took too long to arrive.";
    BodyTimeout "body_timeout" "The request body took too long to arrive.";
    UriTooLong "uri_too_long" "The request target is too long.";
    HeaderTooLarge "header_too_large" "The request header is too large.";
    BodyTooLarge "body_too_large" "The request body is too large.";
    NoCredential "no_credential" "This route needs a credential and none was presented.";
    MalformedToken "malformed_token" "The bearer token is not a well-formed signed JWT.";
    TokenTooLarge "token_too_large" "The bearer token is too large.";
    AlgorithmNotAllowed "algorithm_not_allowed" "The token is not signed with RS256.";
    CriticalHeader "critical_header" "The token demands an extension that is not understood.";
    TokenNotForUs "token_not_for_us" "The token was issued for a Microsoft API and cannot be verified by others.";
    WrongType "wrong_type" "This is not an access token.";
    SenderConstrained "sender_constrained" "The token is bound to a key and was presented without proof of it.";
    UnknownIssuer "unknown_issuer" "The token's issuer is not accepted here.";
    UnknownKey "unknown_key" "The token was signed with a key its issuer does not publish.";
    BadSignature "bad_signature" "The token's signature is not valid.";
    TokenExpired "token_expired" "The token has expired.";
    TokenNotYetValid "token_not_yet_valid" "The token is not valid yet.";
    WrongTenant "wrong_tenant" "The token was issued by another tenant.";
    WrongAudience "wrong_audience" "The token was issued for another audience.";
    MissingClaim "missing_claim" "The token lacks a claim that is required.";
    MalformedClaim "malformed_claim" "A claim of the token has the wrong type.";
    BadKey "bad_key" "The API key is not accepted here.";
    PrincipalNotAllowed "principal_not_allowed" "This kind of caller (application or user) is not let in here.";
    ClientNotAllowed "client_not_allowed" "The calling application is not on this route's list.";
    ObjectNotAllowed "object_not_allowed" "The calling identity is not on this route's list.";
    RoleMissing "role_missing" "The token lacks a role this route requires.";
    ScopeMissing "scope_missing" "The token lacks a scope this route requires.";
    ParameterNotAllowed "parameter_not_allowed" "This caller may not use this part of the path.";
    NetworkNotAllowed "network_not_allowed" "Callers from this address are not let in here.";
    BrowserNotAllowed "browser_not_allowed" "Web pages may not call this route.";
    BatchNotAllowed "batch_not_allowed" "Batches are not let through this route.";
    ExpandNotAllowed "expand_not_allowed" "$expand is not let through this route.";
    KeysUnavailable "keys_unavailable" "The issuer's signing keys are not available at the moment.";
    TokenUnavailable "token_unavailable" "A token for the upstream could not be acquired at the moment.";
    TokenThrottled "token_throttled" "The token endpoint asked the gateway to wait.";
    TokenRefused "token_refused" "The token endpoint refused the gateway's own credential or request.";
    UpstreamUnreachable "upstream_unreachable" "The upstream could not be reached.";
    UpstreamTimeout "upstream_timeout" "The upstream took too long.";
    UpstreamFailed "upstream_failed" "The upstream broke off or answered malformed HTTP.";
    UpstreamRefusedToken "upstream_refused_token" "The upstream refused the gateway's token.";
    ClientClosed "client_closed" "The caller went away before the answer was complete.";
    InternalError "internal_error" "The gateway failed.";
}

impl std::fmt::Display for Reason {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.word())
    }
}
