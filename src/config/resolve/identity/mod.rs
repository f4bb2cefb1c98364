//! Identities: who the gateway is, and what proves it. One file a kind of client, one a kind of credential
//! that needs more than a line.

mod certificate;
mod credential;
mod entra;
mod exec;
mod federated_token;
mod foreign;
mod identities;
mod managed_identity;
mod oauth2;
mod others;
mod pkcs11;
mod private_key;
mod sign;

pub(super) use identities::identities;
