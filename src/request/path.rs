//! The one form of a path that is matched and forwarded, or a refusal. What two parsers could read
//! in two ways never reaches a route: the policy must see the path that the upstream sees
//! (RFC 3986 §6.2.2 says which spellings are equal).

use std::borrow::Cow;
use std::fmt::{self, Write};

use percent_encoding::percent_decode_str;

use super::escapes::{MOST_DECODINGS, decoded_once};
use super::path_forms::{AllowedForms, Forms, without_parameters};

/// A path without a query: unreserved percent-escapes decoded, the rest upper case, no dot
/// segments. What was matched is byte for byte what is forwarded, but for parameters of segments,
/// which take no part in matching. The query stands behind it, untouched, so that both go on
/// without a copy.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalPath {
    text: String,
    /// Where the path ends; a `?` is there, or nothing.
    end: usize,
    /// What it has that only a route may allow.
    forms: Forms,
    /// The path as it is matched, where it has parameters.
    bare: Option<Box<str>>,
}

impl CanonicalPath {
    /// Brings a request target's path to its canonical form. Characters that RFC 3986 has escaped
    /// (spaces, braces, everything outside ASCII) are escaped here when they come raw.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        let path = Self::received(raw, None)?;
        AllowedForms::default().allow(&path)?;
        Ok(path)
    }

    /// The path of a request, and the query that came with it. SECURITY: it may have forms that are
    /// read in several ways; `AllowedForms::allow` of the route that was found is to be asked.
    pub fn received(raw: &str, query: Option<&str>) -> Result<Self, PathError> {
        if !raw.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        let behind = query.map_or(0, |query| 1 + query.len());
        let mut forms = Forms::default();
        let mut text = if raw.bytes().all(|byte| PLAIN[usize::from(byte)]) {
            let mut text = String::with_capacity(raw.len() + behind);
            text.push_str(raw);
            text
        } else {
            respelled(raw, behind, &mut forms)?
        };
        let bare = forms.parameters.then(|| without_parameters(&text));
        let matched = bare.as_deref().unwrap_or(&text).as_bytes();
        let mut segments = matched.split(|byte| *byte == b'/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            match segment {
                segment if is_dots(segment) => return Err(PathError::DotSegment),
                b"" if segments.peek().is_some() => forms.empty_segments = true,
                _ => {}
            }
        }
        let end = text.len();
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        Ok(Self {
            text,
            end,
            forms,
            bare,
        })
    }

    /// What it has that only a route may allow.
    pub fn forms(&self) -> Forms {
        self.forms
    }

    /// What patterns are held against: the path as it is forwarded, but without parameters.
    pub fn matched(&self) -> &str {
        match &self.bare {
            Some(bare) => bare,
            None => self.as_str(),
        }
    }

    /// The canonical bytes, from the first `/`, without the query.
    pub fn as_str(&self) -> &str {
        &self.text[..self.end]
    }

    /// Without `?`.
    pub fn query(&self) -> Option<&str> {
        self.text[self.end..].strip_prefix('?')
    }

    /// The segments, still escaped; a final empty one stands for a trailing slash.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('/').skip(1)
    }

    /// The segments, decoded once; borrowed where nothing was escaped.
    pub fn decoded_segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.segments().map(decoded_segment)
    }

    /// This many leading segments, which `after` takes off.
    pub fn before(&self, segments: usize) -> &str {
        let end = self.text.len() - self.after(segments).len();
        &self.text[..end]
    }

    /// What is left when this many leading segments are taken off, with the query: from a `/` on,
    /// or no path at all.
    pub fn after(&self, segments: usize) -> &str {
        let mut slashes = self.as_str().match_indices('/');
        let start = slashes.nth(segments).map_or(self.end, |(slash, _)| slash);
        &self.text[start..]
    }
}

/// Without the query, which may hold what no log should.
impl fmt::Debug for CanonicalPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(out)
    }
}

/// The value of one canonical segment, decoded once; borrowed where nothing is escaped.
pub fn decoded_segment(segment: &str) -> Cow<'_, str> {
    if segment.contains('%') {
        // INVARIANT: `parse` has refused escapes that are not UTF-8, so nothing is lost here.
        percent_decode_str(segment).decode_utf8_lossy()
    } else {
        Cow::Borrowed(segment)
    }
}

