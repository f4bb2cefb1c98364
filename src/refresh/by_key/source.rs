//! Where does the one of a key come from, and whose fault is it where none comes? What a room that keeps
//! many says of them.

use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use crate::clock::UnixTime;
use crate::refresh::{Expires, Failure};

pub trait KeyedSource: Send + Sync + 'static {
    type Key: Copy + Eq + Hash + Send + Sync + 'static;
    /// What a fetch needs beside, and nobody keeps.
    type Needed: Send + 'static;
    type Item: Expires + Send + Sync + 'static;
    type Error: KeyedFailure;

    /// Fetches one, in bounded time.
    fn fetch(
        &self,
        needed: Self::Needed,
        now: UnixTime,
    ) -> impl Future<Output = Result<Self::Item, Self::Error>> + Send;

    /// How many bytes one takes up.
    fn weight(item: &Self::Item) -> u32;

    /// Tells the log how a fetch ended, and, where everybody fails, for how long nobody asks.
    fn tell(&self, outcome: Result<&Self::Item, &Self::Error>, paused: Option<Duration>);
}

pub trait KeyedFailure: Failure {
    /// Whether it is this key that is refused; others may do better.
    fn is_of_the_key(&self) -> bool;

    /// Of one more than may be in flight.
    fn crowded() -> Self;
}
