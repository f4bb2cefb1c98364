//! What goes on to the upstream and what never does: spoofed identity headers, credentials,
//! method overrides, foreign forwarding headers, in every spelling. Removals come first, then
//! additions, each replacing what may be left under its name.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Admission;
use super::forwarding;
use super::telling::told;
use crate::outbound::Carried;
use crate::policy::Principal;
use crate::request::header_names::{Removal, RemovedNames, are_one};
use crate::request::{AccessRequest, Head};
use crate::routing::{Route, RouteDefinition};

/// What is stripped, prepared once for all routes of a plan.
#[derive(Debug)]
pub struct HeaderRules {
    names: RemovedNames,
}

impl HeaderRules {
    pub fn new<'a>(definitions: impl Iterator<Item = &'a RouteDefinition>) -> Self {
        let told = definitions.flat_map(|route| &route.caller_headers);
        Self {
            names: RemovedNames::with(told.map(|(name, _)| name)),
        }
    }

    /// Makes of a received head, where it stands, the one that goes on. Hop-by-hop fields are the
    /// relay's business, and so are `Host` and `X-Request-Id`.
    pub fn edit(&self, headers: &mut HeaderMap, admission: &Admission, head: &Head) {
        let (route, principal) = (admission.route(), admission.permit().principal());
        let edit = Edit {
            route: &route.definition,
            carries_ours: route.egress.is_ours(),
            credential: authorization(admission.token()),
        };
        self.apply(edit, headers, principal, head);
    }

    /// The received fields that must not go on; allocates only where there are any. Hop-by-hop
    /// fields are Pingora's business, `X-Request-Id` is the proxy's.
    pub fn removals(&self, route: &Route, headers: &HeaderMap) -> Vec<HeaderName> {
        let removed = self.removed(&route.definition, route.egress.is_ours(), headers);
        removed.cloned().collect()
    }

    /// The fields that we set, replacing what came: `Authorization`, `caller_headers`, and on routes
    /// without a token of ours `X-Forwarded-For`, `-Proto`, `-Host` (continuing a trusted proxy's).
    pub fn additions(
        &self,
        admission: &Admission,
        request: AccessRequest<'_>,
    ) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let route = admission.route();
        let credential = authorization(admission.token()).map(|value| (AUTHORIZATION, value));
        let told = caller_fields(&route.definition, admission.permit().principal());
        let forwarded = (!route.egress.is_ours()).then(|| forwarding::fields(request));
        let forwarded = forwarded.into_iter().flatten().flatten();
        credential.into_iter().chain(told).chain(forwarded)
    }

    /// When a field of this name does not go on.
    pub fn removal(&self, name: &HeaderName) -> Removal {
        self.names.removal(name)
    }

    fn apply(&self, edit: Edit<'_>, headers: &mut HeaderMap, principal: &Principal, head: &Head) {
        let Edit {
            route,
            carries_ours,
            credential,
        } = edit;
        // Before anything is removed, for it continues what a trusted proxy said.
        let forwarded =
            (!carries_ours).then(|| forwarding::fields(AccessRequest { head, headers }));
        let removed: Vec<HeaderName> = self
            .removed(route, carries_ours, headers)
            // What is replaced as a whole need not be taken off before.
            .filter(|name| credential.is_none() || **name != AUTHORIZATION)
            .cloned()
            .collect();
        for name in removed {
            headers.remove(name);
        }
        if let Some(credential) = credential {
            headers.insert(AUTHORIZATION, credential);
        }
        for (name, value) in caller_fields(route, principal) {
            headers.insert(name, value);
        }
        for (name, value) in forwarded.into_iter().flatten().flatten() {
            headers.insert(name, value);
        }
    }

    fn removed<'a>(
        &self,
        route: &RouteDefinition,
        carries_ours: bool,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = &'a HeaderName> {
        headers
            .keys()
            .filter(move |name| match self.names.removal(name) {
                Removal::Never => false,
                Removal::Always | Removal::Misspelled => true,
                Removal::OnTokenRoutes => carries_ours,
                // SECURITY: what this route tells of the caller is never the caller's to say.
                Removal::UnlessKept => !route.keep_headers.contains(name) || tells(route, name),
            })
    }
}

/// What one request's edit depends on beside its head.
struct Edit<'a> {
    route: &'a RouteDefinition,
    carries_ours: bool,
    credential: Option<HeaderValue>,
}

fn tells(route: &RouteDefinition, name: &HeaderName) -> bool {
    let mut told = route.caller_headers.iter();
    told.any(|(own, _)| are_one(own.as_str(), name.as_str()))
}

fn authorization(carried: &Carried) -> Option<HeaderValue> {
    let mut value = match carried {
        Carried::Nothing => return None,
        Carried::CallersOwn(value) => value.clone(),
        Carried::App(token) => token.header.clone(),
    };
    value.set_sensitive(true);
    Some(value)
}

fn caller_fields(
    route: &RouteDefinition,
    principal: &Principal,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let fields = route.caller_headers.iter();
    fields.filter_map(|(name, claim)| Some((name.clone(), told(principal, *claim)?)))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
