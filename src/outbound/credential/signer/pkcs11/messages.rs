//! What the gateway and the process that signs for it say to each other: a line of JSON each, in turns.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyWanted, TokenWanted};
use crate::entra::Algorithm;

/// The longest line. A signature of the longest key there is has 2 KiB.
pub(super) const LARGEST: usize = 16 * 1024;

/// The first line: what is to be opened.
#[derive(Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) module: PathBuf,
    pub(super) token: TokenWanted,
    pub(super) key: KeyWanted,
    /// SECURITY: wiped when dropped, on both sides.
    pub(super) pin: Zeroizing<String>,
}

/// Each line after it: what is to be signed.
#[derive(Serialize, Deserialize)]
pub(super) struct Digest {
    pub(super) algorithm: Scheme,
    /// SHA-256 of it.
    pub(super) sha256: [u8; 32],
}

/// How an RSA key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Scheme {
    Ps256,
    Rs256,
}

impl From<Algorithm> for Scheme {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Ps256 => Self::Ps256,
            Algorithm::Rs256 => Self::Rs256,
        }
    }
}

/// The answer to either.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The token is logged in to, and the key is there.
    Opened,
    /// In base64.
    Signed(String),
    Refused(Refusal),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// For the operator: what went wrong, and what to do.
    pub(super) why: String,
    /// Whether it was the PIN: one more try may lock the token.
    pub(super) is_pin: bool,
}

impl Refusal {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_pin: false,
        }
    }
}
