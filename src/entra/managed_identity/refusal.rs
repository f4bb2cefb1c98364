//! Why does the platform give no token, and what is to be done? Pure: its answer comes in.

use std::time::Duration;

use serde_json::Value;

use super::{Platform, Selector};
use crate::clock::UnixTime;
use crate::entra::advice::Remedy;
use crate::entra::token_answer::{codes_in, quoted, retry_after, word};
use crate::http_client::Answer;

/// The longest wait that is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Between questions while the metadata service is replaced, which takes up to 70 seconds.
const UPGRADE_WAIT: Duration = Duration::from_secs(10);

/// `Display` is for the operator's log, never for a caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManagedIdentityError {
    /// Somebody must change something.
    #[error("{0}")]
    Refused(String),
    /// It passes: no answer, or one that says so.
    #[error("{why}")]
    Unavailable {
        why: String,
        /// How long it asked to be left alone.
        again_in: Option<Duration>,
    },
    #[error("the answer is no token: {0}")]
    Malformed(String),
}

/// What was asked, and where.
pub(super) struct Asked<'a> {
    pub(super) platform: &'a Platform,
    pub(super) selector: &'a Selector,
    /// What no error may quote.
    pub(super) proof: &'a [&'a str],
}

impl Asked<'_> {
    /// Reads an answer that is no token.
    pub(super) fn refused(&self, answer: &Answer, now: UnixTime) -> ManagedIdentityError {
        let status = answer.status;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let description = description(&body);
        let kind = self.kind(&body, description);
        let said = quoted(description, self.proof);
        let said = said.map_or_else(String::new, |said| format!("; {said}"));
        let platform = self.platform;
        let wait = answer.headers.get(http::header::RETRY_AFTER);
        let wait = wait.and_then(|value| retry_after(value, now));
        let passing = |why: &str, again_in: Option<Duration>| ManagedIdentityError::Unavailable {
            why: format!("{platform} {why}{said}"),
            again_in: again_in.map(|wait| wait.min(LONGEST_WAIT)),
        };
        match status {
            410 => passing(
                "is being upgraded, which takes up to 70 seconds",
                Some(wait.unwrap_or(UPGRADE_WAIT)),
            ),
            429 => passing("is asked too often", wait),
            404 | 408 | 500.. => passing(&format!("answered {status}{kind}"), wait),
            400..500 => ManagedIdentityError::Refused(format!(
                "{platform} answered {status}{kind}: {}{said}",
                self.advice(status, description)
            )),
            _ => ManagedIdentityError::Malformed(format!("status {status} from {platform}")),
        }
    }

    /// No answer at all.
    pub(super) fn unreachable(&self, why: &str) -> ManagedIdentityError {
        let url = self.platform.endpoint();
        let (host, port) = (
            url.host_str().unwrap_or_default(),
            url.port_or_known_default(),
        );
        let advice = match self.platform {
            Platform::VirtualMachine { .. } => {
                "; this is asked where no variable tells of another platform: is this a machine of \
                 Azure's? In a pod of AKS a federated token is the better way"
            }
            _ => "",
        };
        ManagedIdentityError::Unavailable {
            why: format!(
                "{} does not answer at {host}:{}: {why}{advice}",
                self.platform,
                port.unwrap_or_default()
            ),
            again_in: None,
        }
    }

    /// The word that an error has, behind its status, and Entra's code where the platform passes one on.
    fn kind(&self, body: &Value, description: &str) -> String {
        let error = &body["error"];
        let named = error.as_str().or(error["code"].as_str());
        let named = named.map(|named| format!(" {}", word(named, self.proof)));
        let code = codes_in(description).next();
        let code = code.map(|code| format!(" AADSTS{code}"));
        named.into_iter().chain(code).collect()
    }

    fn advice(&self, status: u16, description: &str) -> String {
        let mut codes = codes_in(description);
        if let Some(Remedy::Act(sentence)) = codes.find_map(Remedy::of) {
            return sentence.to_owned();
        }
        let (platform, selector) = (self.platform, self.selector);
        match (status, platform, selector.key()) {
            (401 | 403, Platform::Arc { .. }, _) => {
                "the agent does not take the key that it asked for".to_owned()
            }
            (401 | 403, Platform::AppService { .. }, _) => {
                "it does not take this process's IDENTITY_HEADER".to_owned()
            }
            (401 | 403, ..) => "it does not let this process ask".to_owned(),
            (_, _, Some(_)) => format!("no identity of {selector} is assigned here; assign it"),
            (_, _, None) => "it has no identity of its own, or several were assigned and none is \
                             named; assign one, or name one by `client_id`"
                .to_owned(),
        }
    }
}

/// `error_description` of OAuth, or `message`, on its own or below `error`.
fn description(body: &Value) -> &str {
    let places = [
        &body["error_description"],
        &body["message"],
        &body["Message"],
        &body["error"]["message"],
    ];
    let mut texts = places.into_iter().filter_map(Value::as_str);
    texts.next().unwrap_or_default()
}
