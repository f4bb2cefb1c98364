//! How does an access line look? Whatever a caller put into its request, a line stays one line
//! and bounded.

use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Version;

use super::LogFormat;
use super::written::{clean, json_text, milliseconds_of, number, thousandths, time};
use crate::request::AddressText;

/// Paths and details are cut here, in bytes.
const LONG: usize = 1024;
/// Everything else is cut here.
const SHORT: usize = 256;

/// What is told of one request, borrowed from it. Never a token, never a query.
#[derive(Clone, Copy, Debug)]
pub struct AccessLine<'a> {
    /// When it ended, milliseconds since the epoch.
    pub time_ms: u64,
    pub severity: Severity,
    pub request_id: &'a str,
    /// The trace's that it belongs to, where there are any.
    pub trace_id: Option<&'a str>,
    pub listener: &'a str,
    /// What its caller spoke, where that is known.
    pub protocol: Option<Version>,
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
    /// Where it was sent on to: an origin.
    pub upstream: Option<&'a str>,
    /// What came back: a status, and how long its head took from when it was asked for.
    pub heard: Option<(u16, Duration)>,
    /// From the request's first byte to its end.
    pub duration: Duration,
    pub bytes_out: u64,
}

/// Whose attention a request's end asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nobody's: it was answered, or its caller did something that is not let through.
    Usual,
    /// It failed on our side, or its upstream's.
    Failed,
    /// It met a bug of ours.
    Bug,
}

impl Severity {
    const fn level(self) -> &'static str {
        match self {
            Self::Usual => "INFO",
            Self::Failed => "WARN",
            Self::Bug => "ERROR",
        }
    }
}

/// A protocol by its name in ALPN (RFC 7301 §6), with TLS and without.
pub(super) fn spoken(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "h2",
        Version::HTTP_11 => "http/1.1",
        _ => "http/1.0",
    }
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

/// The same to the nanosecond, as far as the system has it.
#[allow(
    clippy::disallowed_methods,
    reason = "a span's time is told, never decided by"
)]
pub(super) fn nanoseconds() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl AccessLine<'_> {
    pub(super) fn render(&self, format: LogFormat, out: &mut Vec<u8>) {
        let start = out.len();
        let rendered = match format {
            LogFormat::Json => self.write_json(out),
            LogFormat::Text => self.write_text(out),
        };
        match rendered {
            Ok(()) => out.push(b'\n'),
            // A Vec takes every byte and the fields are plain; still, half a line is worse than none.
            Err(_) => out.truncate(start),
        }
    }

    /// Member by member: a line is written for every request, and through `serde` it costs four times
    /// as much.
    fn write_json(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let text = |out: &mut Vec<u8>, member: &[u8], value: Option<&str>, most| match value {
            Some(value) => {
                out.extend_from_slice(member);
                json_text(out, value, most)
            }
            None => Ok(()),
        };
        out.extend_from_slice(b"{\"timestamp\":\"");
        time(out, self.time_ms)?;
        out.extend_from_slice(b"\",\"level\":\"");
        out.extend_from_slice(self.severity.level().as_bytes());
        let id = b"\",\"kind\":\"access\",\"request_id\":";
        text(out, id, Some(self.request_id), SHORT)?;
        text(out, b",\"trace_id\":", self.trace_id, SHORT)?;
        text(out, b",\"listener\":", Some(self.listener), usize::MAX)?;
        text(out, b",\"protocol\":", self.protocol.map(spoken), SHORT)?;
        text(out, b",\"route\":", self.route, usize::MAX)?;
        text(out, b",\"method\":", Some(self.method), SHORT)?;
        text(out, b",\"path\":", Some(self.path), LONG)?;
        out.extend_from_slice(b",\"status\":");
        number(out, self.status.into());
        text(out, b",\"reason\":", self.reason, usize::MAX)?;
        text(out, b",\"detail\":", self.detail, LONG)?;
        text(out, b",\"principal\":", self.principal, SHORT)?;
        text(out, b",\"token_id\":", self.token_id, SHORT)?;
        if let Some(client) = self.client {
            out.extend_from_slice(b",\"client\":\"");
            out.extend_from_slice(AddressText::of(client).as_bytes());
            out.push(b'"');
        }
        text(out, b",\"upstream\":", self.upstream, SHORT)?;
        if let Some((status, after)) = self.heard {
            out.extend_from_slice(b",\"upstream_status\":");
            number(out, status.into());
            out.extend_from_slice(b",\"upstream_ms\":");
            thousandths(out, after.as_micros())?;
        }
        out.extend_from_slice(b",\"duration_ms\":");
        thousandths(out, self.duration.as_micros())?;
        out.extend_from_slice(b",\"bytes_out\":");
        number(out, self.bytes_out);
        out.push(b'}');
        Ok(())
    }

    fn write_text(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        time(out, self.time_ms)?;
        write!(
            out,
            " {:>5} access: {} ",
            self.severity.level(),
            self.status
        )?;
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
            ("upstream", self.upstream, SHORT),
            ("listener", Some(self.listener), usize::MAX),
            ("protocol", self.protocol.map(spoken), SHORT),
            ("request_id", Some(self.request_id), SHORT),
            ("trace_id", self.trace_id, SHORT),
        ] {
            let Some(value) = value else { continue };
            write!(out, " {name}=")?;
            write_word(out, &clean(value, most))?;
        }
        if let Some((status, after)) = self.heard {
            let after = milliseconds_of(after);
            write!(out, " upstream_status={status} upstream_ms={after}")?;
        }
        let (duration, bytes) = (milliseconds_of(self.duration), self.bytes_out);
        write!(out, " duration_ms={duration} bytes_out={bytes}")
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

/// One of which there is as little to say as may be.
#[cfg(test)]
pub(super) fn sample() -> AccessLine<'static> {
    AccessLine {
        time_ms: 0,
        severity: Severity::Usual,
        request_id: "r",
        trace_id: None,
        listener: "apis",
        protocol: None,
        route: None,
        method: "GET",
        path: "/",
        status: 200,
        reason: None,
        detail: None,
        principal: None,
        token_id: None,
        client: None,
        upstream: None,
        heard: None,
        duration: Duration::ZERO,
        bytes_out: 0,
    }
}

#[cfg(test)]
#[path = "access_line_tests.rs"]
mod tests;
