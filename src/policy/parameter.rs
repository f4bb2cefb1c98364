//! Do the values in the path fit a route's `where:`? An allow-list and nothing else.

use std::sync::Arc;

use crate::request::Params;

/// `where:`: each named parameter's decoded value fits one of its patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Where(pub Vec<(Arc<str>, Vec<ValuePattern>)>);

/// A pattern for a parameter's value: `*` is one or more characters other than `@` and `/`;
/// a pattern with `@` ignores ASCII case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuePattern(pub String);

impl Where {
    /// Whether every named parameter fits; a missing one does not, nor one with `%` escapes that
    /// could be read twice (`%25`) or a slash.
    pub fn hold(&self, params: &Params) -> bool {
        self.0.iter().all(|(name, patterns)| {
            params
                .value(name)
                .is_some_and(|value| patterns.iter().any(|pattern| pattern.fits(value)))
        })
    }
}

impl ValuePattern {
    fn fits(&self, value: &str) -> bool {
        // SECURITY: an upstream that decodes once more would cut the value at one of these.
        let cuts = match self.0.contains('*') {
            true => &['%', '/', '\\', '?', '#', ';'][..],
            // What is named in full is meant, such as a guest's `ann_fabrikam.com#EXT#@…`.
            false => &['%', '/', '\\'],
        };
        if value.contains(cuts) {
            return false;
        }
        // An address has no case for Exchange; other values may have one for their API.
        if self.0.contains('@') {
            fits_parts(&self.0.to_ascii_lowercase(), &value.to_ascii_lowercase())
        } else {
            fits_parts(&self.0, value)
        }
    }
}

/// Splits both at `@`, which no `*` matches, so that each part is matched alone.
fn fits_parts(pattern: &str, value: &str) -> bool {
    let mut patterns = pattern.split('@');
    let mut values = value.split('@');
    loop {
        match (patterns.next(), values.next()) {
            (None, None) => return true,
            (Some(pattern), Some(value)) if fits_part(pattern, value) => {}
            _ => return false,
        }
    }
}

/// Matches a part in one pass: nothing stops a `*` within it, so the earliest place for each
/// literal is as good as any.
fn fits_part(pattern: &str, value: &str) -> bool {
    let mut literals = pattern.split('*').peekable();
    let Some(mut rest) = value.strip_prefix(literals.next().unwrap_or_default()) else {
        return false;
    };
    while let Some(literal) = literals.next() {
        let mut after_star = rest.chars();
        if after_star.next().is_none() {
            return false;
        }
        let after_star = after_star.as_str();
        if literals.peek().is_none() {
            return after_star.ends_with(literal);
        }
        match after_star.find(literal) {
            Some(at) => rest = &after_star[at + literal.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
#[path = "parameter_tests.rs"]
mod tests;
