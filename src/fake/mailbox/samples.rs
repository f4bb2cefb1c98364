//! What is in the mailboxes? Twenty-five messages in each of three, the same in every process.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use openssl::sha::sha256;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::UnixTime;
use crate::fake::token::derived_guid;

pub(super) const MESSAGES: u64 = 25;
/// The newest message of the first mailbox came then: 2026-11-20T16:42:00Z.
const NEWEST: UnixTime = UnixTime::from_seconds(1_795_192_920);

#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) address: String,
    name: String,
    index: u64,
    mail: Vec<Kind>,
}

/// A kind of mail that comes again and again; `#` stands for a running number.
#[derive(Deserialize)]
struct Kind {
    /// Name and address.
    from: (String, String),
    subject: String,
    text: String,
    attachment: bool,
}

// INVARIANT: it is read when it is first asked for, and the tests ask for each.
static OWNERS: LazyLock<Vec<Owner>> =
    LazyLock::new(|| serde_json::from_str(include_str!("samples.json")).unwrap_or_default());

pub(super) fn owner(user: &str) -> Option<&'static Owner> {
    OWNERS.iter().find(|owner| {
        owner.address.eq_ignore_ascii_case(user) || owner.object_id().eq_ignore_ascii_case(user)
    })
}

impl Owner {
    pub(super) fn object_id(&self) -> String {
        derived_guid(&format!("owner {}", self.address))
    }

    /// All its messages, newest first, whole.
    pub(super) fn messages(&self) -> Vec<Value> {
        (0..MESSAGES).map(|age| self.message(age)).collect()
    }

    fn message(&self, age: u64) -> Value {
        // INVARIANT: no owner is without kinds of mail, so the remainder is an index.
        let kind = &self.mail[(age % self.mail.len() as u64) as usize];
        let number = (1000 - age).to_string();
        let fill = |text: &str| text.replace('#', &number);
        // Every 7 hours and 11 minutes, so that neither day nor minute repeats.
        let received = NEWEST.minus(Duration::from_secs(age * 25_860 + self.index * 61));
        let seed = format!("message {} {age}", self.address);
        let digest = sha256(seed.as_bytes());
        let from = json!({ "emailAddress": { "name": kind.from.0, "address": kind.from.1 } });
        json!({
            "@odata.etag": format!("W/\"{}\"", URL_SAFE.encode(&digest[..12])),
            "id": format!("AAMkA{}=", URL_SAFE.encode(digest).trim_end_matches('=')),
            "createdDateTime": received.to_string(),
            "lastModifiedDateTime": received.to_string(),
            "receivedDateTime": received.to_string(),
            "sentDateTime": received.minus(Duration::from_secs(2)).to_string(),
            "hasAttachments": kind.attachment,
            "internetMessageId": format!("<{}@{}>", derived_guid(&seed), domain(&kind.from.1)),
            "subject": fill(&kind.subject),
            "bodyPreview": fill(&kind.text),
            "importance": "normal",
            "parentFolderId": "AQMkAGluYm94",
            "conversationId": format!("AAQkA{}", URL_SAFE.encode(&digest[8..24])),
            "isRead": age > 3,
            "isDraft": false,
            "webLink": "https://outlook.office365.com/owa/",
            "body": {
                "contentType": "html",
                "content": format!("<html><body><p>{}</p></body></html>", fill(&kind.text)),
            },
            "sender": from,
            "from": from,
            "toRecipients": [
                { "emailAddress": { "name": self.name, "address": self.address } },
            ],
            "ccRecipients": [],
            "bccRecipients": [],
            "replyTo": [],
            "flag": { "flagStatus": "notFlagged" },
        })
    }
}

fn domain(address: &str) -> &str {
    address
        .split_once('@')
        .map_or(address, |(_, domain)| domain)
}
