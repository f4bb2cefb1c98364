//! A pattern by what its segments fold to: how it stands to others, and what a path that fits it
//! says.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Template;
use super::fold::{named, step, words_of_literal};
use super::template::Segment;
use crate::request::decoded_segment;

/// A pattern folded: no trailing slash, no escapes, no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folded(Vec<Segment>);

impl Folded {
    pub(super) fn of(template: &Template) -> Self {
        let segments = template
            .segments()
            .iter()
            .flat_map(|segment| match segment {
                Segment::Literal(value) => {
                    let words = words_of_literal(value).into_iter();
                    words.map(|word| Segment::Literal(word.into())).collect()
                }
                Segment::Parameter(_) | Segment::Rest => vec![segment.clone()],
            });
        Self(segments.collect())
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this pattern comes before the other, or is the same, wherever both fit: literal before
    /// parameter before end before rest. Two that differ in a literal have no order.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        let mut others = other.0.iter();
        for own in &self.0 {
            let other = others.next();
            if let (Segment::Literal(own), Some(Segment::Literal(other))) = (own, other) {
                if own != other {
                    return false;
                }
                continue;
            }
            match rank(Some(own)).cmp(&rank(other)) {
                Ordering::Equal => {}
                order => return order == Ordering::Less,
            }
        }
        rank(None) <= rank(others.next())
    }

    /// The values of the parameters of a path that fits the folded pattern, as an upstream reads
    /// it that folds. The first `whole` segments are no name with a key, for they are counted.
    pub(super) fn values(&self, path: &str, whole: usize) -> Option<Vec<(Arc<str>, String)>> {
        let mut values = Vec::new();
        let mut own = self.0.iter();
        let mut rest = path.strip_prefix('/');
        let mut place = 0;
        loop {
            let segment = match (own.next(), rest) {
                (Some(Segment::Rest), _) | (None, None | Some("")) => return Some(values),
                (None, Some(_)) | (Some(_), None | Some("")) => return None,
                (Some(segment), Some(_)) => segment,
            };
            let decoded = decoded_segment(step(&mut rest));
            place += 1;
            match segment {
                Segment::Parameter(_) if decoded.is_empty() => return None,
                Segment::Parameter(name) => values.push((Arc::clone(name), decoded.into_owned())),
                Segment::Literal(literal) => {
                    let (name, key) = named(&decoded);
                    if name != **literal || key.is_some() && place <= whole {
                        return None;
                    }
                    match key.map(|key| (own.next(), key)) {
                        None => {}
                        Some((Some(Segment::Parameter(name)), key)) => {
                            values.push((Arc::clone(name), key.into_owned()));
                        }
                        Some((Some(Segment::Literal(literal)), key))
                            if named(&key).0 == **literal => {}
                        Some((Some(Segment::Literal(_)), _)) => return None,
                        Some((Some(Segment::Rest), _)) => return Some(values),
                        Some((None, _)) => return None,
                    }
                }
                Segment::Rest => return Some(values),
            }
        }
    }
}

fn rank(segment: Option<&Segment>) -> u8 {
    match segment {
        Some(Segment::Literal(_)) => 0,
        Some(Segment::Parameter(_)) => 1,
        None => 2,
        Some(Segment::Rest) => 3,
    }
}
