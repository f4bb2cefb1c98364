//! Which messages? OData's paging, order and selection over a mailbox, with the absolute links that make
//! a gateway's life interesting.

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::refusal::{self, Refusal, ensure};
use super::samples::Owner;
use crate::fake::http::{Request, Response};

/// Links always name Graph, whatever the address by which the request came.
const ROOT: &str = "https://graph.microsoft.com";
const MEDIA_TYPE: &str = "application/json;odata.metadata=minimal;odata.streaming=true;\
                          IEEE754Compatible=false;charset=utf-8";
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b',')
    .remove(b'$')
    .remove(b'~');

pub(super) fn answer(owner: &Owner, request: &Request) -> Result<Response, Refusal> {
    let query = Query::of(request)?;
    let mut messages = owner.messages();
    let count = messages.len();
    if query.oldest_first {
        messages.reverse();
    }
    let as_text = prefers_text(request);
    let page = messages
        .into_iter()
        .skip(query.skip)
        .take(query.top)
        .map(|message| query.select(if as_text { textual(message) } else { message }))
        .collect::<Result<Vec<_>, _>>()?;
    let mut body = json!({
        "@odata.context": format!("{ROOT}/v1.0/$metadata#users('{}')/messages", owner.address),
        "value": page,
    });
    if query.count {
        body["@odata.count"] = Value::from(count);
    }
    if query.skip.saturating_add(query.top) < count {
        body["@odata.nextLink"] = Value::String(query.next_link(request.path()));
    }
    let response = Response::json(StatusCode::OK, &body).with("content-type", MEDIA_TYPE);
    Ok(if as_text {
        response.with("preference-applied", "outlook.body-content-type=\"text\"")
    } else {
        response
    })
}

pub(super) fn one(owner: &Owner, id: &str) -> Result<Response, Refusal> {
    let mut messages = owner.messages().into_iter();
    let message = messages.find(|message| message["id"] == id);
    let message = message.ok_or(refusal::NO_MESSAGE)?;
    Ok(Response::json(StatusCode::OK, &message).with("content-type", MEDIA_TYPE))
}

struct Query {
    top: usize,
    skip: usize,
    oldest_first: bool,
    select: Option<Vec<String>>,
    count: bool,
    given: Vec<(String, String)>,
}

impl Query {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let mut query = Self {
            top: 10,
            skip: 0,
            oldest_first: false,
            select: None,
            count: false,
            given: request.parameters(),
        };
        for (index, (name, value)) in query.given.iter().enumerate() {
            let is_again = query.given[..index].iter().any(|(seen, _)| seen == name);
            let is_option = name.starts_with('$');
            ensure(!(is_option && is_again), refusal::DOUBLED_OPTION)?;
            match name.as_str() {
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=1000).contains(top));
                    query.top = top.ok_or(refusal::BAD_OPTION)?;
                }
                "$skip" => query.skip = value.parse().map_err(|_| refusal::BAD_OPTION)?,
                "$orderby" => {
                    let mut words = value.split_ascii_whitespace();
                    query.oldest_first = match (words.next(), words.next(), words.next()) {
                        (Some("receivedDateTime"), None | Some("asc"), None) => true,
                        (Some("receivedDateTime"), Some("desc"), None) => false,
                        _ => return Err(refusal::BAD_OPTION),
                    };
                }
                "$select" => {
                    let names = value.split(',').map(|name| name.trim().to_owned());
                    query.select = Some(names.collect());
                }
                "$count" => query.count = value.parse().map_err(|_| refusal::BAD_OPTION)?,
                _ => ensure(!is_option, refusal::OTHER_OPTION)?,
            }
        }
        Ok(query)
    }

    fn select(&self, message: Value) -> Result<Value, Refusal> {
        let (Some(names), Value::Object(mut members)) = (&self.select, message.clone()) else {
            return Ok(message);
        };
        let mut selected = Map::new();
        for name in ["@odata.etag", "id"]
            .into_iter()
            .chain(names.iter().map(String::as_str))
        {
            if selected.contains_key(name) {
                continue;
            }
            let value = members.remove(name).ok_or(refusal::NO_PROPERTY)?;
            selected.insert(name.to_owned(), value);
        }
        Ok(Value::Object(selected))
    }

    fn next_link(&self, path: &str) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, IN_QUERY).to_string();
        let kept = self
            .given
            .iter()
            .filter(|(name, _)| !["$top", "$skip"].contains(&name.as_str()))
            .map(|(name, value)| format!("{}={}&", encoded(name), encoded(value)))
            .collect::<String>();
        let (top, skip) = (self.top, self.skip + self.top);
        format!("{ROOT}{path}?{kept}$top={top}&$skip={skip}")
    }
}

fn prefers_text(request: &Request) -> bool {
    request.headers.get_all("prefer").iter().any(|field| {
        field.to_str().is_ok_and(|field| {
            let mut preferences = field.split(',').map(str::trim);
            preferences.any(|one| one.eq_ignore_ascii_case("outlook.body-content-type=\"text\""))
        })
    })
}

fn textual(mut message: Value) -> Value {
    message["body"] = json!({ "contentType": "text", "content": message["bodyPreview"] });
    message
}
