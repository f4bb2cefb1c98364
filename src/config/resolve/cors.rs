//! Which web pages may call: what must be said, and what must not be opened.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, Method};

use super::context::{Context, rules};
use crate::config::file::{Callers, Cors as Written, Route, Token};
use crate::config::value::FieldName;
use crate::located::At;
use crate::routing::{Cors, CorsDefinition, Origins};

/// Where a route takes all methods: those that pages use.
const ORDINARY: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What pages send who bring a token.
const USUAL: [HeaderName; 2] = [AUTHORIZATION, CONTENT_TYPE];

/// `None` only where a problem has been noted. `taken`: the methods that the route takes.
pub(super) fn cors(
    context: &mut Context<'_>,
    route: &Route,
    at: &At<Written>,
    taken: Option<&[Method]>,
) -> Option<Cors> {
    let written = &at.value;
    let listed = written.origins.value()?;
    let any = listed.0.iter().find(|origin| origin.is_any());
    let credentials = &written.credentials;
    rules! { context,
        listed.0.len() > 1 => any.map(|any| any.node),
            "`*` is every page there is: the others say nothing";
        **credentials && any.is_some() => credentials.node(),
            "with credentials, every page of the web could call as whoever opens it",
            "name the pages in `origins`";
    }
    for origin in listed.0.iter().filter(|_| **credentials) {
        rules! { context,
            origin.can_be_changed_on_the_way() => origin.node,
                "with credentials, whoever is between a browser and this page could call as its user",
                "https, or `localhost`";
        }
    }
    if let Some(Token::Ours(_)) = route.token.value() {
        check_ours(context, route, at, any.is_some());
    }
    let methods = methods(context, written, taken)?;
    let names = |names: &[At<FieldName>]| -> Vec<HeaderName> {
        names.iter().map(|at| at.value.0.clone()).collect()
    };
    let headers = written.headers.value().map(|listed| names(&listed.0));
    let expose = names(&written.expose);
    Some(Cors::from(CorsDefinition {
        origins: match any {
            Some(_) => Origins::Any,
            None => Origins::Listed(listed.values().map(|origin| origin.0.clone()).collect()),
        },
        credentials: **credentials,
        methods: &methods,
        headers: headers.as_deref().unwrap_or(&USUAL),
        expose: &expose,
        max_age: *written.max_age,
    }))
}

/// SECURITY: beside the gateway's own token a page may act by what it brings, never by what a browser
/// adds or by where it runs.
fn check_ours(context: &mut Context<'_>, route: &Route, at: &At<Written>, any: bool) {
    let entries = match route.callers.value() {
        Some(Callers::Entries(entries, _)) => &entries[..],
        Some(Callers::Public) | None => &[],
    };
    let bare = entries
        .iter()
        .find(|entry| !entry.bearer.is_written() && !entry.api_key.is_written() && entry.complete);
    let place = bare.map(|entry| context.reader.tree().path(entry.node));
    rules! { context,
        any => at.origins.node(), "every page of the web may not call a route that carries the gateway's token",
            "name the pages in `origins`";
        *at.credentials => at.credentials.node(),
            "pages that call a route with the gateway's token bring their own credential";
        place.is_some() => at.node,
            "pages may not call a route that carries the gateway's token by where a browser runs",
            format_args!("{} lets them in without a credential", place.unwrap_or_default());
    }
}

fn methods(
    context: &mut Context<'_>,
    written: &Written,
    taken: Option<&[Method]>,
) -> Option<Vec<Method>> {
    let takes = |method: &Method| {
        let get = *method == Method::HEAD && taken.is_some_and(|it| it.contains(&Method::GET));
        get || taken.is_none_or(|taken| taken.contains(method))
    };
    let Some(listed) = written.methods.value() else {
        let none = !written.methods.is_written();
        return none.then(|| taken.unwrap_or(&ORDINARY).to_vec());
    };
    let mut methods = Vec::new();
    for at in &listed.0 {
        let method = Method::from_bytes(at.value.0.as_bytes()).ok()?;
        rules! { context,
            !takes(&method) => at.node, format!("the route does not take {method}");
        }
        methods.push(method);
    }
    Some(methods)
}
