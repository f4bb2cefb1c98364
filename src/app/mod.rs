//! The composition root: a configuration made alive, and how it listens, changes and ends.
//! `compose` keeps what is defined as before, `listen` binds and accepts, `reload` swaps the plan
//! under those who are served, `watch` sees that its files have changed, `follow` reads them again,
//! `succession` passes its sockets on, `drain` waits for who is served.

mod compose;
mod descriptors;
mod drain;
mod export;
mod follow;
mod inherited;
mod keeping;
mod listen;
mod notices;
mod reload;
mod sharing;
mod start;
mod succession;
mod warm;
mod watch;

pub use compose::ComposeError;
pub use follow::{Followed, Follower};
pub use inherited::Inherited;
pub use listen::{Bound, StartError, TlsRefused};
pub use reload::{ReloadError, Reloaded};
pub use start::App;
pub use succession::{MeetingPlace, Predecessor, Succession};
