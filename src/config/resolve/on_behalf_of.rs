//! May the callers of a route be acted for? Entra exchanges a user's token, for the application that it is for,
//! in the cloud that it is of; what it would refuse from each and every caller is refused here.

use super::cloud;
use super::context::{Context, rules};
use super::names::Known;
use crate::config::file::{Bearer, Callers as Written, Identity, OurToken, Route};
use crate::entra::Endpoint;
use crate::guid::Guid;
use crate::located::At;
use crate::outbound::Applications;
use crate::policy::{
    Audience, BearerConditions, Callers, Credential, PrincipalKind, PrincipalRule,
};

/// Scopes of OpenID Connect, of no API.
const OF_OPENID: [&str; 5] = ["openid", "profile", "email", "address", "phone"];
/// Asks for a refresh token.
const OFFLINE: &str = "offline_access";

/// What scopes of a user are for, where they are all of one API.
pub(super) fn resource(scope: &str) -> Option<&str> {
    let mut resources = scope.split_whitespace().map(|scope| {
        let (resource, name) = scope.rsplit_once('/')?;
        let is_whole = !resource.is_empty() && !resource.ends_with(":/");
        (is_whole && !name.is_empty()).then_some(resource)
    });
    let first = resources.next()??;
    resources.all(|other| other == Some(first)).then_some(first)
}

/// What an application asks for the same API by.
pub(super) fn scope_of_apps(scope: &str) -> Option<String> {
    Some(format!("{}/.default", resource(scope)?))
}

pub(super) fn check_scope(context: &mut Context<'_>, ours: &OurToken, identity: Option<&Identity>) {
    let Some(scope) = ours.scope.value().map(|scope| scope.0.as_str()) else {
        return;
    };
    let has = |words: &[&str]| scope.split_whitespace().any(|one| words.contains(&one));
    let defaults = scope
        .split_whitespace()
        .filter(|one| one.ends_with("/.default"));
    let (default, count) = (defaults.count() > 0, scope.split_whitespace().count());
    let (offline, openid) = (has(&[OFFLINE]), has(&OF_OPENID));
    let endpoint = identity.and_then(|identity| Some(*identity.entra.value()?.endpoint));
    rules! { context,
        offline => ours.scope.node(), "refresh tokens are neither asked for nor kept",
            "leave `offline_access` out: what is exchanged ends with the caller's token";
        openid && !offline => ours.scope.node(), "this is a scope for signing in, of no API";
        !offline && !openid && resource(scope).is_none() => ours.scope.node(),
            "scopes to act for a user by are of one API, each with its App ID URI",
            "such as https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read";
        default && count > 1 => ours.scope.node(),
            "`/.default` is all that was consented to; no other scope goes beside it";
        endpoint == Some(Endpoint::V1) && !default => ours.scope.node(),
            "`endpoint: v1` takes no scopes but `/.default`";
    }
}

pub(super) fn check(
    context: &mut Context<'_>,
    known: &Known<'_>,
    (route, ours): (&Route, &OurToken),
    identity: Option<&Identity>,
    callers: Option<&Callers>,
) {
    rules! { context,
        identity.is_some_and(|it| it.managed_identity.is_written()) => ours.identity.node(),
            "only an app registration acts for users, and this identity is the platform's",
            "an identity of `entra`, which the platform's may prove: `credentials: [managed_identity: {}]`";
        // SECURITY: it would be given a token of its own, whoever calls.
        identity.is_some_and(|it| it.oauth2.is_written()) => ours.identity.node(),
            "only an app registration of Entra acts for users, and this identity is another server's",
            "other servers exchange tokens in another way (RFC 8693), which is not offered";
    }
    check_scope(context, ours, identity);
    let written = match route.callers.value() {
        Some(Written::Entries(entries, _)) => &entries[..],
        Some(Written::Public) | None => &[],
    };
    for at in written {
        rules! { context,
            !at.bearer.is_written() && at.complete => at.node,
                "`on_behalf_of` needs a bearer token from every caller",
                "it is the caller's token that is exchanged";
        }
    }
    let resolved = callers.map(Callers::entries).unwrap_or_default();
    let mut apps = false;
    for (at, entry) in written.iter().zip(resolved) {
        if let (Some(Credential::Bearer(bearer)), Some(place)) =
            (&entry.credential, at.bearer.get())
        {
            apps |= bearer.principal != PrincipalRule::Only(PrincipalKind::User);
            check_entry(context, known, ours, identity, (place, bearer));
        }
    }
    rules! { context,
        *ours.app == Applications::AppOnly && !resolved.is_empty() && !apps => ours.app.node(),
            "no entry lets in an application, for which `app_only` is";
    }
}

