//! A path pattern: literal segments, `{name}` for one segment, and `**` at the end for any rest.
//! Literals are compared by decoded value and exact case.

use std::collections::HashSet;
use std::sync::Arc;

use crate::request::{CanonicalPath, Params, PathError, decoded_segment};

/// The most segments of a pattern: what bounds every walk over patterns.
const MOST_SEGMENTS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This value, decoded. Empty for the trailing slash.
    Literal(Box<str>),
    /// Any value but the empty one.
    Parameter(Arc<str>),
    /// Any number of segments, none included.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

impl Template {
    /// Parses a pattern; its literals must be canonical.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let Some(after_slash) = text.strip_prefix('/') else {
            return Err(TemplateError(format!("`{text}` must begin with a slash")));
        };
        if let Some((path, _)) = text.split_once('?') {
            let why = format!("a query takes no part in matching: write `{path}`");
            return Err(TemplateError(why));
        }
        let mut segments = Vec::new();
        let mut names = HashSet::new();
        let mut written = after_slash.split('/').peekable();
        while let Some(segment) = written.next() {
            let is_last = written.peek().is_none();
            let segment = Segment::parse(segment, is_last)?;
            if let Segment::Parameter(name) = &segment
                && !names.insert(Arc::clone(name))
            {
                return Err(TemplateError(format!("`{{{name}}}` is there twice")));
            }
            segments.push(segment);
            if segments.len() > MOST_SEGMENTS {
                let why = format!("a pattern has {MOST_SEGMENTS} segments at most");
                return Err(TemplateError(why));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(&**name),
            Segment::Literal(_) | Segment::Rest => None,
        })
    }

    /// How many leading segments `prefix` (`/graph`) takes off, if it is literal segments this pattern starts with.
    pub fn prefix_segments(&self, prefix: &str) -> Option<usize> {
        if prefix == "/" {
            return Some(0);
        }
        let prefix = CanonicalPath::parse(prefix).ok()?;
        let mut own = self.segments.iter();
        let mut count = 0;
        for segment in prefix.decoded_segments() {
            match own.next()? {
                Segment::Literal(literal) if !segment.is_empty() && **literal == *segment => {
                    count += 1;
                }
                _ => return None,
            }
        }
        Some(count)
    }

    /// Whether one of its segments is this literal, in any case.
    pub fn has_literal(&self, value: &str) -> bool {
        self.segments.iter().any(|segment| match segment {
            Segment::Literal(literal) => literal.eq_ignore_ascii_case(value),
            Segment::Parameter(_) | Segment::Rest => false,
        })
    }

    pub fn matches(&self, path: &CanonicalPath) -> Option<Params> {
        let mut params = Params::none();
        let mut segments = path.matched().split('/').skip(1);
        for own in &self.segments {
            match own {
                Segment::Rest => return Some(params),
                Segment::Literal(literal) => {
                    if decoded_segment(segments.next()?) != **literal {
                        return None;
                    }
                }
                Segment::Parameter(name) => {
                    let value = segments.next().filter(|segment| !segment.is_empty())?;
                    params.push(Arc::clone(name), decoded_segment(value).into_owned());
                }
            }
        }
        segments.next().is_none().then_some(params)
    }

    /// The pattern without the names of its parameters.
    pub(super) fn shape(&self) -> String {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(value) => format!("/{value}"),
            // No literal has a slash.
            Segment::Parameter(_) => "//".to_owned(),
            Segment::Rest => "///".to_owned(),
        });
        segments.collect()
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl Segment {
    fn parse(text: &str, is_last: bool) -> Result<Self, TemplateError> {
        let error = |why: String| Err(TemplateError(why));
        if text == "**" {
            return match is_last {
                true => Ok(Self::Rest),
                false => error("`**` stands for any rest, so it must be last".to_owned()),
            };
        }
        if text.contains('*') {
            return error(format!(
                "`{text}`: write `{{name}}` for one segment, `**` at the end for any rest, \
                 `%2A` for an asterisk"
            ));
        }
        if let Some(name) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            return match is_name(name) {
                true => Ok(Self::Parameter(name.into())),
                false => error(format!(
                    "`{text}`: a name is lower-case letters, digits and `_`, a letter first"
                )),
            };
        }
        if text.contains(['{', '}']) {
            return error(format!(
                "`{text}`: `{{name}}` stands for a whole segment; write `%7B` and `%7D` for braces"
            ));
        }
        if text.is_empty() && !is_last {
            return error("two slashes in a row match nothing: write one".to_owned());
        }
        Self::literal(text)
    }

    fn literal(text: &str) -> Result<Self, TemplateError> {
        let path = CanonicalPath::parse(&format!("/{text}"));
        let path = path.map_err(|why| match why {
            PathError::DotSegment => {
                TemplateError(format!("`{text}` matches nothing: leave it out"))
            }
            why => TemplateError(format!(
                "`{text}` matches nothing, for it is refused: {why}"
            )),
        })?;
        match path.after(0).strip_prefix('/') {
            Some(canonical) if canonical == text => {
                Ok(Self::Literal(decoded_segment(canonical).into()))
            }
            canonical => Err(TemplateError(format!(
                "`{text}` matches nothing in this spelling: write `{}`",
                canonical.unwrap_or_default()
            ))),
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
