//! What does the file mean? Names are linked, rules are held, secrets and certificates are read, and
//! domain types come out. Every check runs, whatever else is wrong.

mod address;
mod admin;
mod balance;
mod bearer;
mod callers;
mod certificate;
mod cloud;
mod context;
mod cors;
mod identity;
mod issuer;
mod limit;
mod log;
mod microsoft;
mod names;
mod on_behalf_of;
mod route;
mod server;
mod state;
mod tls;
mod token;
mod traces;
mod upstream;
mod whole;

pub(super) use whole::resolve;
