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
use crate::policy::{Evidence, Principal};
use crate::request::{AccessRequest, Head, Limits as HeadLimits, Params, Peer, Sent};

const REALM: &str = "bearergate status";

/// RFC 9457, as callers of routes get it.
#[derive(Serialize)]
struct Problem<'a> {
    status: u16,
    title: &'a str,
    reason: &'a str,
}

/// What is answered to whom it is not shown.
type Refusal = Box<Response<Vec<u8>>>;

impl Admin {
    /// Nothing where it may be shown, else the answer that says why not.
    pub(super) async fn keeps_from(
        &self,
        plan: &Plan,
        head: &Parts,
        peer: Peer,
        now: UnixTime,
    ) -> Option<Response<Vec<u8>>> {
        let judged = self.judge(plan, head, peer, now).await;
        judged.err().map(|refusal| *refusal)
    }

    async fn judge(
        &self,
        plan: &Plan,
        head: &Parts,
        peer: Peer,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let principal = match &plan.observers {
            None => {
                self.is_of_this_host(head)?;
                None
            }
            Some(gate) => {
                let read = read(head, peer)?;
                let headers = &head.headers;
                let request = AccessRequest {
                    head: &read,
                    headers,
                };
                let proven = gate.identify(request, now).await;
                Some(admit(gate, proven, head, peer)?)
            }
        };
        // SECURITY: whom the plan refuses that is about to take this one's place is refused at once: who
        // revokes a key must not wait for an issuer that is new beside it.
        let next = plan.next.load();
        let Some(next) = &*next else { return Ok(()) };
        let Some(gate) = &next.observers else {
            return self.is_of_this_host(head);
        };
        let read = read(head, peer)?;
        let headers = &head.headers;
        let request = AccessRequest {
            head: &read,
            headers,
        };
        let (proven, unproven) = match gate.identify_now(request, now) {
            Ok((proven, unproven)) => (Ok(proven), unproven),
            Err(why) => (Err(why), false),
        };
        // A token that its keys have not come for is judged by this plan alone, and excuses no revoked key.
        if unproven && matches!(principal, Some(Principal::Token(_))) {
            return Ok(());
        }
        admit(gate, proven, head, peer).map(drop)
    }

    /// Where nobody is named, whoever is on this host may see it.
    fn is_of_this_host(&self, head: &Parts) -> Result<(), Refusal> {
        let open = self.address.ip().is_loopback();
        let why = match comes_from_elsewhere(&head.headers) {
            _ if !open => "off loopback",
            true => "through a proxy, or from another site's page",
            false => return Ok(()),
        };
        let why =
            format!("{why}, the status page is shown only to those whom `admin.callers` names\n");
        Err(Box::new(page(StatusCode::FORBIDDEN, TEXT, why.into())))
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

fn read(head: &Parts, peer: Peer) -> Result<Head, Refusal> {
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
    Head::read(&"admin".into(), peer, &sent, &limits).map_err(|why| {
        let why = why.to_string().into();
        Box::new(page(StatusCode::BAD_REQUEST, TEXT, why))
    })
}

/// Whom the gate lets in by what was proven.
fn admit(
    gate: &Gate,
    proven: Result<Evidence, AuthError>,
    head: &Parts,
    peer: Peer,
) -> Result<Principal, Refusal> {
    let permit = proven.and_then(|proven| gate.authorize(proven, &Params::none()));
    let refused = match permit {
        Ok(permit) => {
            let principal = permit.principal().clone();
            let refusal = wrong_name(&principal, head);
            return refusal.map_or(Ok(principal), |refusal| Err(Box::new(refusal)));
        }
        Err(why) => why,
    };
    let reason = refused.reason();
    let detail = gate.told(&refused);
    tracing::warn!(peer = %peer.address, %reason, detail, "the status page is not shown");
    Err(Box::new(answer(gate, &refused)))
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
