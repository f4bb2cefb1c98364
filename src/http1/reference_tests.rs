//! A second reader of the same rules: plain, slow, whole lines at a time, and not by the same hand
//! twice. What the walker and it do not agree on, one of them has wrong. Tests and fuzzers ask it.

#![allow(unreachable_pub, reason = "public where the fuzzers include it")]

/// The bounds of the room, once more.
const EMPTY_LINES: usize = 4;
const METHOD: usize = 32;
const FIELDS: usize = 100;
const NAME: usize = 1024;
const EXTENSION: usize = 1024;
const EXTENSIONS: usize = 8 * 1024;
const TRAILERS: usize = 8 * 1024;
const TRAILER_FIELDS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Right so far.
    More,
    Refused,
    /// The head is whole.
    Message(Message),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub head: usize,
    /// Of an answer.
    pub status: u16,
    /// What is there of the body, and the bytes it was sent in.
    pub body: Vec<u8>,
    pub sent: usize,
    pub ended: bool,
}

pub fn request(bytes: &[u8], longest_head: usize, longest_target: usize) -> Read {
    let longest_line = METHOD + 1 + longest_target.min(65_534) + 9 + 2;
    let mut start = 0;
    let mut empty = 0;
    while bytes[start..].starts_with(b"\r\n") && start + 2 <= longest_head {
        start += 2;
        empty += 1;
        if empty > EMPTY_LINES {
            return Read::Refused;
        }
    }
    let Some(&first) = bytes.get(start) else {
        return if start >= longest_head {
            Read::Refused
        } else {
            Read::More
        };
    };
    if first != b'\r' && !is_token(&[first]) {
        return Read::Refused;
    }
    let bound = longest_head.min(start + longest_line);
    let (line, fields) = match line(&bytes[start..], bound - start, true) {
        Line::Whole(line, behind) => (line, start + behind),
        other => return other.unfinished(),
    };
    // One space after the method, one before the version, none within the target.
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = parts[..] else {
        return Read::Refused;
    };
    let old = version == b"HTTP/1.0";
    if !is_token(method)
        || method.len() > METHOD
        || !(old || version == b"HTTP/1.1")
        || target.len() > longest_target.min(65_534)
        || target.contains(&b'#')
        || !(target.starts_with(b"/")
            || target == b"*"
            || method == b"CONNECT"
            || target.to_ascii_lowercase().starts_with(b"http://")
            || target.to_ascii_lowercase().starts_with(b"https://"))
        || http::Uri::try_from(target).is_err()
    {
        return Read::Refused;
    }
    let fields = match read_fields(bytes, fields, longest_head, true) {
        Ok(fields) => fields,
        Err(read) => return read,
    };
    let Ok(told) = told(&fields.all, old) else {
        return Read::Refused;
    };
    if fields.all.iter().any(|(name, _)| {
        name.contains('_')
            && ["content-length", "transfer-encoding"].contains(&&*name.replace('_', "-"))
    }) {
        return Read::Refused;
    }
    with_body(bytes, fields.end, 0, told.unwrap_or(Told::Length(0)))
}

pub fn answer(bytes: &[u8], longest_head: usize, to_head: bool) -> Read {
    match bytes.first() {
        None => return Read::More,
        Some(b'H' | b'\r') => {}
        Some(_) => return Read::Refused,
    }
    let (line, fields) = match line(bytes, longest_head, false) {
        Line::Whole(line, behind) => (line, behind),
        other => return other.unfinished(),
    };
    let old = line.starts_with(b"HTTP/1.0 ");
    if !old && !line.starts_with(b"HTTP/1.1 ") || line.len() < 12 {
        return Read::Refused;
    }
    let status = std::str::from_utf8(&line[9..12]).unwrap_or_default();
    let all_digits = status.bytes().all(|byte| byte.is_ascii_digit());
    let status: u16 = status.parse().unwrap_or_default();
    if !all_digits || status < 100 || !matches!(line.get(12), None | Some(b' ')) {
        return Read::Refused;
    }
    let fields = match read_fields(bytes, fields, longest_head, false) {
        Ok(fields) => fields,
        Err(read) => return read,
    };
    let told = match told(&fields.all, old) {
        Ok(told) => told,
        Err(()) => return Read::Refused,
    };
    let never = status < 200 || status == 204;
    if never && !matches!(told, None | Some(Told::Length(0))) {
        return Read::Refused;
    }
    let told = match told {
        _ if never || status == 304 || to_head => Told::Length(0),
        None => Told::Close,
        Some(told) => told,
    };
    with_body(bytes, fields.end, status, told)
}

