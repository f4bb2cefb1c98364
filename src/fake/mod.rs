//! The whole thing without Azure: an Entra-shaped issuer, an echo API and a Graph-shaped mailbox, on
//! loopback, with keys in memory. `bearergate dev` runs it for users, and it is the only fake that
//! tests use; so it answers as the originals do, to the wire.

mod certificate;
mod contoso;
mod echo;
mod faults;
#[cfg(test)]
pub(crate) mod fixtures;
mod http;
mod issuer;
mod mailbox;
#[cfg(test)]
pub(crate) mod mint;
mod platform;
mod serve;
mod token;

pub use certificate::{CertificateAuthority, KeyPair};
pub use contoso::{Contoso, Neighbourhood, Ports};
pub use echo::Echo;
pub use faults::Faults;
pub use http::{Body, Intake, Origin, Pace, Request, Response};
pub use issuer::{
    Algorithm, ApiRegistration, AppRegistration, Behaviour, ExpiresIn, Generation, Issuer,
    KeyAnswer, Registry, SigningKey, TokenRequest, UserState,
};
pub use mailbox::{Mailbox, SentMail};
pub use platform::{Habits, Machine};
pub use serve::{Running, bind, serve};
pub use token::TokenBuilder;
