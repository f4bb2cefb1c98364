//! What goes on to the upstream and what never does: spoofed identity headers, credentials,
//! method overrides, foreign forwarding headers, in every spelling; beside a token of ours only what
//! is on a list. Removals come first, then additions, each replacing what may be left under its name.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Admission;
use super::forwarding;
use super::telling::told;
use crate::outbound::Carried;
use crate::policy::Principal;
use crate::request::header_names::{NameRules, Removal, are_one};
use crate::request::{AccessRequest, Head};
use crate::routing::RouteDefinition;

/// What is stripped, prepared once for all routes of a plan.
#[derive(Debug)]
pub struct HeaderRules {
    names: NameRules,
}

impl HeaderRules {
    pub fn new<'a>(definitions: impl Iterator<Item = &'a RouteDefinition>) -> Self {
        let told = definitions.flat_map(|route| &route.caller_headers);
        Self {
            names: NameRules::with(told.map(|(name, _)| name)),
        }
    }

    /// Makes of a received head, where it stands, the one that goes on. Set, replacing what came, are
    /// `Authorization`, `caller_headers`, and on routes without a token of ours `X-Forwarded-For`,
    /// `-Proto`, `-Host`, `-Prefix` and `-Port` (continuing a trusted proxy's). `Host` and `X-Request-Id` are the proxy's.
    ///
    /// `strip` takes off what belongs to one connection: after that was read which is continued, and
    /// before ours is set, which is nobody's to take off.
    ///
    /// Gives back what was left out beside our token for no other reason than being on no list.
    pub fn edit(
        &self,
        headers: &mut HeaderMap,
        admission: &Admission,
        head: &Head,
        strip: impl FnOnce(&mut HeaderMap),
    ) -> Vec<HeaderName> {
        let (route, principal) = (admission.route(), admission.permit().principal());
        let edit = Edit {
            route: &route.definition,
            carries_ours: route.egress.is_ours(),
            credential: authorization(admission.token()),
            principal,
        };
        self.apply(edit, headers, head, strip)
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
    ) -> Vec<HeaderName> {
        let (route, ours) = (edit.route, edit.carries_ours);
        let forwarded = (!ours).then(|| {
            let stripped = route.upstream.strip_segments;
            forwarding::fields(AccessRequest { head, headers }, stripped)
        });
        strip(headers);
        let (mut removed, mut left_out) = (Vec::new(), Vec::new());
        for name in headers.keys() {
            match self.fate(route, ours, name) {
                Fate::GoesOn => {}
                // What is replaced as a whole need not be taken off before.
                Fate::Removed if edit.credential.is_some() && *name == AUTHORIZATION => {}
                Fate::Removed => removed.push(name.clone()),
                Fate::LeftOut => left_out.push(name.clone()),
            }
        }
        for name in removed.iter().chain(&left_out) {
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
        left_out
    }

    fn fate(&self, route: &RouteDefinition, carries_ours: bool, name: &HeaderName) -> Fate {
        let removal = self.names.removal(name);
        match removal {
            Removal::Never => Fate::GoesOn,
            Removal::Unlisted | Removal::OnTokenRoutes if !carries_ours => Fate::GoesOn,
            Removal::OnTokenRoutes => Fate::LeftOut,
            Removal::Always | Removal::Misspelled => Fate::Removed,
            // SECURITY: what this route tells of the caller is never the caller's to say.
            _ if route.keep_headers.contains(name) && !tells(route, name) => Fate::GoesOn,
            Removal::Unlisted => Fate::LeftOut,
            Removal::UnlessKept => Fate::Removed,
        }
    }
}

enum Fate {
    GoesOn,
    Removed,
    /// It is on no list of what goes on beside our token.
    LeftOut,
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
