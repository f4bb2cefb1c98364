//! The mailbox API: which request goes where. Paths are read as Graph reads them, `/users('…')` and any
//! case included, so that what slips past a gateway's rules shows here.

use std::sync::Arc;

use http::{Method, StatusCode};
use parking_lot::{Mutex, RwLock};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::access::Access;
use super::list;
use super::refusal::{self, Refusal, ensure};
use super::samples::{self, Owner};
use super::send::{self, SentMail};
use crate::fake::faults::Faults;
use crate::fake::http::{Intake, Origin, Request, Response};
use crate::fake::issuer::Issuer;

const LARGEST_BODY: usize = 4 * 1024 * 1024;
const KEPT: usize = 100;

/// The mailbox API. Cloning shares it.
#[derive(Clone)]
pub struct Mailbox {
    state: Arc<State>,
}

struct State {
    issuer: Issuer,
    hosts: RwLock<Vec<String>>,
    sent: Mutex<Vec<SentMail>>,
    last: Mutex<Option<Request>>,
    door: Faults,
}

impl Mailbox {
    /// Mailboxes that trust that issuer. Reached as `graph.microsoft.com`, until told otherwise.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            state: Arc::new(State {
                issuer,
                hosts: RwLock::new(vec!["graph.microsoft.com".to_owned()]),
                sent: Mutex::default(),
                last: Mutex::default(),
                door: Faults::default(),
            }),
        }
    }

    pub fn accept_host(&self, authority: &str) {
        let mut hosts = self.state.hosts.write();
        if !hosts.iter().any(|known| known == authority) {
            hosts.push(authority.to_owned());
        }
    }

    /// Mail that was taken to be sent, oldest first; the latest hundred.
    pub fn sent(&self) -> Vec<SentMail> {
        self.state.sent.lock().clone()
    }

    /// The latest request, refused ones included.
    pub fn last(&self) -> Option<Request> {
        self.state.last.lock().clone()
    }

    pub fn faults(&self) -> &Faults {
        &self.state.door
    }

    fn serve(&self, request: &Request) -> Result<Response, Refusal> {
        self.check_host(request)?;
        let access = Access::of(request, &self.state.issuer)?;
        let mut resource = Resource::of(request.path())?;
        if resource.mine {
            resource.user = access.user_name().ok_or(refusal::NO_USER)?;
        }
        let names: Vec<&str> = resource.rest.iter().map(String::as_str).collect();
        match (&names[..], &request.method) {
            (["messages"] | ["mailfolders", "inbox", "messages"], &Method::GET) => {
                access.require(&["Mail.Read", "Mail.ReadWrite"])?;
                list::answer(resource.owner()?, request)
            }
            (["messages", id], &Method::GET) => {
                access.require(&["Mail.Read", "Mail.ReadWrite"])?;
                list::one(resource.owner()?, id)
            }
            (["sendmail"], &Method::POST) => {
                access.require(&["Mail.Send"])?;
                let mail = send::accept(resource.owner()?, request)?;
                let mut sent = self.state.sent.lock();
                if sent.len() == KEPT {
                    sent.remove(0);
                }
                sent.push(mail);
                Ok(Response::empty(StatusCode::ACCEPTED))
            }
            (["messages", ..] | ["mailfolders", "inbox", "messages"] | ["sendmail"], _) => {
                Err(refusal::OTHER_METHOD)
            }
            _ => Err(refusal::NO_SUCH_SEGMENT),
        }
    }

    /// Graph is many services behind one address: it knows which is meant by `Host` alone.
    fn check_host(&self, request: &Request) -> Result<(), Refusal> {
        let mut fields = request.headers.get_all("host").iter();
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Err(refusal::BAD_HOST);
        };
        let known = field.to_str().is_ok_and(|host| {
            let hosts = self.state.hosts.read();
            hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
        });
        ensure(known, refusal::BAD_HOST)
    }
}

impl Origin for Mailbox {
    fn intake(&self) -> Intake {
        Intake::Whole(LARGEST_BODY)
    }

    fn answer(&self, request: &Request) -> Response {
        *self.state.last.lock() = Some(request.clone());
        let id = Uuid::new_v4().hyphenated().to_string();
        let client_id = request.client_request_id();
        let client_id = client_id.unwrap_or_else(|| id.clone());
        let date = request.at.to_string();
        let (failure, pace) = self.state.door.admit();
        let refused = |refusal: Refusal| refusal.response(&date, [&id, &client_id]);
        match failure {
            Some(failure) => {
                let message = "The service is not available for the time being.";
                let refusal = Refusal(failure.status.as_u16(), "UnknownError", message);
                failure.stamp(refused(refusal))
            }
            None => self.serve(request).unwrap_or_else(refused),
        }
        .with("request-id", &id)
        .with("client-request-id", &client_id)
        .paced(pace)
    }
}

struct Resource {
    mine: bool,
    user: String,
    rest: Vec<String>,
}

impl Resource {
    fn of(path: &str) -> Result<Self, Refusal> {
        let segments = path
            .trim_matches('/')
            .split('/')
            .map(|segment| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned()))
            .collect::<Option<Vec<_>>>()
            .ok_or(refusal::NO_SUCH_SEGMENT)?;
        let [version, segments @ ..] = &segments[..] else {
            return Err(refusal::NO_SUCH_SEGMENT);
        };
        let mut versions = ["v1.0", "beta"].iter();
        let is_known = versions.any(|known| known.eq_ignore_ascii_case(version));
        ensure(is_known, refusal::BAD_VERSION)?;
        let (mine, user, rest) = match segments {
            [me, rest @ ..] if me.eq_ignore_ascii_case("me") => (true, String::new(), rest),
            [users, user, rest @ ..] if users.eq_ignore_ascii_case("users") => {
                (false, user.clone(), rest)
            }
            [users, rest @ ..] => {
                let user = in_parentheses(users).ok_or(refusal::NO_SUCH_SEGMENT)?;
                (false, user, rest)
            }
            [] => return Err(refusal::NO_SUCH_SEGMENT),
        };
        // Names of the model are read in any case; a message's id, after `messages`, is not.
        let mut lower: Vec<String> = rest.iter().map(|name| name.to_ascii_lowercase()).collect();
        if let ([first, ..], [_, id]) = (&lower[..], rest)
            && first == "messages"
        {
            lower[1].clone_from(id);
        }
        Ok(Self {
            mine,
            user,
            rest: lower,
        })
    }

    fn owner(&self) -> Result<&'static Owner, Refusal> {
        samples::owner(&self.user).ok_or(refusal::INVALID_USER)
    }
}

/// `users('ann@contoso.example')` is another spelling of `users/ann@contoso.example`.
fn in_parentheses(segment: &str) -> Option<String> {
    let (start, user) = segment.split_at_checked(7)?;
    let user = user.strip_suffix("')")?;
    start
        .eq_ignore_ascii_case("users('")
        .then(|| user.to_owned())
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "send_tests.rs"]
mod send_tests;
