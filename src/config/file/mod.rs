//! The file exactly as it is written: every object with its keys. The comments here are what an
//! editor shows by the JSON Schema. What it all means is `resolve`'s business.

mod balance;
mod choice;
mod cors;
mod credential;
mod identity;
mod issuer;
mod limit;
mod log;
mod managed_identity;
mod oauth2;
mod route;
mod server;
mod sign;
mod state;
mod tls;
mod traces;

pub(super) use balance::{Check, Health, Retries};
pub(super) use choice::{CallerHeaders, Callers, Proxy, Token};
pub(super) use cors::Cors;
pub(super) use credential::{
    AssertionFile, Certificate, Credential, Exec, FederatedToken, TokenProxy,
};
pub(super) use identity::Identity;
pub(super) use issuer::Issuer;
pub(super) use limit::Limit;
pub(super) use log::{Access, Log};
pub(super) use managed_identity::ManagedIdentity;
pub(super) use oauth2::{ClientAuth, OAuth2Identity, PrivateKey};
pub(super) use route::{ApiKey, Bearer, Entry, Match, OurToken, Route, Upstream};
pub(super) use server::{Admin, Fetch, File, FullProxy, Listener, Observer};
pub(super) use sign::{KeyVault, Pkcs11, Sign, VaultTransit};
pub(super) use state::{Redis, State};
pub(super) use tls::{ClientCertificate, ListenerCertificate, Tls};
pub(super) use traces::Traces;