enum Told {
    Length(u64),
    Chunked,
    Close,
}

fn told(fields: &[(String, Vec<u8>)], old: bool) -> Result<Option<Told>, ()> {
    let named = |wanted: &str| -> Vec<&[u8]> {
        let found = fields.iter().filter(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_slice()).collect()
    };
    match (
        &named("content-length")[..],
        &named("transfer-encoding")[..],
    ) {
        ([], []) => Ok(None),
        ([], [coding]) if !old && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Some(Told::Chunked))
        }
        ([length], []) if (1..=19).contains(&length.len()) => {
            let digits = std::str::from_utf8(length).map_err(|_| ())?;
            match digits.bytes().all(|byte| byte.is_ascii_digit()) {
                true => digits
                    .parse()
                    .map(|length| Some(Told::Length(length)))
                    .map_err(|_| ()),
                false => Err(()),
            }
        }
        _ => Err(()),
    }
}

fn with_body(bytes: &[u8], head: usize, status: u16, told: Told) -> Read {
    let rest = &bytes[head..];
    let (body, sent, ended) = match told {
        Told::Close => (rest.to_vec(), rest.len(), false),
        Told::Length(length) => {
            let here = (rest.len() as u64).min(length) as usize;
            (rest[..here].to_vec(), here, here as u64 == length)
        }
        Told::Chunked => match chunks(rest) {
            Ok(read) => read,
            Err(()) => return Read::Refused,
        },
    };
    Read::Message(Message {
        head,
        status,
        body,
        sent,
        ended,
    })
}

struct Fields {
    end: usize,
    /// Names in lower case, values without the blanks around them.
    all: Vec<(String, Vec<u8>)>,
}

fn read_fields(bytes: &[u8], mut at: usize, longest: usize, strict: bool) -> Result<Fields, Read> {
    let mut all = Vec::new();
    loop {
        let Some(left) = longest.checked_sub(at) else {
            return Err(Read::Refused);
        };
        let (line, behind) = match line(&bytes[at..], left, strict) {
            Line::Whole(line, behind) => (line, behind),
            other => return Err(other.unfinished()),
        };
        at += behind;
        if line.is_empty() {
            return Ok(Fields { end: at, all });
        }
        all.push(field(line).ok_or(Read::Refused)?);
        if all.len() > FIELDS || all.last().is_some_and(|(name, _)| name.len() > NAME) {
            return Err(Read::Refused);
        }
    }
}

fn field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return None;
    }
    let mut value = value.to_vec();
    while matches!(value.first(), Some(b' ' | b'\t')) {
        value.remove(0);
    }
    while matches!(value.last(), Some(b' ' | b'\t')) {
        value.pop();
    }
    Some((String::from_utf8(name.to_ascii_lowercase()).ok()?, value))
}

enum Line<'a> {
    /// Without its end, and where the next one begins.
    Whole(&'a [u8], usize),
    More,
    Refused,
}

impl Line<'_> {
    fn unfinished(self) -> Read {
        match self {
            Line::More => Read::More,
            _ => Read::Refused,
        }
    }
}

/// The first line, which has room for so many bytes with its end.
fn line(bytes: &[u8], room: usize, strict: bool) -> Line<'_> {
    for (at, byte) in bytes.iter().take(room).enumerate() {
        let next = if at + 1 < room {
            bytes.get(at + 1)
        } else {
            None
        };
        match (byte, next) {
            (b'\n', _) if strict => return Line::Refused,
            (b'\n', _) => return Line::Whole(&bytes[..at], at + 1),
            (b'\r', Some(b'\n')) => return Line::Whole(&bytes[..at], at + 2),
            (b'\r', Some(_)) => return Line::Refused,
            (b'\r', None) => break,
            (b'\t', _) => {}
            (byte, _) if byte.is_ascii_control() => return Line::Refused,
            _ => {}
        }
    }
    if bytes.len() >= room {
        Line::Refused
    } else {
        Line::More
    }
}

