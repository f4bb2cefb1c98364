//! What may somebody order on the admin listener? Fresh tokens, and that those in hand be forgotten:
//! whoever may see the status page may order that, but no web page may on their behalf.

use http::header::{ALLOW, HeaderName, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use url::form_urlencoded;

use super::endpoint::json;
use super::pages::{TEXT, guarded, only_host, page};
use super::{Admin, observers};
use crate::clock::UnixTime;
use crate::edge::Conversation;
use crate::outbound::{Ordered, TokenOrder};
use crate::refresh::Order;

/// What a program says of itself that a web page cannot: a form sends no header of its own, and a script
/// of another site may send none but by a preflight, which is answered by nobody here.
const MEANT: HeaderName = HeaderName::from_static("x-bearergate-order");

#[derive(Serialize)]
struct Report<'a> {
    order: &'static str,
    tokens: Vec<TokenReport<'a>>,
}

#[derive(Serialize)]
struct TokenReport<'a> {
    identity: &'a str,
    scope: &'a str,
    /// `asked_for`; `under_way`; `not_yet`: the last attempt failed, or the last order was a moment ago;
    /// `forgotten`: those of users.
    outcome: &'static str,
    /// Until the next order is carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_in_seconds: Option<u64>,
}

/// Which tokens are meant: all, where nothing is named.
#[derive(Default)]
struct Meant {
    identity: Option<String>,
    scope: Option<String>,
}

impl Admin {
    pub(super) async fn order(
        &self,
        order: TokenOrder,
        head: &Parts,
        conversation: &Conversation,
    ) -> Response<Vec<u8>> {
        let now = UnixTime::now();
        let refusal = self.misdirected(only_host(&head.headers));
        if let Some(refusal) = refusal.or_else(|| not_meant(head)) {
            return refusal;
        }
        let plan = self.plan.load_full();
        let peer = observers::peer(conversation.peer().ip(), conversation.is_encrypted());
        let address = peer.address;
        if let Some(refusal) = self.keeps_from(&plan, head, peer, now).await {
            return guarded(refusal);
        }
        let meant = match Meant::read(head.uri.query().unwrap_or_default()) {
            Ok(meant) => meant,
            Err(why) => return guarded(page(StatusCode::BAD_REQUEST, TEXT, why.into())),
        };
        let ordered = order.carry_out(
            &plan.tokens,
            &plan.user_tokens,
            |identity, scope| meant.fits(identity, scope),
            now,
        );
        if ordered.is_empty() {
            let mut users = plan.user_tokens.iter();
            let why = match users.any(|it| meant.fits(it.identity(), it.scope())) {
                true => {
                    "those are users' tokens: each is exchanged as its user calls, and can only be purged\n"
                }
                false => "no route carries a token of that identity and scope\n",
            };
            return guarded(page(StatusCode::NOT_FOUND, TEXT, why.into()));
        }
        let (word, tokens) = (order.word(), ordered.len());
        tracing::warn!(peer = %address, order = word, tokens, "tokens are renewed or forgotten as ordered");
        let report = Report {
            order: word,
            tokens: ordered.iter().map(TokenReport::of).collect(),
        };
        guarded(json(StatusCode::ACCEPTED, &report))
    }
}

impl Meant {
    fn read(query: &str) -> Result<Self, String> {
        let mut meant = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "identity" => &mut meant.identity,
                "scope" => &mut meant.scope,
                _ => {
                    return Err(
                        "the query may name `identity` and `scope`, nothing else\n".to_owned()
                    );
                }
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(format!("the query names `{name}` twice\n"));
            }
        }
        Ok(meant)
    }

    fn fits(&self, identity: &str, scope: &str) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|it| it == is);
        fits(&self.identity, identity) && fits(&self.scope, scope)
    }
}

impl<'a> TokenReport<'a> {
    fn of(ordered: &'a Ordered) -> Self {
        let (outcome, wait) = match ordered.outcome {
            None => ("forgotten", None),
            Some(Order::Begun) => ("asked_for", None),
            Some(Order::UnderWay) => ("under_way", None),
            Some(Order::Later(wait)) => ("not_yet", Some(wait.as_secs().max(1))),
        };
        Self {
            identity: &ordered.identity,
            scope: &ordered.scope,
            outcome,
            again_in_seconds: wait,
        }
    }
}

/// SECURITY: whoever may order it by an address, a certificate or a password that the browser keeps
/// must not do so by looking at a page of somebody else's.
fn not_meant(head: &Parts) -> Option<Response<Vec<u8>>> {
    if head.method != Method::POST {
        let mut refusal = page(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "method not allowed\n".into(),
        );
        let allow = HeaderValue::from_static("POST");
        refusal.headers_mut().insert(ALLOW, allow);
        return Some(guarded(refusal));
    }
    let why = if is_of_a_page(&head.headers) {
        "a web page orders nothing here\n"
    } else if !head.headers.contains_key(MEANT) {
        "an order says that it is meant, by a header `X-Bearergate-Order: yes`\n"
    } else {
        return None;
    };
    Some(guarded(page(StatusCode::FORBIDDEN, TEXT, why.into())))
}

fn is_of_a_page(headers: &HeaderMap) -> bool {
    let fetched = |name: &HeaderName| name.as_str().starts_with("sec-fetch-");
    headers.contains_key(ORIGIN) || headers.keys().any(fetched)
}
