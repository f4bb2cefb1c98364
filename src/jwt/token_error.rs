//! What can be wrong with a token, each with its word. Texts are safe: they quote nothing of it but
//! times, and those only after the signature.

use crate::clock::UnixTime;
use crate::reason::Reason;

/// Why a token is not genuine, or not one for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is too large")]
    TooLarge,
    /// Not three base64url parts of JSON, or no `kid`.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// `alg` is none that the issuer signs by.
    #[error("the token's algorithm is not RS256")]
    Algorithm,
    /// `crit` (RFC 7515 §4.1.11) or `b64`, `zip`, `enc`.
    #[error("the token's header has a critical extension")]
    Critical,
    /// A header `nonce`: a token whose signature only its own API can verify.
    #[error("the token was issued for a Microsoft API")]
    Nonce,
    /// Another `typ`, or an ID token.
    #[error("the token is not an access token")]
    Type,
    /// `cnf` without a proof of possession.
    #[error("the token is sender-constrained")]
    SenderConstrained,
    /// No issuer of this route has this `iss`, or it disagrees with `ver` or `tid`.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// The issuer is one of this route's, and its tokens of this version are not accepted.
    #[error("the token is of a version that `issuers.*.entra.versions` leaves out")]
    Version,
    #[error("the token is of another tenant")]
    Tenant,
    /// The key set has no such `kid`, or the key belongs to another issuer.
    #[error("the token's key is unknown")]
    UnknownKey,
    #[error("the token's signature is not valid")]
    Signature,
    #[error("the token has expired: exp is {exp}")]
    Expired { exp: UnixTime },
    #[error("the token is not valid yet: nbf is {nbf}")]
    NotYetValid { nbf: UnixTime },
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    #[error("the claim {0} has the wrong type")]
    MalformedClaim(&'static str),
}

impl TokenError {
    pub fn reason(self) -> Reason {
        match self {
            Self::TooLarge => Reason::TokenTooLarge,
            Self::Malformed(_) => Reason::MalformedToken,
            Self::Algorithm => Reason::AlgorithmNotAllowed,
            Self::Critical => Reason::CriticalHeader,
            Self::Nonce => Reason::TokenNotForUs,
            Self::Type => Reason::WrongType,
            Self::SenderConstrained => Reason::SenderConstrained,
            Self::Issuer | Self::Version => Reason::UnknownIssuer,
            Self::Tenant => Reason::WrongTenant,
            Self::UnknownKey => Reason::UnknownKey,
            Self::Signature => Reason::BadSignature,
            Self::Expired { .. } => Reason::TokenExpired,
            Self::NotYetValid { .. } => Reason::TokenNotYetValid,
            Self::MissingClaim(_) => Reason::MissingClaim,
            Self::MalformedClaim(_) => Reason::MalformedClaim,
        }
    }
}
