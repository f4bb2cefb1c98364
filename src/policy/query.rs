//! Does a query reach past the path that was checked? OData's options pull in what is related
//! (`$expand`, `$apply`), start elsewhere (`$root`), or name another thing (`$id`). What is let
//! through is a list; a route may add to it.
//!
//! OData 4.01 URL Conventions §5; Microsoft Graph takes each option without its `$`, too.

use std::borrow::Cow;

use crate::request::decoded_fully;

/// Options that filter, sort and page what the path names, without their `$`.
const HARMLESS: [&str; 10] = [
    "select",
    "filter",
    "orderby",
    "top",
    "skip",
    "skiptoken",
    "deltatoken",
    "count",
    "search",
    "format",
];

/// Those of them whose values are the upstream's own, and say nothing to anyone else.
const OPAQUE: [&str; 2] = ["skiptoken", "deltatoken"];

/// Options that reach past the path, without their `$`.
const REACHING: [&str; 7] = ["expand", "apply", "compute", "root", "ref", "id", "entity"];

/// Those of them whose names without `$` are nobody else's.
const OF_ODATA: [&str; 3] = ["expand", "apply", "compute"];

/// What may stand in values with a `$`, beside the harmless.
const IN_VALUES: [&str; 3] = ["it", "this", "value"];

/// `query.allow`: what a route lets through that is not on the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRules {
    pub allow: Vec<AllowedOption>,
}

/// `$expand`, or `$expand=attachments*`: a name in any case, and the pattern of its value, in which
/// `*` is any characters but `,` and `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOption {
    pub name: String,
    pub value: Option<String>,
}

/// An option that is not let through: a cut of its name, without `$`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForbiddenOption(pub String);

impl QueryRules {
    /// Checks a query. `ours`: our own token goes along, and only what is listed may.
    pub fn check(&self, query: &str, ours: bool) -> Result<(), ForbiddenOption> {
        let mut granted = 0;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or_else(|| forbidden(name.as_bytes()))?;
            let option = Name::of(&name);
            let decoded = decoded(value).ok_or_else(|| forbidden(&name))?;
            if option.is_forbidden(ours) {
                if !self.grants(option.bare, &decoded) {
                    return Err(forbidden(option.bare));
                }
                granted += 1;
            }
            if !OPAQUE.iter().any(|opaque| option.is(opaque)) {
                self.check_value(&decoded)?;
            }
        }
        // SECURITY: to who decodes before it splits, a separator that was escaped separates as well.
        if query.bytes().any(|byte| matches!(byte, b'%' | b';' | b'?')) {
            self.check_decoded(query, ours, granted)?;
        }
        Ok(())
    }

    fn check_decoded(
        &self,
        query: &str,
        ours: bool,
        granted: usize,
    ) -> Result<(), ForbiddenOption> {
        let decoded = decoded(query).ok_or_else(|| forbidden(query.as_bytes()))?;
        let pairs = decoded.split(|byte| matches!(byte, b'&' | b';' | b'?'));
        let mut reaching = 0;
        for pair in pairs {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or(pair);
            let option = Name::of(name);
            if option.is_one_of(&REACHING) && option.is_forbidden(ours) {
                reaching += usize::from(!self.grants_any(option.bare));
                if reaching > granted {
                    return Err(forbidden(option.bare));
                }
            }
            // `%` stays where nobody's decoder knows what it begins.
            if option.bare.contains(&b'%') {
                return Err(forbidden(option.bare));
            }
        }
        Ok(())
    }

    /// Options within a value: `$select=members($expand=…)`, `$filter=$root/…`.
    fn check_value(&self, value: &[u8]) -> Result<(), ForbiddenOption> {
        let mut rest = value;
        while let Some(dollar) = memchr::memchr(b'$', rest) {
            rest = &rest[dollar + 1..];
            let blank = rest.iter().take_while(|byte| is_blank(**byte)).count();
            let word = word_of(&rest[blank..]);
            let known = HARMLESS.iter().chain(&IN_VALUES);
            let mut known = known.map(|known| known.as_bytes());
            if !word.is_empty()
                && !known.any(|known| word.eq_ignore_ascii_case(known))
                && !self.grants_any(word)
            {
                return Err(forbidden(word));
            }
        }
        let parts = value.split(|byte| matches!(byte, b'(' | b';' | b',' | b'&'));
        for part in parts.skip(1) {
            let name = part.split(|byte| *byte == b'=').next();
            let Some(name) = name.filter(|name| name.len() < part.len()) else {
                continue;
            };
            let option = Name::of(name);
            if option.is_one_of(&OF_ODATA) && !self.grants_any(option.bare) {
                return Err(forbidden(option.bare));
            }
        }
        Ok(())
    }

    /// Whatever its value is.
    fn grants_any(&self, name: &[u8]) -> bool {
        let mut named = self.allow.iter().filter(|allowed| allowed.is(name));
        named.any(|allowed| allowed.value.is_none())
    }

    fn grants(&self, name: &[u8], value: &[u8]) -> bool {
        let value = String::from_utf8_lossy(value);
        let fits = |value: &str| {
            let mut named = self.allow.iter().filter(|allowed| allowed.is(name));
            named.any(|allowed| match &allowed.value {
                None => true,
                Some(pattern) => fits(pattern, value.trim()),
            })
        };
        fits(&value) || value.split(',').all(fits)
    }
}

