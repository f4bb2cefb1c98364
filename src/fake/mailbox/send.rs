//! May this mail go out? `sendMail` in both its forms: a message as JSON, or a whole RFC 5322 message in
//! base64. Nothing is sent; what would have been is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::samples::Owner;
use crate::fake::http::Request;

/// Graph's limit on recipients of one message.
const MOST_RECIPIENTS: usize = 500;
const RECIPIENTS: [&str; 3] = ["toRecipients", "ccRecipients", "bccRecipients"];
/// What a message may hold.
const MEMBERS: [&str; 14] = [
    "@odata.type",
    "subject",
    "body",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "from",
    "sender",
    "importance",
    "attachments",
    "internetMessageHeaders",
    "isReadReceiptRequested",
    "isDeliveryReceiptRequested",
];

/// Mail that was taken to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    /// The mailbox it goes out of.
    pub mailbox: String,
    /// Its subject.
    pub subject: String,
    /// Everybody it goes to, blind copies included.
    pub recipients: Vec<String>,
    /// The message as it came: its JSON, or the decoded RFC 5322 text.
    pub raw: Vec<u8>,
}

/// Takes the mail of a request to `…/sendMail`.
pub(super) fn accept(owner: &Owner, request: &Request) -> Result<SentMail, Refusal> {
    let media = request.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let mail = if media.eq_ignore_ascii_case("application/json") {
        from_json(owner, &request.body.kept)
    } else if media.eq_ignore_ascii_case("text/plain") {
        from_mime(owner, &request.body.kept)
    } else {
        let message = "The Content-Type of the request is not supported.";
        let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType");
        Err(Refusal::new(status, code, message))
    }?;
    let is_address = |text: &String| {
        text.split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
    };
    if mail.recipients.is_empty() || !mail.recipients.iter().all(is_address) {
        let message = "At least one recipient isn't valid.";
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorInvalidRecipients",
            message,
        ));
    }
    if mail.recipients.len() > MOST_RECIPIENTS {
        let message = "The message has too many recipients.";
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorExceededMessageLimit",
            message,
        ));
    }
    Ok(mail)
}

fn from_json(owner: &Owner, body: &[u8]) -> Result<SentMail, Refusal> {
    let unreadable = |what: &str| Refusal::new(StatusCode::BAD_REQUEST, "RequestBodyRead", what);
    let body: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| Refusal::bad_request("Unable to read JSON request payload."))?;
    let known = |(name, value): (&String, &Value)| match name.to_ascii_lowercase().as_str() {
        "message" => value.is_object(),
        "savetosentitems" => value.is_boolean(),
        _ => false,
    };
    if !body.iter().all(known) {
        return Err(unreadable(
            "The request holds a parameter that sendMail does not have.",
        ));
    }
    let message = body
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("message"))
        .and_then(|(_, message)| message.as_object())
        .ok_or_else(|| unreadable("The request holds no message."))?;
    if !message.keys().all(|name| MEMBERS.contains(&name.as_str())) {
        return Err(unreadable(
            "A property does not exist on type 'microsoft.graph.message'.",
        ));
    }
    if let Some(body) = message.get("body") {
        let kind = body["contentType"].as_str().unwrap_or("text");
        let fits = ["text", "html"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(kind));
        if !fits || !body["content"].is_string() {
            return Err(unreadable("The body is no 'microsoft.graph.itemBody'."));
        }
    }
    for name in ["from", "sender"] {
        if let Some(sender) = message.get(name) {
            may_send_as(
                owner,
                sender["emailAddress"]["address"]
                    .as_str()
                    .unwrap_or_default(),
            )?;
        }
    }
    let mut recipients = Vec::new();
    for name in RECIPIENTS {
        match message.get(name) {
            None => {}
            Some(Value::Array(list)) => recipients.extend(list.iter().map(|recipient| {
                let address = recipient["emailAddress"]["address"].as_str();
                address.unwrap_or_default().to_owned()
            })),
            Some(_) => return Err(unreadable("Recipients are an array.")),
        }
    }
    let subject = match message.get("subject") {
        None => "",
        Some(subject) => subject
            .as_str()
            .ok_or_else(|| unreadable("The subject is text."))?,
    };
    Ok(SentMail {
        mailbox: owner.address.to_owned(),
        subject: subject.to_owned(),
        recipients,
        raw: Value::Object(message.clone()).to_string().into_bytes(),
    })
}

fn from_mime(owner: &Owner, body: &[u8]) -> Result<SentMail, Refusal> {
    let unreadable = |code, message| Refusal::new(StatusCode::BAD_REQUEST, code, message);
    let unwrapped: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let raw = STANDARD.decode(unwrapped).map_err(|_| {
        unreadable(
            "ErrorMimeContentInvalidBase64String",
            "The MIME content is no base64.",
        )
    })?;
    let fields = header_fields(&raw)
        .ok_or_else(|| unreadable("ErrorMimeContentInvalid", "The MIME content is invalid."))?;
    let values = |name: &'static str| {
        fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    for from in values("from").chain(values("sender")) {
        for address in addresses(from) {
            may_send_as(owner, &address)?;
        }
    }
    let recipients = ["to", "cc", "bcc"]
        .into_iter()
        .flat_map(values)
        .flat_map(addresses)
        .collect();
    let subject = values("subject").next().unwrap_or_default().to_owned();
    Ok(SentMail {
        mailbox: owner.address.to_owned(),
        subject,
        recipients,
        raw,
    })
}

fn may_send_as(owner: &Owner, address: &str) -> Result<(), Refusal> {
    if address.eq_ignore_ascii_case(owner.address) {
        return Ok(());
    }
    let message = "The user account which was used to submit this request does not have the right \
                   to send mail on behalf of the specified sending account.";
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "ErrorSendAsDenied",
        message,
    ))
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
