//! What else may an upstream take a segment for? Windows, IIS, OData and those who decode twice read
//! more than one spelling as the same name. A fold brings all of them to one, so that a route is
//! not evaded by spelling its path in another way.
//!
//! OData 4.01 URL Conventions §4.3 (keys in parentheses or as segments), §4.5 (`()` after
//! functions), §4.11 (type casts).

use std::borrow::Cow;

use crate::guid::Guid;
use crate::request::MOST_DECODINGS;

/// Versions of Graph, after which its older clients name a tenant.
const VERSIONS: [&str; 2] = ["v1.0", "beta"];

/// The words, each as one segment, that a segment may stand for: none where it may be passed over.
pub(super) type Reading = Vec<String>;

/// Whether a segment has one reading, itself but for ASCII case. True for nearly all.
pub(super) fn is_quiet(segment: &str, before: Option<&str>) -> bool {
    let quiet = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~' | b'.' | b'@' | b'=' | b',')
    };
    match segment.as_bytes() {
        [] | [.., b'.'] => false,
        bytes if !bytes.iter().copied().all(quiet) => false,
        _ => qualified(segment).is_none() && !may_be_tenant(segment, before),
    }
}

/// Everything that some upstream may take a segment for. The first is the segment as one word.
pub(super) fn readings(segment: &str, before: Option<&str>) -> Vec<Reading> {
    let decoded = decoded_fully(segment);
    let whole = word(&decoded);
    let (name, arguments) = called(&whole);
    let keys: Vec<String> = arguments.iter().map(|argument| key(argument)).collect();
    let mut readings = vec![vec![whole.clone()]];
    let mut heads = vec![vec![word(name)]];
    if let Some(last) = qualified(name) {
        heads.push(vec![word(last)]);
        heads.push(vec![word(name.rsplit('.').next().unwrap_or(last))]);
        // A cast names a type, and no part of the path.
        heads.push(Vec::new());
    }
    for head in heads {
        readings.push([&head[..], &keys].concat());
        readings.push(head);
    }
    let passed_over = whole.is_empty() || whole == "$" || may_be_tenant(&whole, before);
    if passed_over {
        readings.push(Vec::new());
    }
    let mut known: Vec<Reading> = Vec::with_capacity(readings.len());
    for mut reading in readings {
        if !known.is_empty() {
            reading.retain(|word| !word.is_empty());
        }
        if !known.contains(&reading) {
            known.push(reading);
        }
    }
    known
}

/// The words of a pattern's literal: the most folded of its readings.
pub(super) fn words_of_literal(decoded: &str) -> Reading {
    let whole = word(decoded);
    let (name, arguments) = called(&whole);
    let name = match qualified(name) {
        Some(last) => word(last.rsplit('.').next().unwrap_or(last)),
        None => word(name),
    };
    let keys = arguments.iter().map(|argument| key(argument));
    let words = std::iter::once(name).chain(keys);
    words
        .filter(|word| !word.is_empty() && word != "$")
        .collect()
}

/// A segment as an upstream reads it that folds, decoded once: its name, folded, without a
/// namespace, and the value of its key.
pub(super) fn named(decoded: &str) -> (String, Option<Cow<'_, str>>) {
    let (name, arguments) = called(decoded);
    let folded = word(name);
    let folded = match qualified(&folded) {
        Some(last) => last.rsplit('.').next().unwrap_or(last).to_owned(),
        None => folded,
    };
    let value = match arguments[..] {
        [] => None,
        [one] => Some(literal(one).unwrap_or_else(|| no_single_value(decoded))),
        [..] => Some(no_single_value(decoded)),
    };
    (folded, value)
}

/// The value of a key that is one literal, in quotes or without.
fn literal(key: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = key.strip_prefix('\'') else {
        let is_plain = |letter: char| !matches!(letter, '\'' | '"' | '=' | ',' | '(' | ')' | ' ');
        return key.chars().all(is_plain).then_some(Cow::Borrowed(key));
    };
    let inner = quoted.strip_suffix('\'')?;
    let is_one = !inner.replace("''", "").contains('\'');
    is_one.then(|| Cow::Owned(inner.replace("''", "'")))
}

/// What stands for a key with a name, of several parts, or that is no literal: an upstream may take
/// any of it. SECURITY: no value that `where` compares has a slash.
fn no_single_value(segment: &str) -> Cow<'_, str> {
    Cow::Owned(format!("/{segment}"))
}

