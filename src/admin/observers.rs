//! Who may see the status page? On loopback whoever is on this host, unless `admin.callers` names
//! others; elsewhere nobody but those. The gate is the one that routes have.

use std::net::IpAddr;

use http::header::{HeaderName, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::Admin;
use super::pages::{PROBLEM, TEXT, names_address, only_host, page};
use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::edge::Limits;
use crate::inbound::{AuthError, Gate};
use crate::policy::Principal;
use crate::request::{AccessRequest, Head, HeadError, Limits as HeadLimits, Params, Peer, Sent};

const REALM: &str = "bearergate status";

/// RFC 9457, as callers of routes get it.
#[derive(Serialize)]
struct Problem<'a> {
    status: u16,
    title: &'a str,
    reason: &'a str,
}

impl Admin {
    /// Nothing where it may be shown, else the answer that says why not.
    pub(super) async fn keeps_from(
        &self,
        plan: &Plan,
        head: &Parts,
        peer: Peer,
        now: UnixTime,
    ) -> Option<Response<Vec<u8>>> {
        let Some(gate) = &plan.observers else {
            let open = self.address.ip().is_loopback();
            let why = match comes_from_elsewhere(&head.headers) {
                _ if !open => "off loopback",
                true => "through a proxy, or from another site's page",
                false => return None,
            };
            let why = format!(
                "{why}, the status page is shown only to those whom `admin.callers` names\n"
            );
            return Some(page(StatusCode::FORBIDDEN, TEXT, why.into()));
        };
        let read = match read(head, peer) {
            Ok(read) => read,
            Err(why) => return Some(page(StatusCode::BAD_REQUEST, TEXT, why.to_string().into())),
        };
        let request = AccessRequest {
            head: &read,
            headers: &head.headers,
        };
        let refused = match admit(gate, request, now).await {
            Ok(principal) => return wrong_name(&principal, head),
            Err(why) => why,
        };
        let reason = refused.reason();
        let detail = gate.told(&refused);
        tracing::warn!(peer = %peer.address, %reason, detail, "the status page is not shown");
        Some(answer(gate, &refused))
    }
}

/// SECURITY: a proxy on this host, a route of ours too, asks from loopback for whoever asks it. Those
/// that say so are told; one that says nothing cannot be.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let of_a_proxy = |name: &HeaderName| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
    };
    let site = headers.get("sec-fetch-site");
    headers.keys().any(of_a_proxy)
        || headers.contains_key(ORIGIN)
        || site.is_some_and(|site| site != "none" && site != "same-origin")
}

fn read(head: &Parts, peer: Peer) -> Result<Head, HeadError> {
    let sent = Sent {
        method: &head.method,
        version: head.version,
        uri: &head.uri,
        authority: None,
        headers: &head.headers,
    };
    let limits = HeadLimits {
        uri: Limits::default().uri,
        body: 0,
    };
    Head::read(&"admin".into(), peer, &sent, &limits)
}

async fn admit(
    gate: &Gate,
    request: AccessRequest<'_>,
    now: UnixTime,
) -> Result<Principal, AuthError> {
    let proven = gate.identify(request, now).await?;
    let permit = gate.authorize(proven, &Params::none())?;
    Ok(permit.principal().clone())
}

/// SECURITY: a web page can have its own name lead to any address that its reader reaches (DNS
/// rebinding), and reads there what that address alone is let in to. By an address, it cannot.
fn wrong_name(principal: &Principal, head: &Parts) -> Option<Response<Vec<u8>>> {
    let by_address = matches!(principal, Principal::Address(_) | Principal::Anyone);
    let named = only_host(&head.headers).is_some_and(names_address);
    let why = "who is let in by address alone asks by address, or by `localhost`: http://10.1.2.3:9090/status\n";
    (by_address && !named).then(|| page(StatusCode::MISDIRECTED_REQUEST, TEXT, why.into()))
}

fn answer(gate: &Gate, why: &AuthError) -> Response<Vec<u8>> {
    let reason = why.reason();
    let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::FORBIDDEN);
    let problem = Problem {
        status: status.as_u16(),
        title: reason.sentence(),
        reason: reason.word(),
    };
    // A struct of texts and a number always has a JSON form.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut answer = page(status, PROBLEM, body);
    let headers = answer.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let error = why.is_of_bearer().then_some("invalid_token");
        for challenge in gate.challenge(REALM, error, reason.sentence()) {
            if let Ok(value) = HeaderValue::try_from(challenge) {
                headers.append(WWW_AUTHENTICATE, value);
            }
        }
    }
    if let Some(wait) = why.retry_after() {
        headers.insert(RETRY_AFTER, wait.as_secs().max(1).into());
    }
    answer
}

/// Whom the admin listener takes a peer for: there are no proxies that it trusts.
pub(super) fn peer(address: IpAddr, encrypted: bool) -> Peer {
    Peer::of(address, &http::HeaderMap::new(), &[]).over(encrypted)
}