/// Why a path is refused. The texts go to the log; a caller is told `bad_path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    #[error("the path has a dot segment")]
    DotSegment,
    #[error("the path has an empty segment")]
    EmptySegment,
    #[error("the path escapes a slash")]
    EscapedSlash,
    #[error("the path has a parameter behind `;`")]
    Parameter,
    #[error("the path escapes a backslash or NUL")]
    EscapedSeparator,
    /// `\`, `?`, `#`, or a control byte, the last also when escaped.
    #[error("the path has a character that is read in several ways")]
    AmbiguousCharacter,
    #[error("the path is percent-escaped again and again")]
    EscapedTooOften,
    #[error("the path has a malformed percent-escape")]
    MalformedEscape,
    #[error("the path is not UTF-8")]
    NotUtf8,
}

/// The same path with the canonical choice made for each escape.
fn respelled(raw: &str, behind: usize, forms: &mut Forms) -> Result<String, PathError> {
    let mut text = String::with_capacity(raw.len() + 16 + behind);
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match (hex_digit(bytes.next()), hex_digit(bytes.next())) {
                (Some(high), Some(low)) => {
                    respell_escape(high << 4 | low, &mut text, forms)?;
                }
                _ => return Err(PathError::MalformedEscape),
            },
            // It begins parameters in servlet containers, which cut them off before they match.
            b';' => {
                forms.parameters = true;
                text.push(';');
            }
            b'\\' | b'?' | b'#' => return Err(PathError::AmbiguousCharacter),
            byte if byte.is_ascii_control() => return Err(PathError::AmbiguousCharacter),
            byte if is_plain(byte) => text.push(char::from(byte)),
            byte => push_escape(byte, &mut text),
        }
    }
    // Overlong forms such as %C0%AF end here: to a lax decoder they are a slash.
    match percent_decode_str(&text).decode_utf8() {
        Ok(decoded) => check_decoded(decoded.as_bytes()).map(|()| text),
        Err(_) => Err(PathError::NotUtf8),
    }
}

/// Whatever an upstream that decodes once more, or again and again, would see: it must not climb out
/// of the path that was matched. A slash may come to light, for Graph's ids hold `%252F`.
fn check_decoded(decoded: &[u8]) -> Result<(), PathError> {
    let mut current = Cow::Borrowed(decoded);
    for _ in 0..MOST_DECODINGS {
        if current.split(|byte| *byte == b'/').any(is_dots) {
            return Err(PathError::DotSegment);
        }
        let Some(next) = decoded_once(&current) else {
            return Ok(());
        };
        if next.contains(&b'\\') || next.iter().any(u8::is_ascii_control) {
            return Err(PathError::EscapedSeparator);
        }
        if std::str::from_utf8(&next).is_err() {
            return Err(PathError::NotUtf8);
        }
        current = Cow::Owned(next);
    }
    Err(PathError::EscapedTooOften)
}

/// `.` and `..`; Windows also drops spaces behind them, and servlet containers parameters.
fn is_dots(segment: &[u8]) -> bool {
    match segment {
        [b'.', b'.', rest @ ..] | [b'.', rest @ ..] => {
            let mut rest = rest.iter().skip_while(|byte| **byte == b' ');
            matches!(rest.next(), None | Some(b';'))
        }
        _ => false,
    }
}

fn respell_escape(byte: u8, text: &mut String, forms: &mut Forms) -> Result<(), PathError> {
    match byte {
        b'/' => {
            forms.encoded_slashes = true;
            push_escape(byte, text);
        }
        b'\\' | 0 => return Err(PathError::EscapedSeparator),
        byte if byte.is_ascii_control() => return Err(PathError::AmbiguousCharacter),
        byte if is_unreserved(byte) => text.push(char::from(byte)),
        byte => push_escape(byte, text),
    }
    Ok(())
}

fn push_escape(byte: u8, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "%{byte:02X}");
}

fn hex_digit(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// RFC 3986 §2.3: the characters whose escapes mean the same as themselves.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What stands in a canonical path as it is: RFC 3986's `pchar` without `;`, and the slash.
const fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'!' | b'$' | b'&'..=b',' | b'/' | b':' | b'=' | b'@')
}

/// The same for every byte: each request's path is looked at by it.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        plain[byte as usize] = is_plain(byte);
        byte += 1;
    }
    plain
};

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
