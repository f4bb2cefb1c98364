//! A browser asks before a page's request: it is answered here, and goes no further. What it asks about is
//! the request to come, so the route is the one that takes that.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response};

use super::{Denial, Held, Plan, Refusal};
use crate::reason::Reason;
use crate::request::header_names::X_REQUEST_ID;
use crate::request::{AccessRequest, RequestId};
use crate::routing::{Route, RouteDefinition, origin_of};

/// Characters of an origin that the log is told.
const LONGEST_TOLD: usize = 100;

/// A question that its route answers: whether pages of this origin may call.
pub(super) struct Preflight {
    pub(super) route: Arc<Route>,
    origin: HeaderValue,
}

impl Preflight {
    /// `None` for any other request, and where no route says anything of web pages: then it is an
    /// ordinary one.
    pub(super) fn of(
        plan: &Plan,
        request: AccessRequest<'_>,
        held: &mut Held,
    ) -> Result<Option<Self>, Denial> {
        let Some(route) = asked_of(plan, request) else {
            return Ok(None);
        };
        held.at_the_door(plan, request).map_err(Denial::unrouted)?;
        let page = page(&route.definition, request.headers);
        let page = page.map_err(|(reason, detail)| Refusal::Guard { reason, detail }.on(route))?;
        Ok(page.map(|origin| Self {
            route: Arc::clone(route),
            origin: origin.clone(),
        }))
    }

    pub(super) fn answer(&self, request_id: &RequestId) -> Option<Response<Bytes>> {
        let cors = self.route.definition.cors.as_ref()?;
        let mut answer = cors.preflight(&self.origin).map(|()| Bytes::new());
        let id = request_id.header().clone();
        answer.headers_mut().insert(X_REQUEST_ID, id);
        Some(answer)
    }
}

/// The origin of the page that asks, where one does and the route says which may. A page that may not
/// is refused, whatever it would be let see.
pub(super) fn page<'a>(
    route: &RouteDefinition,
    headers: &'a HeaderMap,
) -> Result<Option<&'a HeaderValue>, (Reason, String)> {
    let Some(cors) = &route.cors else {
        return Ok(None);
    };
    let refused = |detail| (Reason::OriginNotAllowed, detail);
    match origin_of(headers) {
        Ok(Some(origin)) if !cors.allows(origin) => {
            let cut = String::from_utf8_lossy(origin.as_bytes());
            let cut: String = cut.chars().take(LONGEST_TOLD).collect();
            Err(refused(format!("the page's origin is `{cut}`")))
        }
        Ok(origin) => Ok(origin),
        Err(why) => Err(refused(why.to_string())),
    }
}

/// The same where it may, to be kept.
pub(super) fn origin(route: &RouteDefinition, headers: &HeaderMap) -> Option<HeaderValue> {
    page(route, headers).ok().flatten().cloned()
}

/// The route that takes the request which a browser asks for in advance, where that says who may.
fn asked_of<'a>(plan: &'a Plan, request: AccessRequest<'_>) -> Option<&'a Arc<Route>> {
    let AccessRequest { head, headers } = request;
    if head.method != Method::OPTIONS || !headers.contains_key(header::ORIGIN) {
        return None;
    }
    let mut methods = headers
        .get_all(header::ACCESS_CONTROL_REQUEST_METHOD)
        .iter();
    let (method, None) = (methods.next()?, methods.next()) else {
        return None;
    };
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let route = plan.routes.taking(head, &method).ok()?;
    route.definition.cors.is_some().then_some(route)
}
