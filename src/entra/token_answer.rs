//! What did the token endpoint answer? A token with its times, or one of the ways there is none.
//! Pure: the answer, what it must not quote, and the time come in.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::advice::{self, Remedy};
use super::echo::echoes;
use super::user_advice;
use super::{TokenEndpointError, TokenResponse};
use crate::clock::UnixTime;
use crate::http_client::Answer;
use crate::secret::Secret;

/// A token's life where the answer does not say, as Microsoft's own libraries assume.
const ASSUMED_LIFE: u64 = 600;

/// The longest life that is believed; tokens for continuous access evaluation live a day.
pub(super) const LONGEST_LIFE: u64 = 24 * 60 * 60;

/// A token with less has ended before it can be used.
pub(super) const LEAST_LIFE: u64 = 2;

/// How long to wait where a throttled answer does not say, and the longest that is obeyed.
const WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How long to keep still when Entra sees a loop.
const LOOP_WAIT: Duration = Duration::from_secs(60);

/// The most codes of one refusal that are looked at.
const MOST_CODES: usize = 8;

/// The longest `claims` that are passed on.
const LONGEST_CLAIMS: usize = 4096;

/// The longest piece of Entra's own words that reaches a log.
const LONGEST_QUOTE: usize = 600;

/// Whose rights were asked for: what helps differs.
#[derive(Clone, Copy)]
enum Subject {
    Application,
    User,
}

/// Reads an answer to a request for the application's own rights. `confided` is what was sent in confidence: a secret, assertions.
pub(super) fn read(
    answer: &Answer,
    confided: &[&str],
    now: UnixTime,
) -> Result<TokenResponse, TokenEndpointError> {
    read_for(Subject::Application, answer, confided, now)
}

/// The same of an answer to a request to act for a user.
pub(super) fn read_for_user(
    answer: &Answer,
    confided: &[&str],
    now: UnixTime,
) -> Result<TokenResponse, TokenEndpointError> {
    read_for(Subject::User, answer, confided, now)
}

fn read_for(
    whose: Subject,
    answer: &Answer,
    confided: &[&str],
    now: UnixTime,
) -> Result<TokenResponse, TokenEndpointError> {
    read_but(answer, confided, now, |answer, confided| {
        refusal(answer, whose, confided)
    })
}

/// The same of a server whose refusals are read otherwise.
pub(super) fn read_but(
    answer: &Answer,
    confided: &[&str],
    now: UnixTime,
    refusal: impl Fn(&Answer, &[&str]) -> TokenEndpointError,
) -> Result<TokenResponse, TokenEndpointError> {
    if answer.status == 200 {
        return token(&answer.body, now);
    }
    let wait = answer
        .headers
        .get(RETRY_AFTER)
        .map(|value| retry_after(value, now).unwrap_or(WAIT).min(LONGEST_WAIT));
    if answer.status == 429 || wait.is_some() {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        return Err(TokenEndpointError::Throttled {
            retry_after: wait.unwrap_or(WAIT),
            said: quoted(description(&body), confided),
        });
    }
    Err(refusal(answer, confided))
}

#[derive(Deserialize)]
struct TokenBody {
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<Secret<String>>,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    refresh_in: Value,
}

pub(super) fn secret<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

fn token(body: &[u8], now: UnixTime) -> Result<TokenResponse, TokenEndpointError> {
    let malformed = |why: &str| Err(TokenEndpointError::Malformed(why.to_owned()));
    // SECURITY: serde's own words would quote the value they stumble over.
    let Ok(body) = serde_json::from_slice::<TokenBody>(body) else {
        return malformed("200, but no JSON of a token response");
    };
    let Some(access_token) = body.access_token.filter(|token| !token.expose().is_empty()) else {
        return malformed("200 without an access_token");
    };
    if !is_sendable(&access_token) {
        return malformed("the access_token holds what no header can carry");
    }
    if !body
        .token_type
        .as_str()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
    {
        return malformed("the token_type is not Bearer");
    }
    let life = match seconds(&body.expires_in) {
        None => ASSUMED_LIFE,
        Some(said) => u64::try_from(said).unwrap_or(0).min(LONGEST_LIFE),
    };
    if life < LEAST_LIFE {
        return malformed("the token has ended already, or will before it can be used");
    }
    let refresh_at = seconds(&body.refresh_in)
        .and_then(|said| u64::try_from(said).ok())
        .filter(|said| (1..life).contains(said))
        .map(|said| now.plus(Duration::from_secs(said)));
    Ok(TokenResponse {
        access_token,
        expires_at: now.plus(Duration::from_secs(life)),
        refresh_at,
    })
}

/// Whether a header can carry it.
pub(super) fn is_sendable(token: &Secret<String>) -> bool {
    token.expose().bytes().all(|byte| byte.is_ascii_graphic())
}

