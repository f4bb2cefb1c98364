//! What is there in the place of a token that an upstream refused?

use std::sync::Arc;

use super::{AccessToken, AcquireError, TokenSource};
use crate::refresh::Replacing;

/// What a token must be beyond a good one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    #[default]
    Nothing,
    /// Issued now: the one in hand, and whoever else has the same, was refused.
    Fresh,
    /// Issued now, and with these claims: JSON, as an API asked for them.
    Claims(Arc<str>),
}

#[derive(Clone, Debug)]
pub enum Replacement {
    /// Another one.
    Fresh(Arc<AccessToken>),
    /// None: it replaced another a short while ago, and was refused as well.
    TooSoon,
    /// The same one came again.
    Same,
    /// None could be had.
    Failed(AcquireError),
}

impl Replacement {
    /// Waits for it, where it is on its way.
    pub(super) async fn of(refused: &AccessToken, replacing: Replacing<TokenSource>) -> Self {
        let outcome = match replacing {
            Replacing::Done(token) => Ok(token),
            Replacing::Begun(coming) | Replacing::Coming(coming) => coming.outcome().await,
            Replacing::TooSoon => return Self::TooSoon,
            Replacing::Unavailable(why) => Err(why),
        };
        match outcome {
            // Azure hands out a managed identity's token again until it nearly ends.
            Ok(token) if token.header == refused.header => Self::Same,
            Ok(token) => Self::Fresh(token),
            Err(why) => Self::Failed(AcquireError::from(Box::new(why))),
        }
    }
}