/// The body so far, the bytes it was sent in, and whether it has ended.
pub fn chunks(bytes: &[u8]) -> Result<(Vec<u8>, usize, bool), ()> {
    let (mut body, mut at, mut extensions) = (Vec::new(), 0, 0);
    loop {
        // So long a line is refused whatever ends it.
        let (line, behind) = match line(&bytes[at..], usize::MAX, true) {
            Line::Whole(line, behind) => (line, Some(at + behind)),
            Line::More => (
                bytes[at..].strip_suffix(b"\r").unwrap_or(&bytes[at..]),
                None,
            ),
            Line::Refused => return Err(()),
        };
        let digits = line
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        let extension = &line[digits..];
        let is_empty = digits == 0 && (behind.is_some() || at + line.len() < bytes.len());
        if digits > 16 || is_empty || (digits == 0 && !extension.is_empty()) {
            return Err(());
        }
        if !extension.is_ascii() || extension.first().is_some_and(|first| *first != b';') {
            return Err(());
        }
        extensions += extension.len();
        if extension.len() > EXTENSION || extensions > EXTENSIONS {
            return Err(());
        }
        let Some(behind) = behind else {
            return Ok((body, bytes.len(), false));
        };
        let size = std::str::from_utf8(&line[..digits]).map_err(|_| ())?;
        let size = u64::from_str_radix(size, 16).map_err(|_| ())?;
        at = behind;
        if size == 0 {
            let (sent, ended) = trailers(&bytes[at..])?;
            return Ok((body, at + sent, ended));
        }
        let here = ((bytes.len() - at) as u64).min(size) as usize;
        body.extend_from_slice(&bytes[at..at + here]);
        at += here;
        match &bytes[at..] {
            [] | [b'\r'] => return Ok((body, bytes.len(), false)),
            [b'\r', b'\n', ..] => at += 2,
            _ => return Err(()),
        }
    }
}

/// The bytes of the trailers so far, and whether they have ended.
fn trailers(bytes: &[u8]) -> Result<(usize, bool), ()> {
    let (mut at, mut count) = (0, 0);
    loop {
        match line(&bytes[at..], TRAILERS.saturating_sub(at), true) {
            Line::Whole([], behind) => return Ok((at + behind, true)),
            Line::Whole(line, behind) => {
                let (name, _) = field(line).ok_or(())?;
                count += 1;
                if count > TRAILER_FIELDS || is_head_only(&name) {
                    return Err(());
                }
                at += behind;
            }
            Line::More => {
                let rest = &bytes[at..];
                let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
                let cut = rest.len() < bytes.len() - at;
                return match rest.iter().position(|byte| *byte == b':') {
                    _ if rest.is_empty() => Ok((bytes.len(), false)),
                    _ if count == TRAILER_FIELDS => Err(()),
                    None if cut || !is_token(rest) => Err(()),
                    None => Ok((bytes.len(), false)),
                    Some(_) => match field(rest) {
                        Some((name, _)) if !is_head_only(&name) => Ok((bytes.len(), false)),
                        _ => Err(()),
                    },
                };
            }
            Line::Refused => return Err(()),
        }
    }
}

fn is_head_only(name: &str) -> bool {
    let name = name.replace('_', "-");
    let names = "authorization connection content-encoding content-length content-range \
                 content-type cookie expect host keep-alive max-forwards proxy-authorization \
                 proxy-connection set-cookie te trailer transfer-encoding upgrade";
    names.split(' ').any(|known| known == name)
}

fn is_token(bytes: &[u8]) -> bool {
    let marks = b"!#$%&'*+-.^_`|~";
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || marks.contains(byte))
}
