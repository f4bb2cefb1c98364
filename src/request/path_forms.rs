//! Which forms of a path are read in several ways? An escaped slash, an empty segment, a parameter of
//! a segment: what a path has of them, and what a route says its upstream reads as it does.

use super::{CanonicalPath, PathError};

/// What a path has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// `%2F` within a segment.
    pub encoded_slashes: bool,
    /// Two slashes in a row.
    pub empty_segments: bool,
    /// `;name=value` behind a segment (RFC 3986 §3.3).
    pub parameters: bool,
}

/// What a route lets pass: `match.encoded_slashes`, `match.empty_segments`, `match.path_parameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedForms {
    pub encoded_slashes: bool,
    pub empty_segments: bool,
    /// The names of parameters, exact.
    pub parameters: Vec<Box<str>>,
}

impl Forms {
    /// Whether it has none: true for nearly every path.
    pub fn are_none(self) -> bool {
        self == Self::default()
    }
}

impl AllowedForms {
    /// Whether all that a path has of them may pass.
    pub fn allow(&self, path: &CanonicalPath) -> Result<(), PathError> {
        let has = path.forms();
        if has.encoded_slashes && !self.encoded_slashes {
            return Err(PathError::EscapedSlash);
        }
        if has.empty_segments && !self.empty_segments {
            return Err(PathError::EmptySegment);
        }
        if has.parameters && !self.name_all(path.as_str()) {
            return Err(PathError::Parameter);
        }
        Ok(())
    }

    fn name_all(&self, path: &str) -> bool {
        let mut parameters = path
            .split('/')
            .flat_map(|segment| segment.split(';').skip(1));
        parameters.all(|parameter| {
            // Escaped, it is none of the names: those need no escape.
            let name = parameter.split('=').next().unwrap_or_default();
            self.parameters.iter().any(|allowed| **allowed == *name)
        })
    }
}

/// A path as those see it who cut parameters off before they match.
pub(super) fn without_parameters(path: &str) -> Box<str> {
    let mut bare = String::with_capacity(path.len());
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            bare.push('/');
        }
        bare.push_str(segment.split(';').next().unwrap_or_default());
    }
    bare.into()
}

/// Whether it can be the name of a parameter: what needs no escape (RFC 3986 §2.3).
pub fn is_parameter_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
#[path = "path_forms_tests.rs"]
mod tests;