/// The same path as those may see it who decode before they split: with slashes that were escaped,
/// and cut where a query or a fragment would begin.
/// `guests`: Graph has names with `#EXT#`, which cuts nothing there.
pub(super) fn respellings(path: &str, guests: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = Cow::Borrowed(path);
    for _ in 0..MOST_DECODINGS {
        let Some(next) = decoded_once(&current) else {
            break;
        };
        let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
        if slashes(&next) != slashes(path) {
            found.push(next.clone());
        }
        let cut = match guests && next.contains('#') {
            true => Cow::Owned(next.replace("#EXT#", "").replace("#ext#", "")),
            false => Cow::Borrowed(&*next),
        };
        if let Some((before, _)) = cut.split_once(['?', '#']) {
            found.push(before.to_owned());
        }
        current = Cow::Owned(next);
    }
    found
}

/// Takes the first segment off what follows a slash.
pub(super) fn step<'a>(rest: &mut Option<&'a str>) -> &'a str {
    let text = rest.take().unwrap_or_default();
    match text.split_once('/') {
        Some((segment, next)) => {
            *rest = Some(next);
            segment
        }
        None => text,
    }
}

/// One word: decoded, lower case, without what lenient servers cut off a name's ends.
fn word(text: &str) -> String {
    let text = text.split(';').next().unwrap_or_default();
    let mut lower: String = match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        // Both ways, for letters such as the Kelvin sign have a plain one in one of them only.
        false => text.to_uppercase().to_lowercase(),
    };
    if let Some(stream) = lower.find("::$") {
        // An NTFS stream: `a.config::$DATA` is the file itself.
        lower.truncate(stream);
    }
    let cut = |letter: char| letter.is_whitespace() || letter == '+';
    let ends = lower.trim_end_matches(|letter| cut(letter) || letter == '.');
    ends.trim_start_matches(cut).to_owned()
}

/// `users('a')` is `users` and `'a'`; `sendMail()` is `sendMail` alone.
fn called(text: &str) -> (&str, Vec<&str>) {
    let Some((name, arguments)) = text.split_once('(') else {
        return (text, Vec::new());
    };
    let Some(arguments) = arguments.strip_suffix(')') else {
        return (text, Vec::new());
    };
    let arguments = arguments.split(")(").map(str::trim);
    (name, arguments.filter(|one| !one.is_empty()).collect())
}

/// The word of a key: `'a'`, `id='a'`, `guid'a'`, `1`.
fn key(argument: &str) -> String {
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let value = match argument.split_once('=') {
        Some((name, value)) if is_name(name.trim()) => value.trim(),
        _ => argument,
    };
    let quoted = value
        .strip_suffix('\'')
        .and_then(|value| value.split_once('\''));
    match quoted {
        Some((kind, quoted)) if is_name(kind) => word(&quoted.replace("''", "'")),
        _ => word(value),
    }
}

/// What follows a namespace of Microsoft's, or Graph's alias.
fn qualified(name: &str) -> Option<&str> {
    let (namespace, last) = name.split_once('.')?;
    if namespace.eq_ignore_ascii_case("graph") {
        return Some(last);
    }
    if !namespace.eq_ignore_ascii_case("microsoft") {
        return None;
    }
    match last.split_once('.') {
        Some((graph, last)) if graph.eq_ignore_ascii_case("graph") => Some(last),
        _ => Some(last),
    }
}

/// Graph takes `/v1.0/myorganization/users` and `/v1.0/contoso.example/users` for `/v1.0/users`.
fn may_be_tenant(segment: &str, before: Option<&str>) -> bool {
    let follows = |before: &str| {
        let mut versions = VERSIONS.iter();
        versions.any(|version| before.eq_ignore_ascii_case(version))
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    // The neighbour folds too: `v1.0%20`, `v1.0.`.
    before.is_some_and(
        |before| match before.bytes().all(is_plain) && !before.ends_with('.') {
            true => follows(before),
            false => follows(called(&word(&decoded_fully(before))).0),
        },
    ) && (segment.contains('.')
        || segment.eq_ignore_ascii_case("myorganization")
        || segment.parse::<Guid>().is_ok())
}

fn decoded_fully(text: &str) -> Cow<'_, str> {
    // INVARIANT: a path that takes more decodings has been refused.
    match crate::request::decoded_fully(text.as_bytes()) {
        Some(Cow::Owned(decoded)) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
        Some(Cow::Borrowed(_)) | None => Cow::Borrowed(text),
    }
}

fn decoded_once(text: &str) -> Option<String> {
    let decoded = crate::request::decoded_once(text.as_bytes())?;
    Some(String::from_utf8_lossy(&decoded).into_owned())
}