fn check_entry(
    context: &mut Context<'_>,
    known: &Known<'_>,
    ours: &OurToken,
    identity: Option<&Identity>,
    (at, bearer): (&At<Bearer>, &BearerConditions),
) {
    let only_apps = bearer.principal == PrincipalRule::Only(PrincipalKind::App);
    rules! { context,
        only_apps && *ours.app == Applications::Refuse => at.principal.node().unwrap_or(at.node),
            "this entry lets in applications, whose tokens cannot be exchanged",
            "`principal: user`, or `scp`, is for users";
    }
    let Some(own) = identity.and_then(|identity| identity.entra.value()) else {
        return;
    };
    if let Some(client_id) = own.client_id.value() {
        let place = at.audiences.node().unwrap_or(at.node);
        for other in bearer.audiences.iter().filter_map(application) {
            rules! { context,
                other != *client_id => place,
                    format!("a token for {other} is not this identity's to exchange, which is {client_id}"),
                    "an identity exchanges the tokens that are for itself: it is the API's own registration";
            }
        }
    }
    let issuer = known.issuers.named(&bearer.issuer);
    if let Some(theirs) = issuer.and_then(|issuer| issuer.entra.value()) {
        let (theirs, own) = (*theirs.cloud, *own.cloud);
        rules! { context,
            theirs != own => at.issuer.node(),
                format!(
                    "tokens of the cloud `{}` are not exchanged in `{}`",
                    cloud::word(theirs), cloud::word(own)
                );
        }
    }
}

/// The application that an audience is, where that can be told.
fn application(audience: &Audience) -> Option<Guid> {
    match audience {
        Audience::Application(guid) => Some(*guid),
        Audience::Literal(text) => text.strip_prefix("api://")?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_of_one_api() {
        for (scope, expected) in [
            (
                "https://graph.microsoft.com/Mail.Read",
                Some("https://graph.microsoft.com"),
            ),
            (
                "https://graph.microsoft.com/Mail.Read  https://graph.microsoft.com/User.Read",
                Some("https://graph.microsoft.com"),
            ),
            (
                "https://graph.microsoft.com/.default",
                Some("https://graph.microsoft.com"),
            ),
            (
                "https://management.azure.com//.default",
                Some("https://management.azure.com/"),
            ),
            ("api://orders/Orders.Read", Some("api://orders")),
            (
                "06b2a484-141c-42d3-9d73-32bec5910b06/a",
                Some("06b2a484-141c-42d3-9d73-32bec5910b06"),
            ),
            (
                "https://graph.microsoft.com/Mail.Read https://outlook.office.com/Mail.Read",
                None,
            ),
            ("https://graph.microsoft.com/Mail.Read User.Read", None),
            ("https://graph.microsoft.com", None),
            ("api://orders", None),
            ("https://graph.microsoft.com/", None),
            ("Mail.Read", None),
            ("/Mail.Read", None),
            (" ", None),
            ("", None),
        ] {
            assert_eq!(resource(scope), expected, "{scope}");
        }
        let apps = scope_of_apps("https://graph.microsoft.com/Mail.Read");
        assert_eq!(
            apps.as_deref(),
            Some("https://graph.microsoft.com/.default")
        );
    }
}
