//! Which token is it? By a hash of all of it, for whatever is remembered of one.

use std::sync::LazyLock;

use openssl::sha::Sha256;

use super::{TokenError, UnverifiedToken};

/// SHA-256 of a whole token behind a prefix that this process drew: what is kept in memory is of
/// no use anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub fn of(token: &(impl AsRef<[u8]> + ?Sized)) -> Result<Self, TokenError> {
        static PREFIX: LazyLock<[u8; 16]> = LazyLock::new(|| uuid::Uuid::new_v4().into_bytes());
        let token = token.as_ref();
        if token.len() > UnverifiedToken::LONGEST {
            return Err(TokenError::TooLarge);
        }
        let mut digest = Sha256::new();
        digest.update(&*PREFIX);
        digest.update(token);
        Ok(Self(digest.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_too_long_to_look_at_is_not_hashed() {
        let longest = "x".repeat(UnverifiedToken::LONGEST);
        assert!(TokenDigest::of(&longest).is_ok());
        let longer = longest + "x";
        assert_eq!(TokenDigest::of(&longer), Err(TokenError::TooLarge));
    }

    #[test]
    fn the_digest_is_of_this_process_only() {
        let plain = openssl::sha::sha256(b"token");
        assert_ne!(TokenDigest::of("token").unwrap(), TokenDigest(plain));
        assert_eq!(
            TokenDigest::of("token").unwrap(),
            TokenDigest::of("token").unwrap()
        );
    }
}