/// A number of seconds, which the v1 endpoint writes as a string.
pub(super) fn seconds(value: &Value) -> Option<i64> {
    match value {
        // `as` saturates, and the caller bounds.
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|real| real as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn refusal(answer: &Answer, whose: Subject, confided: &[&str]) -> TokenEndpointError {
    let status = answer.status;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(error) = body["error"].as_str() else {
        return match status {
            408 | 500.. => TokenEndpointError::Unavailable(format!("status {status}")),
            300..400 => TokenEndpointError::Malformed(format!(
                "status {status}; redirects are not followed, check `authority`"
            )),
            _ => TokenEndpointError::Malformed(format!(
                "status {status} without an OAuth error; check `authority` and `tenant`"
            )),
        };
    };
    let error = word(error, confided);
    let description = description(&body);
    let codes = codes(&body, description);
    // Of several the last says most, where it is known: `AADSTS70002` is any credential, and
    // `AADSTS50012` behind it says what is wrong with this one.
    let known = codes
        .iter()
        .rev()
        .copied()
        .find(|code| remedy_for(whose, *code).is_some());
    let code = known.or_else(|| codes.last().copied());
    let remedy =
        code.and_then(|code| Remedy::for_reason(code, description).or(remedy_for(whose, code)));
    let said = quoted(description, confided);
    let passes = matches!(error.as_str(), "temporarily_unavailable" | "server_error");
    if let Some(Remedy::SlowDown(sentence)) = remedy {
        return TokenEndpointError::Throttled {
            retry_after: LOOP_WAIT,
            said: Some(joined(sentence, said)),
        };
    }
    if status >= 500 || status == 408 || passes || matches!(remedy, Some(Remedy::Wait(_))) {
        let code = code.map_or_else(String::new, |code| format!(" AADSTS{code}"));
        let what = format!("status {status}, {error}{code}");
        return TokenEndpointError::Unavailable(joined(&what, said));
    }
    if !(400..500).contains(&status) {
        return TokenEndpointError::Malformed(format!("status {status}, {error}"));
    }
    let advice = match (remedy, code) {
        (Some(Remedy::Act(sentence)), _) => joined(sentence, said),
        (_, Some(code)) => format!(
            "{}; see https://login.microsoftonline.com/error?code={code}",
            said.unwrap_or_else(|| advice::for_error(&error).to_owned())
        ),
        (_, None) => joined(advice::for_error(&error), said),
    };
    let correlation_id = body["correlation_id"]
        .as_str()
        .and_then(|text| uuid::Uuid::try_parse(text).ok())
        .map(|id| id.hyphenated().to_string());
    TokenEndpointError::Refused {
        suberror: body["suberror"]
            .as_str()
            .map(|text| word(text, confided).into()),
        claims: claims(&body, confided),
        error,
        code,
        advice,
        correlation_id,
    }
}

fn remedy_for(whose: Subject, code: u64) -> Option<Remedy> {
    match whose {
        Subject::Application => Remedy::of(code),
        Subject::User => user_advice::remedy(code).or(Remedy::of(code)),
    }
}

/// What a user's token must claim, which the user's client is told: an object in JSON, and no larger than
/// a header field may well be.
fn claims(body: &Value, confided: &[&str]) -> Option<Arc<str>> {
    let text = body["claims"].as_str()?;
    let is_sound = text.len() <= LONGEST_CLAIMS && !echoes(text, confided);
    let is_object = || serde_json::from_str::<serde_json::Map<String, Value>>(text).is_ok();
    (is_sound && is_object()).then(|| Arc::from(text))
}

/// `error` as it may stand in a log.
pub(super) fn word(error: &str, confided: &[&str]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if error.is_empty() || error.len() > 64 || !error.bytes().all(plain) || echoes(error, confided)
    {
        return "unrecognised_error".to_owned();
    }
    error.to_owned()
}

pub(super) fn description(body: &Value) -> &str {
    body["error_description"].as_str().unwrap_or_default()
}

/// What we say, and what Entra said.
pub(super) fn joined(ours: &str, said: Option<String>) -> String {
    match said {
        Some(said) => format!("{ours}; {said}"),
        None => ours.to_owned(),
    }
}

/// All that a description says but its first code, trace and tokens, as it may stand in a log.
pub(super) fn quoted(description: &str, confided: &[&str]) -> Option<String> {
    if echoes(description, confided) || description.contains("eyJ") {
        return None;
    }
    let words = description.split("Trace ID:").next()?.trim();
    let words = match words.split_once(": ") {
        Some((code, rest)) if codes_in(code).next().is_some() && !code.contains(' ') => rest,
        _ => words,
    };
    let words = words.trim().trim_end_matches('.');
    let legible = |sign: char| sign.is_alphanumeric() || sign.is_ascii_graphic() || sign == ' ';
    let mut text = String::new();
    for (count, sign) in words.chars().enumerate() {
        match sign {
            _ if count == LONGEST_QUOTE => {
                text.push('…');
                break;
            }
            '\r' | '\n' if text.ends_with(' ') => {}
            '\r' | '\n' => text.push(' '),
            sign if legible(sign) => text.push(sign),
            _ => text.push('?'),
        }
    }
    (!text.is_empty()).then(|| format!("it says: {text}"))
}

/// The codes of a refusal, in its order.
fn codes(body: &Value, description: &str) -> Vec<u64> {
    let members = body["error_codes"].as_array();
    let listed: Vec<u64> = members
        .into_iter()
        .flatten()
        .take(MOST_CODES)
        .filter_map(Value::as_u64)
        .collect();
    match listed.is_empty() {
        true => codes_in(description).take(MOST_CODES).collect(),
        false => listed,
    }
}

/// The numbers in `AADSTS70002: … AADSTS50012: …`.
pub(super) fn codes_in(description: &str) -> impl Iterator<Item = u64> {
    description.split("AADSTS").skip(1).filter_map(|behind| {
        let end = behind.find(|sign: char| !sign.is_ascii_digit());
        behind[..end.unwrap_or(behind.len())].parse().ok()
    })
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
pub(super) fn retry_after(value: &HeaderValue, now: UnixTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(now.until(UnixTime::from_seconds(date.as_secs())))
}

#[cfg(test)]
#[path = "token_answer_tests.rs"]
mod tests;