impl AllowedOption {
    fn is(&self, bare: &[u8]) -> bool {
        let own = self.name.strip_prefix('$').unwrap_or(&self.name);
        own.as_bytes().eq_ignore_ascii_case(bare)
    }
}

/// An option's name, as a lenient parser takes it.
struct Name<'a> {
    bare: &'a [u8],
    has_dollar: bool,
}

impl<'a> Name<'a> {
    fn of(text: &'a [u8]) -> Self {
        let name = trimmed(text);
        match name.strip_prefix(b"$") {
            Some(bare) => Self {
                bare: trimmed(bare),
                has_dollar: true,
            },
            None => Self {
                bare: name,
                has_dollar: false,
            },
        }
    }

    fn is(&self, name: &str) -> bool {
        self.bare.eq_ignore_ascii_case(name.as_bytes())
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is(name))
    }

    fn is_forbidden(&self, ours: bool) -> bool {
        match (self.has_dollar, ours) {
            (true, _) => !self.is_one_of(&HARMLESS),
            (false, true) => self.is_one_of(&REACHING),
            // Who checks a path of its own API has names of its own.
            (false, false) => self.is_one_of(&OF_ODATA),
        }
    }
}

fn decoded(text: &str) -> Option<Cow<'_, [u8]>> {
    decoded_fully(text.as_bytes())
}

fn forbidden(name: &[u8]) -> ForbiddenOption {
    const LONGEST: usize = 40;
    let cut = &name[..name.len().min(LONGEST)];
    ForbiddenOption(String::from_utf8_lossy(cut).into_owned())
}

fn word_of(text: &[u8]) -> &[u8] {
    let is_letter = |byte: &&u8| byte.is_ascii_alphabetic();
    &text[..text.iter().take_while(is_letter).count()]
}

fn is_blank(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'+' | 0x7f)
}

/// Without what a lenient parser drops from the ends: spaces, also as `+`, and control bytes.
fn trimmed(name: &[u8]) -> &[u8] {
    let start = name.iter().position(|byte| !is_blank(*byte));
    let start = start.unwrap_or(name.len());
    let end = name.iter().rposition(|byte| !is_blank(*byte));
    &name[start..end.map_or(start, |last| last + 1)]
}

/// `*` is any characters but `,` and `/`. The earliest place for each literal is as good as any.
fn fits(pattern: &str, value: &str) -> bool {
    let mut literals = pattern.split('*');
    let first = literals.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else {
        return false;
    };
    let mut literals = literals.peekable();
    while let Some(literal) = literals.next() {
        let found = match literals.peek() {
            None => rest.ends_with(literal).then(|| rest.len() - literal.len()),
            Some(_) => rest.find(literal),
        };
        let Some(found) = found.filter(|found| !rest[..*found].contains([',', '/'])) else {
            return false;
        };
        rest = &rest[found + literal.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
