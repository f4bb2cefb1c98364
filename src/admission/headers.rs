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
use crate::routing::RouteDefinition;

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

    /// Makes of a received head, where it stands, the one that goes on. Set, replacing what came, are
    /// `Authorization`, `caller_headers`, and on routes without a token of ours `X-Forwarded-For`,
    /// `-Proto`, `-Host` (continuing a trusted proxy's). `Host` and `X-Request-Id` are the proxy's.
    ///
    /// `strip` takes off what belongs to one connection: after that was read which is continued, and
    /// before ours is set, which is nobody's to take off.
    pub fn edit(
        &self,
        headers: &mut HeaderMap,
        admission: &Admission,
        head: &Head,
        strip: impl FnOnce(&mut HeaderMap),
    ) {
        let (route, principal) = (admission.route(), admission.permit().principal());
        let edit = Edit {
            route: &route.definition,
            carries_ours: route.egress.is_ours(),
            credential: authorization(admission.token()),
            principal,
        };
        self.apply(edit, headers, head, strip);
    }

    /// When a field of this name does not go on.
    pub fn removal(&self, name: &HeaderName) -> Removal {
        self.names.removal(name)
    }

    fn apply(
        &self,
        edit: Edit<'_>,
        headers: &mut HeaderMap,
        head: &Head,
        strip: impl FnOnce(&mut HeaderMap),
    ) {
        let (route, ours) = (edit.route, edit.carries_ours);
        let forwarded = (!ours).then(|| forwarding::fields(AccessRequest { head, headers }));
        strip(headers);
        let removed: Vec<HeaderName> = self
            .removed(route, ours, headers)
            // What is replaced as a whole need not be taken off before.
            .filter(|name| edit.credential.is_none() || **name != AUTHORIZATION)
            .cloned()
            .collect();
        for name in removed {
            headers.remove(name);
        }
        if let Some(credential) = edit.credential {
            headers.insert(AUTHORIZATION, credential);
        }
        for (name, claim) in &route.caller_headers {
            if let Some(value) = told(edit.principal, *claim) {
                headers.insert(name.clone(), value);
            }
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
    principal: &'a Principal,
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

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
