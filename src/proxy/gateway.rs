//! The gateway behind a listener: each request gets a record, is decided about, and is relayed or
//! answered.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;

use super::{AnswerBody, early, relay};
use crate::admission::{Record, Shared};
use crate::edge::{Abandoned, Application, Conversation, ListenerDefinition, Misread};
use crate::http1::Kind;
use crate::reason::Reason;
use crate::request::{Limits, Peer, Sent};

pub struct Gateway {
    pub(super) listener: ListenerDefinition,
    limits: Limits,
    pub(super) shared: Arc<Shared>,
}

impl Gateway {
    pub fn new(listener: ListenerDefinition, shared: Arc<Shared>) -> Self {
        let limits = Limits {
            uri: listener.limits.uri,
            body: listener.limits.body,
        };
        Self {
            listener,
            limits,
            shared,
        }
    }
}

impl Application for Gateway {
    type Body = AnswerBody;

    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        conversation: Arc<Conversation>,
    ) -> Result<Response<AnswerBody>, Abandoned> {
        // It is moved about a good deal, and is large.
        let mut record = Box::new(Record::begin(&self.shared, &self.listener.name));
        let (head, body) = request.into_parts();
        let address = conversation.peer().ip();
        let peer = Peer::of(address, &head.headers, &self.listener.trusted_proxies);
        record.meet(Some(peer), &head.method, &head.headers);
        let sent = Sent {
            method: &head.method,
            version: head.version,
            uri: &head.uri,
            authority: None,
            headers: &head.headers,
        };
        let now = record.began();
        let admitted = record.decide(&sent, &self.limits, now).await;
        if admitted {
            relay::forward(&self, record, head, body, conversation).await
        } else {
            early::answer(&self, record, &head, body, &conversation).await
        }
    }

    fn is_one_of_many(&self, peer: IpAddr) -> bool {
        let proxies = &self.listener.trusted_proxies;
        let peer = peer.to_canonical();
        proxies.iter().any(|network| network.contains(&peer))
    }

    fn preserves_header_case(&self) -> bool {
        self.shared.plan.load().preserves_header_case
    }

    /// Told as a request is, though none was read.
    fn refuse(&self, conversation: &Conversation, why: Misread) -> Response<Bytes> {
        let mut record = Record::begin(&self.shared, &self.listener.name);
        let nothing = http::HeaderMap::new();
        let peer = Peer::of(conversation.peer().ip(), &nothing, &[]);
        let (method, path) = conversation.told();
        let method = http::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        record.meet(Some(peer), &method, &nothing);
        record.refuse(reason_of(why), why.to_string(), path);
        let answer = record.answer().unwrap_or_default();
        record.answered(answer.status().as_u16(), answer.body().len() as u64);
        answer
    }
}

fn reason_of(why: Misread) -> Reason {
    let violation = match why {
        Misread::Late | Misread::Crowded => return Reason::HeaderTimeout,
        Misread::Codec => return Reason::MalformedRequest,
        Misread::Broken(violation) => violation,
    };
    match violation.kind() {
        Kind::HeadTooLarge => Reason::HeaderTooLarge,
        Kind::TargetTooLong => Reason::UriTooLong,
        Kind::Target => Reason::BadPath,
        Kind::Framing => Reason::BadFraming,
        Kind::Malformed | Kind::Truncated | Kind::Unasked => Reason::MalformedRequest,
    }
}
