//! What must the tokens of an issuer be like? The rules that differ from issuer to issuer, as data;
//! those that every token must keep are the verifier's own.

use std::sync::Arc;
use std::time::Duration;

use super::ClaimNames;

/// A signature algorithm (RFC 7518 §3.1) that this room can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What may sign; a token only agrees (RFC 8725 §3.1).
    pub algorithms: &'static [Algorithm],
    /// The header's `typ`, in any case; a token may leave it out.
    pub types: &'static [&'static str],
    /// The accepted `iss`, compared ordinally.
    pub issuers: Vec<Arc<str>>,
    /// What must be there beside `iss`, `aud` and `exp`.
    pub required: &'static [&'static str],
    /// The claims that are read beside the registered ones; all others are passed over.
    pub reads: ClaimNames,
    /// How far clocks may differ, for `exp` and `nbf`; 300 s at most.
    pub leeway: Duration,
    /// Whom a key may name as its own `issuer`, where keys carry one: also those whose tokens are
    /// not accepted.
    pub key_issuers: Vec<Arc<str>>,
    /// What that name may leave open.
    pub key_issuer: Option<Placeholder>,
}

/// A text in a key's `issuer` that stands for a claim of the token, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder {
    pub text: &'static str,
    pub claim: &'static str,
}

impl Algorithm {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

impl Profile {
    pub fn signs(&self, iss: &str) -> bool {
        self.issuers.iter().any(|known| **known == *iss)
    }

    pub fn owns_keys_of(&self, issuer: &str) -> bool {
        self.key_issuers.iter().any(|known| **known == *issuer)
    }
}
