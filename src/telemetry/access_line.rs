//! How does an access line look? Whatever a caller put into its request, a line stays one line
//! and bounded.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::LogFormat;

/// Paths and details are cut here, in bytes.
const LONG: usize = 1024;
/// Everything else is cut here.
const SHORT: usize = 256;
/// 9999-12-31T23:59:59.999Z: RFC 3339 has no more digits for a year.
const LAST_MS: u64 = 253_402_300_799_999;

/// What is told of one request, borrowed from it. Never a token, never a query.
#[derive(Clone, Copy, Debug)]
pub struct AccessLine<'a> {
    /// When it ended, milliseconds since the epoch.
    pub time_ms: u64,
    pub request_id: &'a str,
    pub listener: &'a str,
    pub route: Option<&'a str>,
    pub method: &'a str,
    /// The canonical path, or a cut of the raw one where it was refused.
    pub path: &'a str,
    /// The answer's status; 0 where none was sent.
    pub status: u16,
    pub reason: Option<&'static str>,
    /// What the log may know and the caller not.
    pub detail: Option<&'a str>,
    /// `app:…`, `key:…`.
    pub principal: Option<&'a str>,
    /// `uti` of the caller's token.
    pub token_id: Option<&'a str>,
    pub client: Option<IpAddr>,
    /// From the request's first byte to its end.
    pub duration: Duration,
    pub bytes_out: u64,
}

/// Now, since the epoch.
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
        let fields = self.fields();
        let start = out.len();
        let rendered = match format {
            LogFormat::Json => serde_json::to_writer(&mut *out, &fields).map_err(Into::into),
            LogFormat::Text => fields.write_text(out),
        };
        match rendered {
            Ok(()) => out.push(b'\n'),
            // A Vec takes every byte and the fields are plain; still, half a line is worse than none.
            Err(_) => out.truncate(start),
        }
    }

    fn fields(&self) -> Fields<'_> {
        let time = UNIX_EPOCH + Duration::from_millis(self.time_ms.min(LAST_MS));
        Fields {
            time: humantime::format_rfc3339_millis(time).to_string(),
            request_id: clean(self.request_id, SHORT),
            listener: self.listener,
            route: self.route,
            method: clean(self.method, SHORT),
            path: clean(self.path, LONG),
            status: self.status,
            reason: self.reason,
            detail: optional(self.detail, LONG),
            principal: optional(self.principal, SHORT),
            token_id: optional(self.token_id, SHORT),
            client: self.client,
            duration_ms: self.duration.as_micros() as f64 / 1000.0,
            bytes_out: self.bytes_out,
        }
    }
}

#[derive(Serialize)]
struct Fields<'a> {
    time: String,
    request_id: Cow<'a, str>,
    listener: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    method: Cow<'a, str>,
    path: Cow<'a, str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<IpAddr>,
    duration_ms: f64,
    bytes_out: u64,
}

impl Fields<'_> {
    fn write_text(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let Self { time, status, .. } = self;
        write!(out, "{time} {status} ")?;
        write_word(out, &self.method)?;
        out.push(b' ');
        write_word(out, &self.path)?;
        let (client, duration) = (self.client.map(|c| c.to_string()), self.duration_ms);
        for (name, value) in [
            ("route", self.route),
            ("reason", self.reason),
            ("detail", self.detail.as_deref()),
            ("principal", self.principal.as_deref()),
            ("token_id", self.token_id.as_deref()),
            ("client", client.as_deref()),
            ("listener", Some(self.listener)),
            ("request_id", Some(self.request_id.as_ref())),
        ] {
            let Some(value) = value else { continue };
            write!(out, " {name}=")?;
            write_word(out, value)?;
        }
        write!(out, " duration_ms={duration} bytes_out={}", self.bytes_out)
    }
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

fn optional(text: Option<&str>, most: usize) -> Option<Cow<'_, str>> {
    text.map(|text| clean(text, most))
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
