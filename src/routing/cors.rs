//! Which web pages may call a route, and what browsers are told of it (Fetch, §3.2). What browsers do not
//! ask for, or do not keep to, is no business of this: who may come in is said by `callers`.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

const ANY: HeaderValue = HeaderValue::from_static("*");
/// What answers of our own say, and pages may want to know.
const TOLD: &str = "x-request-id, www-authenticate, retry-after, ratelimit, ratelimit-policy";
/// Whatever an upstream says of this is not its to say where the route does.
const OURS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    exposed: HeaderValue,
    max_age: HeaderValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every page there is; never with credentials.
    Any,
    /// As browsers write them.
    Listed(Vec<String>),
}

/// What the file says of it.
pub struct CorsDefinition<'a> {
    pub origins: Origins,
    /// Whether a browser may add cookies, and what else it keeps.
    pub credentials: bool,
    pub methods: &'a [Method],
    /// Fields that pages may send beside those that always may.
    pub headers: &'a [HeaderName],
    /// Fields of answers that pages may read beside those that always may.
    pub expose: &'a [HeaderName],
    pub max_age: Duration,
}

impl From<CorsDefinition<'_>> for Cors {
    fn from(definition: CorsDefinition<'_>) -> Self {
        let exposed = definition.expose.iter().map(HeaderName::as_str);
        Self {
            origins: definition.origins,
            credentials: definition.credentials,
            methods: list(definition.methods.iter().map(Method::as_str)),
            headers: (!definition.headers.is_empty())
                .then(|| list(definition.headers.iter().map(HeaderName::as_str))),
            exposed: list(std::iter::once(TOLD).chain(exposed)),
            max_age: HeaderValue::from(definition.max_age.as_secs()),
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> HeaderValue {
    let names: Vec<_> = names.collect();
    // INVARIANT: names of methods and fields, and commas.
    HeaderValue::try_from(names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The one `Origin` of a request. `None` where there is none; an error where there are several.
pub fn origin_of(headers: &HeaderMap) -> Result<Option<&HeaderValue>, SeveralOrigins> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (origin, None) => Ok(origin),
        _ => Err(SeveralOrigins),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than one Origin")]
pub struct SeveralOrigins;

impl Cors {
    /// Whether pages of this origin may call. SECURITY: compared byte for byte: what only begins or ends
    /// like one that may is another one, and so is `null`.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Listed(listed) => {
                let mut listed = listed.iter();
                listed.any(|known| known.as_bytes() == origin.as_bytes())
            }
        }
    }

    /// Says to an answer's caller what its browser lets a page of `origin` see of it.
    pub fn tell(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        for name in &OURS {
            headers.remove(name);
        }
        if self.origins != Origins::Any {
            varies_by_origin(headers);
        }
        if self.admit(origin, headers) {
            let exposed = self.exposed.clone();
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    /// The answer to a browser that asks before a page's request.
    pub fn preflight(&self, origin: &HeaderValue) -> Response<()> {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        varies_by_origin(headers);
        if self.admit(Some(origin), headers) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            if let Some(names) = &self.headers {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        answer
    }

    fn admit(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
        let allowed = match self.origins {
            // Whoever asks: what a cache keeps of an answer to no page must do for one.
            Origins::Any => Some(ANY),
            Origins::Listed(_) => origin.filter(|origin| self.allows(origin)).cloned(),
        };
        let Some(origin) = allowed else {
            return false;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        true
    }

    /// For people.
    pub fn told(&self) -> String {
        let pages = match &self.origins {
            Origins::Any => "of any origin".to_owned(),
            Origins::Listed(listed) => format!("of {}", listed.join(" or ")),
        };
        match self.credentials {
            true => format!("{pages}, with credentials"),
            false => pages,
        }
    }
}

/// What is kept for the page of one origin must not be given to that of another.
fn varies_by_origin(headers: &mut HeaderMap) {
    let varies = headers.get_all(header::VARY).iter().any(|line| {
        let mut names = line.as_bytes().split(|byte| *byte == b',');
        names.any(|name| matches!(name.trim_ascii(), b"*") || is_origin(name))
    });
    if !varies {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn is_origin(name: &[u8]) -> bool {
    name.trim_ascii().eq_ignore_ascii_case(b"origin")
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
