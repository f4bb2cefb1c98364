//! How does an access line look? Whatever a caller put into its request, a line stays one line
//! and bounded.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::LogFormat;

/// Paths and details are cut here, in bytes.
const LONG: usize = 1024;
/// Everything else is cut here.
const SHORT: usize = 256;
/// 9999-12-31T23:59:59.999Z: RFC 3339 has no more digits for a year.
const LAST_MS: u64 = 253_402_300_799_999;

/// What is told of one request, borrowed from it. Never a token, never a query.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AccessLine<'a> {
    /// When it ended, milliseconds since the epoch.
    #[serde(rename = "time", serialize_with = "as_time")]
    pub time_ms: u64,
    #[serde(serialize_with = "cut::<SHORT, _, _>")]
    pub request_id: &'a str,
    pub listener: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'a str>,
    #[serde(serialize_with = "cut::<SHORT, _, _>")]
    pub method: &'a str,
    /// The canonical path, or a cut of the raw one where it was refused.
    #[serde(serialize_with = "cut::<LONG, _, _>")]
    pub path: &'a str,
    /// The answer's status; 0 where none was sent.
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What the log may know and the caller not.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "cut::<LONG, _, _>"
    )]
    pub detail: Option<&'a str>,
    /// `app:…`, `key:…`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "cut::<SHORT, _, _>"
    )]
    pub principal: Option<&'a str>,
    /// `uti` of the caller's token.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "cut::<SHORT, _, _>"
    )]
    pub token_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// From the request's first byte to its end.
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
    pub bytes_out: u64,
}

#[allow(
    clippy::disallowed_methods,
    reason = "an access line's time is told, never decided by"
)]
pub fn milliseconds() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl AccessLine<'_> {
    pub(super) fn render(&self, format: LogFormat, out: &mut Vec<u8>) {
        let start = out.len();
        let rendered = match format {
            LogFormat::Json => serde_json::to_writer(&mut *out, self).map_err(Into::into),
            LogFormat::Text => self.write_text(out),
        };
        match rendered {
            Ok(()) => out.push(b'\n'),
            // A Vec takes every byte and the fields are plain; still, half a line is worse than none.
            Err(_) => out.truncate(start),
        }
    }

    fn write_text(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        write!(out, "{} {} ", time(self.time_ms), self.status)?;
        write_word(out, &clean(self.method, SHORT))?;
        out.push(b' ');
        write_word(out, &clean(self.path, LONG))?;
        let client = self.client.map(|client| client.to_string());
        for (name, value, most) in [
            ("route", self.route, usize::MAX),
            ("reason", self.reason, usize::MAX),
            ("detail", self.detail, LONG),
            ("principal", self.principal, SHORT),
            ("token_id", self.token_id, SHORT),
            ("client", client.as_deref(), SHORT),
            ("listener", Some(self.listener), usize::MAX),
            ("request_id", Some(self.request_id), SHORT),
        ] {
            let Some(value) = value else { continue };
            write!(out, " {name}=")?;
            write_word(out, &clean(value, most))?;
        }
        let (duration, bytes) = (milliseconds_of(self.duration), self.bytes_out);
        write!(out, " duration_ms={duration} bytes_out={bytes}")
    }
}

fn time(ms: u64) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms.min(LAST_MS)))
}

fn as_time<S: Serializer>(ms: &u64, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(&time(*ms))
}

fn milliseconds_of(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

fn as_milliseconds<S: Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64(milliseconds_of(*duration))
}

fn cut<'a, const MOST: usize, T, S>(text: &T, out: S) -> Result<S::Ok, S::Error>
where
    T: Copy + Into<Option<&'a str>>,
    S: Serializer,
{
    let text: Option<&str> = (*text).into();
    text.map(|text| clean(text, MOST)).serialize(out)
}

/// Bare where that cannot be misread, else quoted and escaped.
fn write_word(out: &mut Vec<u8>, word: &str) -> std::io::Result<()> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'=');
    if !word.is_empty() && word.bytes().all(plain) {
        out.write_all(word.as_bytes())
    } else {
        write!(out, "\"{}\"", word.escape_debug())
    }
}

/// At most `most` bytes, cut between characters. What a terminal would obey and JSON does not
/// escape (DEL, C1 controls, line separators, marks that turn the writing direction) is replaced.
fn clean(text: &str, most: usize) -> Cow<'_, str> {
    let text = &text[..text.floor_char_boundary(most)];
    // Nearly always. Folded, not `all`: so the compiler looks at sixteen bytes at a time.
    if text.bytes().fold(true, |plain, byte| plain & (byte < 0x7f)) {
        return Cow::Borrowed(text);
    }
    let obeyed = |c: char| {
        (c.is_control() && !c.is_ascii())
            || matches!(
                c,
                '\u{7f}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}'
                    | '\u{202a}'..='\u{202e}'
                    | '\u{2066}'..='\u{2069}'
            )
    };
    if text.contains(obeyed) {
        Cow::Owned(text.replace(obeyed, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
#[path = "access_line_tests.rs"]
mod tests;
