//! An API in the shape of Microsoft Graph, with three mailboxes: it lists messages and takes mail to send,
//! and refuses what Graph would refuse.

mod access;
mod graph;
mod list;
#[rustfmt::skip]
mod refusal;
mod samples;
mod send;

pub use graph::Mailbox;
pub use send::SentMail;
