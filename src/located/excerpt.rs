//! The line a problem is about, fit to be printed: secrets masked, one printed column for each
//! character. It is masked here, before anything renders it.

use std::ops::Range;

use super::masking::{Masking, visible};
use super::tree::Place;

const MASK: &str = "[masked]";
/// How many bytes on either side of the place are looked at: a line may be the whole file.
const REACH: usize = 800;
/// How far above a line of a text that is no YAML a secret's key is looked for.
const LOOK_BACK: usize = 64 * 1024;

/// A printable line and the part of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    pub(super) line: String,
    pub(super) span: Range<usize>,
}

impl Excerpt {
    /// The excerpt for a place of a parsed text; `secrets` are sorted byte ranges.
    pub(super) fn around(text: &str, at: Place, secrets: &[Range<usize>]) -> Self {
        let place = floor(text, at.start);
        let first = floor(text, place.saturating_sub(REACH));
        let last = floor(text, place.saturating_add(REACH));
        let start = text[first..place]
            .rfind(['\n', '\r'])
            .map_or(first, |found| first + found + 1);
        let end = text[place..last]
            .find(['\n', '\r'])
            .map_or(last, |found| place + found);
        let stop = floor(text, at.end).clamp(place, end);
        let (mut line, mut span) = (String::new(), 0..0);
        let mut masked = None;
        for (offset, character) in text[start..end].char_indices() {
            let byte = start + offset;
            let next = secrets.partition_point(|secret| secret.end <= byte);
            let within = |secret: &Range<usize>| secret.start < byte + character.len_utf8();
            let secret = secrets.get(next).is_some_and(within).then_some(next);
            let mut begin = line.len();
            match secret {
                None => line.push(visible(character)),
                // A secret is masked once, and is meant as a whole.
                Some(_) if masked == secret => begin -= MASK.len(),
                Some(_) => line.push_str(MASK),
            }
            masked = secret;
            if byte < place {
                span = line.len()..line.len();
            } else if byte == place {
                span = begin..begin;
            }
            if (place..stop).contains(&byte) {
                span.end = line.len();
            }
        }
        line.truncate(line.trim_end().len().max(span.end));
        Self { line, span }
    }

    /// The excerpt for a place of a text that could not be parsed: shown only where neither the
    /// line nor what it belongs to mentions anything secret.
    pub(super) fn of_unparsed(text: &str, at: Place, masking: &Masking) -> Self {
        if may_hold_secret(text, floor(text, at.start), masking) {
            return Self {
                line: MASK.to_owned(),
                span: 0..MASK.len(),
            };
        }
        Self::around(text, at, &[])
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte)
}

/// Whether the place's line, the one before it, or a line it is indented under mentions a secret.
pub(super) fn may_hold_secret(text: &str, place: usize, masking: &Masking) -> bool {
    let start = floor(text, place.saturating_sub(LOOK_BACK));
    let furthest = floor(text, place.saturating_add(LOOK_BACK));
    let end = text[place..furthest]
        .find('\n')
        .map_or(furthest, |found| place + found);
    let lines = text[start..end]
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty());
    let mut indent = usize::MAX;
    for (distance, line) in lines.enumerate() {
        let parent = indentation(line) < indent;
        if (distance <= 1 || parent) && masking.may_hide(line) {
            return true;
        }
        if parent {
            indent = indentation(line);
        }
    }
    false
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "one secret is what is meant"
)]
mod tests {
    use super::*;

    fn around(text: &str, meant: Range<usize>, secrets: &[Range<usize>]) -> Excerpt {
        let (start, end) = (meant.start, meant.end);
        Excerpt::around(
            text,
            Place {
                line: 1,
                column: 1,
                start,
                end,
            },
            secrets,
        )
    }

    fn shown(excerpt: &Excerpt) -> &str {
        &excerpt.line[excerpt.span.clone()]
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        for (before, after) in [("a", "b"), ("ü", "ß"), ("", "ü")] {
            let text = format!("{}HERE{}", before.repeat(100_000), after.repeat(100_000));
            let start = text.find("HERE").unwrap();
            let excerpt = around(&text, start..start + 4, &[]);
            assert!(excerpt.line.len() <= 2 * REACH + 4, "{}", excerpt.line);
            assert_eq!(shown(&excerpt), "HERE");
        }
    }

    #[test]
    fn secrets_are_masked_and_the_span_keeps_its_place() {
        let text = "key: hunter2, next: wrong";
        let excerpt = around(text, 20..25, &[5..12]);
        assert_eq!(excerpt.line, "key: [masked], next: wrong");
        assert_eq!(shown(&excerpt), "wrong");
        for byte in 5..12 {
            for end in byte..=12 {
                let excerpt = around(text, byte..end, &[5..12]);
                assert_eq!(excerpt.line, "key: [masked], next: wrong", "{byte}..{end}");
            }
        }
        assert_eq!(shown(&around(text, 5..12, &[5..12])), "[masked]");
    }

    #[test]
    fn a_secret_of_several_lines_is_masked_on_each() {
        let text = "key: |\n  hunter2\n  hunter2\nnext: 1";
        for start in [9, 20] {
            for end in [start, start + 3, 27, 100] {
                let excerpt = around(text, start..end, &[5..27]);
                assert!(!excerpt.line.contains("hunter"), "{}", excerpt.line);
            }
        }
    }

    #[test]
    fn places_inside_characters_and_beyond_the_end_do_no_harm() {
        let text = "ü\u{1b}[31m";
        for start in 0..20 {
            for end in 0..20 {
                let excerpt = around(text, start..end, &[1..2]);
                assert!(!excerpt.line.contains('\u{1b}'));
                let _ = shown(&excerpt);
            }
        }
        assert_eq!(around("", 0..0, &[]).line, "");
    }
}
