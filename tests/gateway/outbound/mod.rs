//! The leg away from us, through the real gateway: whose token goes where, what happens while none
//! can be had, and what must never go along or come out.

mod carried;
mod challenged;
mod chaos;
mod credentials;
mod discovered;
mod endpoint;
mod faults;
mod managed_identity;
mod microsoft;
mod mutual_tls;
mod oauth2;
mod orders;
mod refused;
mod renewal;
mod replayed;
mod restart;
mod shared;
mod start;

use crate::support::Setup;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// One organisation, an identity of its mail application, and an echo that takes its tokens.
fn setup() -> Setup {
    Setup::of("outbound.yaml")
}

/// The claims of the token in an `Authorization` header.
fn claims(authorization: &str) -> Value {
    let payload = authorization.split('.').nth(1).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
