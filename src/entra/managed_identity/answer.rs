//! What did the platform answer? A token with its times, which each platform writes in its own way, and
//! whose it is. Pure: the answer, what was asked for, and the time come in.

use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

use super::refusal::ManagedIdentityError;
use super::{Platform, Selector};
use crate::clock::UnixTime;
use crate::entra::TokenResponse;
use crate::entra::token_answer::{LEAST_LIFE, LONGEST_LIFE, is_sendable, seconds, secret};
use crate::secret::Secret;

/// A token that lives as long as this is renewed at half of its life: platforms give a day's, and what was
/// granted or taken meanwhile is in the next one only.
const LONG_LIFE: u64 = 2 * 60 * 60;

#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<Secret<String>>,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    expires_on: Value,
    #[serde(default)]
    client_id: Value,
    #[serde(default)]
    object_id: Value,
    #[serde(default)]
    msi_res_id: Value,
    #[serde(default)]
    mi_res_id: Value,
}

/// Reads an answer of status 200.
pub(super) fn read(
    body: &[u8],
    platform: &Platform,
    selector: &Selector,
    now: UnixTime,
) -> Result<TokenResponse, ManagedIdentityError> {
    let malformed = |why: &str| Err(ManagedIdentityError::Malformed(why.to_owned()));
    // SECURITY: serde's own words would quote the value they stumble over.
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return malformed("200, but no JSON of a token");
    };
    check_whose(&body, platform, selector)?;
    let is_bearer = match &body.token_type {
        Value::Null => true,
        kind => kind
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
    };
    if !is_bearer {
        return malformed("the token_type is not Bearer");
    }
    let Some(access_token) = body.access_token.filter(|token| !token.expose().is_empty()) else {
        return malformed("200 without an access_token");
    };
    if !is_sendable(&access_token) {
        return malformed("the access_token holds what no header can carry");
    }
    // Where there are both, the clocks need not agree, and what was kept may be counted from its issue.
    let left = [life(&body.expires_in), life_until(&body.expires_on, now)];
    let Some(life) = left.into_iter().flatten().min() else {
        return malformed("it does not say when the token ends");
    };
    let life = life.min(LONGEST_LIFE);
    if life < LEAST_LIFE {
        return malformed("the token has ended already, or will before it can be used");
    }
    let half = (life >= LONG_LIFE).then(|| now.plus(Duration::from_secs(life / 2)));
    Ok(TokenResponse {
        access_token,
        expires_at: now.plus(Duration::from_secs(life)),
        refresh_at: half,
    })
}

/// SECURITY: what does not know the selector passes over it, and gives the token of another identity.
fn check_whose(
    body: &Body,
    platform: &Platform,
    selector: &Selector,
) -> Result<(), ManagedIdentityError> {
    let said = match selector {
        Selector::Own => return Ok(()),
        Selector::ClientId(_) => body.client_id.as_str(),
        Selector::ObjectId(_) => body.object_id.as_str(),
        Selector::ResourceId(_) => body.msi_res_id.as_str().or(body.mi_res_id.as_str()),
    };
    let wanted = selector.value().unwrap_or_default();
    let refused = |why: String| Err(ManagedIdentityError::Refused(why));
    match said {
        Some(said) if said.eq_ignore_ascii_case(&wanted) => Ok(()),
        Some(_) => refused(format!(
            "{platform} gave the token of another identity than the one of {selector}"
        )),
        // Agents from before user-assigned identities give that of the machine.
        None if matches!(platform, Platform::Arc { .. }) => refused(format!(
            "{platform} does not say whose token it gave, so it may not be that of {selector}; the \
             machine's agent is too old for it"
        )),
        None => Ok(()),
    }
}

fn life(value: &Value) -> Option<u64> {
    Some(u64::try_from(seconds(value)?).unwrap_or(0))
}

fn life_until(value: &Value, now: UnixTime) -> Option<u64> {
    let at = match seconds(value) {
        Some(at) => u64::try_from(at).unwrap_or(0),
        None => spelled(value.as_str()?)?,
    };
    Some(at.saturating_sub(now.seconds()))
}

/// `06/20/2026 02:57:58 +00:00`, or `6/20/2026 2:57:58 AM +00:00`, as App Service writes it on Linux and
/// on Windows.
fn spelled(text: &str) -> Option<u64> {
    let mut words = text.strip_suffix(" +00:00")?.split(' ');
    let [month, day, year] = numbers(words.next()?, '/')?;
    let [hour, minute, second] = numbers(words.next()?, ':')?;
    let hour = match words.next() {
        None => hour,
        Some("AM") => hour % 12,
        Some("PM") => hour % 12 + 12,
        Some(_) => return None,
    };
    let time = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    let time = humantime::parse_rfc3339(&time).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

fn numbers(text: &str, between: char) -> Option<[u16; 3]> {
    let numbers: Option<Vec<u16>> = text.split(between).map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
