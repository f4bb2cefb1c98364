//! The gateway behind a listener: each request gets a record, is decided about, and is relayed or
//! answered.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::{AnswerBody, early, relay};
use crate::admission::{Plan, Record, Shared};
use crate::edge::{Abandoned, Application, Arriving, Conversation, ListenerDefinition, Misread};
use crate::http1::Kind;
use crate::http2::Fault;
use crate::reason::Reason;
use crate::request::{Limits, Peer, Sent};

pub struct Gateway {
    /// As it was when the process began.
    first: Arc<ListenerDefinition>,
    /// Which one of the plan's listeners it is.
    place: usize,
    pub(super) shared: Arc<Shared>,
}

impl Gateway {
    /// The one behind the plan's listener at `place`.
    pub fn new(listener: Arc<ListenerDefinition>, place: usize, shared: Arc<Shared>) -> Self {
        Self {
            first: listener,
            place,
            shared,
        }
    }

    /// What the file says of this listener, now or when a request began.
    pub(super) fn listener<'p>(&'p self, plan: &'p Plan) -> &'p ListenerDefinition {
        // INVARIANT: every plan has the same listeners, in the same order.
        plan.listeners.get(self.place).unwrap_or(&self.first)
    }
}

impl Application for Gateway {
    type Body = AnswerBody;

    async fn respond(
        self: Arc<Self>,
        request: Request<Arriving>,
        conversation: Arc<Conversation>,
    ) -> Result<Response<AnswerBody>, Abandoned> {
        // It is moved about a good deal, and is large.
        let mut record = Box::new(Record::begin(&self.shared, &self.first.name));
        let (head, body) = request.into_parts();
        let address = conversation.peer().ip();
        let listener = self.listener(record.plan());
        let limits = Limits {
            uri: listener.limits.uri,
            body: listener.limits.body,
        };
        let peer = Peer::of(address, &head.headers, &listener.trusted_proxies)
            .over(conversation.is_encrypted());
        let asked = (&head.method, Some(head.version));
        record.meet(Some(peer), asked, &head.headers);
        let sent = Sent {
            method: &head.method,
            version: head.version,
            uri: &head.uri,
            authority: None,
            headers: &head.headers,
        };
        let now = record.began();
        let admitted = record.decide(&sent, &limits, now).await;
        if admitted {
            relay::forward(&self, record, head, body, conversation).await
        } else {
            early::answer(&self, record, &head, body, &conversation).await
        }
    }

    fn is_one_of_many(&self, peer: IpAddr) -> bool {
        let plan = self.shared.plan.load();
        let proxies = &self.listener(&plan).trusted_proxies;
        let peer = peer.to_canonical();
        proxies.iter().any(|network| network.contains(&peer))
    }

    fn preserves_header_case(&self) -> bool {
        self.shared.plan.load().preserves_header_case
    }

    /// Told as a request is, though none was read.
    fn refuse(&self, conversation: &Conversation, why: Misread) -> Response<Bytes> {
        let mut record = Record::begin(&self.shared, &self.first.name);
        let nothing = http::HeaderMap::new();
        let peer = Peer::of(conversation.peer().ip(), &nothing, &[]);
        let (method, path) = conversation.told();
        let method = http::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let version = matches!(why, Misread::Http2(_)).then_some(http::Version::HTTP_2);
        record.meet(Some(peer), (&method, version), &nothing);
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
        Misread::Http2(fault) => return reason_of_fault(fault),
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

fn reason_of_fault(fault: Fault) -> Reason {
    match fault {
        Fault::HeadTooLarge | Fault::TooManyFields | Fault::NameTooLong => Reason::HeaderTooLarge,
        Fault::Lookalike | Fault::TrailerForbidden => Reason::BadFraming,
        Fault::Flood | Fault::Resets | Fault::Continuations => Reason::Flood,
        Fault::Streams => Reason::TooManyStreams,
        Fault::Path => Reason::BadPath,
        Fault::Preface
        | Fault::Connection
        | Fault::Stream
        | Fault::Blank
        | Fault::OfConnection
        | Fault::Scheme
        | Fault::TrailersTooLarge => Reason::MalformedRequest,
    }
}
