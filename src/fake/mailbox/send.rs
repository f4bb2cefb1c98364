//! May this mail go out? `sendMail` in both its forms: a message as JSON, or a whole RFC 5322 message in
//! base64. Nothing is sent; what would have been is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::refusal::{self, Refusal, ensure};
use super::samples::Owner;
use crate::fake::http::Request;

/// Graph's limit on recipients of one message.
const MOST_RECIPIENTS: usize = 500;
const RECIPIENTS: [&str; 3] = ["toRecipients", "ccRecipients", "bccRecipients"];
const MEMBERS: &str = "@odata.type subject body toRecipients ccRecipients bccRecipients replyTo from \
    sender importance attachments internetMessageHeaders isReadReceiptRequested \
    isDeliveryReceiptRequested";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    pub mailbox: String,
    pub subject: String,
    /// Everybody it goes to, blind copies included.
    pub recipients: Vec<String>,
    /// The message as it came: its JSON, or the decoded RFC 5322 text.
    pub raw: Vec<u8>,
}

pub(super) fn accept(owner: &Owner, request: &Request) -> Result<SentMail, Refusal> {
    let mail = match request.media_type().as_str() {
        "application/json" => from_json(owner, &request.body.kept)?,
        "text/plain" => from_mime(owner, &request.body.kept)?,
        _ => return Err(refusal::OTHER_MEDIA),
    };
    let is_address = |text: &String| {
        text.split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
    };
    let are_addresses = !mail.recipients.is_empty() && mail.recipients.iter().all(is_address);
    ensure(are_addresses, refusal::BAD_RECIPIENTS)?;
    let are_few = mail.recipients.len() <= MOST_RECIPIENTS;
    ensure(are_few, refusal::MANY_RECIPIENTS)?;
    Ok(mail)
}

fn from_json(owner: &Owner, body: &[u8]) -> Result<SentMail, Refusal> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| refusal::NO_JSON)?;
    let known = |(name, value): (&String, &Value)| match name.to_ascii_lowercase().as_str() {
        "message" => value.is_object(),
        "savetosentitems" => value.is_boolean(),
        _ => false,
    };
    ensure(body.iter().all(known), refusal::OTHER_PARAMETER)?;
    let mut members = body.iter();
    let message = members.find(|(name, _)| name.eq_ignore_ascii_case("message"));
    let message = message.and_then(|(_, message)| message.as_object());
    let message = message.ok_or(refusal::NO_MAIL)?;
    let is_known = |name: &String| MEMBERS.split(' ').any(|known| known == name);
    let are_known = message.keys().all(is_known);
    ensure(are_known, refusal::OTHER_PROPERTY)?;
    if let Some(body) = message.get("body") {
        let kind = body["contentType"].as_str().unwrap_or("text");
        let is_text = ["text", "html"].contains(&kind.to_ascii_lowercase().as_str());
        let fits = is_text && body["content"].is_string();
        ensure(fits, refusal::NO_ITEM_BODY)?;
    }
    let address = |of: &Value| {
        of["emailAddress"]["address"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for sender in ["from", "sender"]
        .iter()
        .filter_map(|name| message.get(*name))
    {
        may_send_as(owner, &address(sender))?;
    }
    let mut recipients = Vec::new();
    for list in RECIPIENTS.iter().filter_map(|name| message.get(*name)) {
        let list = list.as_array().ok_or(refusal::NO_ARRAY)?;
        recipients.extend(list.iter().map(address));
    }
    let subject = match message.get("subject") {
        None => "",
        Some(subject) => subject.as_str().ok_or(refusal::NO_SUBJECT)?,
    };
    Ok(SentMail {
        mailbox: owner.address.clone(),
        subject: subject.to_owned(),
        recipients,
        raw: Value::Object(message.clone()).to_string().into_bytes(),
    })
}

fn from_mime(owner: &Owner, body: &[u8]) -> Result<SentMail, Refusal> {
    let mut unwrapped = body.to_vec();
    unwrapped.retain(|byte| !byte.is_ascii_whitespace());
    let raw = STANDARD.decode(unwrapped).map_err(|_| refusal::NO_BASE64)?;
    let fields = header_fields(&raw).ok_or(refusal::BAD_MIME)?;
    let values = |name: &'static str| {
        let named = fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    };
    for address in values("from").chain(values("sender")).flat_map(addresses) {
        may_send_as(owner, &address)?;
    }
    let recipients = ["to", "cc", "bcc"].into_iter().flat_map(values);
    Ok(SentMail {
        mailbox: owner.address.clone(),
        subject: values("subject").next().unwrap_or_default().to_owned(),
        recipients: recipients.flat_map(addresses).collect(),
        raw,
    })
}

fn may_send_as(owner: &Owner, address: &str) -> Result<(), Refusal> {
    let is_owner = address.eq_ignore_ascii_case(&owner.address);
    ensure(is_owner, refusal::OTHER_SENDER)
}

/// The header section of an RFC 5322 message, unfolded.
fn header_fields(raw: &[u8]) -> Option<Vec<(String, String)>> {
    let text = String::from_utf8_lossy(raw);
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return None;
        }
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    (!fields.is_empty()).then_some(fields)
}

/// The addresses of a list; enough of RFC 5322 for mail that programs write.
fn addresses(list: &str) -> Vec<String> {
    list.split(',')
        .map(|one| match (one.rfind('<'), one.rfind('>')) {
            (Some(open), Some(close)) if open < close => one[open + 1..close].trim(),
            _ => one.trim(),
        })
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect()
}
