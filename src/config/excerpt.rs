//! The line a problem is about, fit to be printed: secrets masked, cut around the place when it is
//! long, one printed column for each character.

use super::mask;
use super::tree::Mark;

/// The most characters of a line that are shown.
const WIDTH: usize = 100;
/// How many of them stand before the place when the line is cut.
const BEFORE: usize = 60;
const MASK: &str = "[masked]";
/// No character is longer; slices of the text are sought within this many bytes a character.
const LONGEST_CHARACTER: usize = 4;

/// A printable line and where its caret goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, or the part of it around the place.
    pub text: String,
    /// How many characters stand before the caret.
    pub caret: usize,
}

impl Excerpt {
    /// The excerpt for a place of a parsed text; `secrets` are sorted byte ranges.
    pub(super) fn around(text: &str, at: Mark, secrets: &[(usize, usize)]) -> Self {
        let place = floor(text, at.byte);
        let start = line_start(text, place);
        let end = line_end(text, place);
        let mut before = visible(text, start, place, secrets);
        let mut after = visible(text, place, end, secrets);
        // The place itself is masked: both halves end and begin with the same secret.
        if before.ends_with(MASK) && covered(secrets, place) {
            before.truncate(before.len() - MASK.len());
            if !after.starts_with(MASK) {
                after.insert_str(0, MASK);
            }
        }
        Self::cut(&before, after.trim_end())
    }

    /// The excerpt for a place of a text that could not be parsed: shown only where neither the
    /// line nor what it belongs to mentions anything secret.
    pub(super) fn of_unparsed(text: &str, at: Mark) -> Self {
        let place = floor(text, at.byte);
        if may_hold_secret(text, place) {
            return Self {
                text: MASK.to_owned(),
                caret: 0,
            };
        }
        Self::around(text, at, &[])
    }

    fn cut(before: &str, after: &str) -> Self {
        let length = before.chars().count();
        let rest = after.chars().count();
        if length + rest <= WIDTH {
            return Self {
                text: format!("{before}{after}"),
                caret: length,
            };
        }
        let skipped = length.saturating_sub(BEFORE);
        let mut text = String::new();
        let mut caret = length;
        if skipped > 0 {
            text.push('…');
            caret = length - skipped + 1;
        }
        text.extend(before.chars().skip(skipped));
        let room = WIDTH.saturating_sub(caret);
        text.extend(after.chars().take(room));
        if rest > room {
            text.push('…');
        }
        Self { text, caret }
    }
}

/// Where the line begins, but no further back than can be shown.
fn line_start(text: &str, place: usize) -> usize {
    let furthest = floor(text, place.saturating_sub(2 * WIDTH * LONGEST_CHARACTER));
    text[furthest..place]
        .rfind(['\n', '\r'])
        .map_or(furthest, |found| furthest + found + 1)
}

fn line_end(text: &str, place: usize) -> usize {
    let furthest = floor(text, place.saturating_add(2 * WIDTH * LONGEST_CHARACTER));
    text[place..furthest]
        .find(['\n', '\r'])
        .map_or(furthest, |found| place + found)
}

/// A part of a line with its secrets replaced.
fn visible(text: &str, start: usize, end: usize, secrets: &[(usize, usize)]) -> String {
    let mut shown = String::new();
    let mut next = start;
    let first = secrets.partition_point(|&(_, stop)| stop <= start);
    for &(from, to) in secrets[first..].iter().take_while(|&&(from, _)| from < end) {
        if from > next {
            shown.extend(text[next..floor(text, from)].chars().map(mask::visible));
        }
        if to > next && to > from {
            if !shown.ends_with(MASK) || from > next {
                shown.push_str(MASK);
            }
            next = floor(text, to.min(end)).max(next);
        }
    }
    if next < end {
        shown.extend(text[next..end].chars().map(mask::visible));
    }
    shown
}

fn covered(secrets: &[(usize, usize)], place: usize) -> bool {
    let first = secrets.partition_point(|&(_, stop)| stop <= place);
    secrets
        .get(first)
        .is_some_and(|&(from, to)| from < place && place < to)
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// Whether the place's line, the one before it, or a line it is indented under mentions a secret.
fn may_hold_secret(text: &str, place: usize) -> bool {
    const LOOK_BACK: usize = 64 * 1024;
    let end = text[place..]
        .find('\n')
        .map_or(text.len(), |found| place + found);
    let start = floor(text, place.saturating_sub(LOOK_BACK));
    let end = floor(text, end.min(place.saturating_add(LOOK_BACK)));
    let mut lines = text[start..end]
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty());
    let Some(own) = lines.next() else {
        return false;
    };
    if mask::line_may_hold_secret(own) {
        return true;
    }
    let mut indent = indentation(own);
    for (distance, line) in lines.enumerate() {
        let parent = indentation(line) < indent;
        if (distance == 0 || parent) && mask::line_may_hold_secret(line) {
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
mod tests {
    use super::*;

    fn at(text: &str, found: &str) -> Mark {
        let byte = text.find(found).unwrap();
        Mark {
            line: 1,
            column: 1,
            byte,
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        let excerpt = Excerpt::around(&text, at(&text, "HERE"), &[]);
        assert!(
            excerpt.text.chars().count() <= WIDTH + 2,
            "{}",
            excerpt.text
        );
        assert!(
            excerpt
                .text
                .chars()
                .skip(excerpt.caret)
                .collect::<String>()
                .starts_with("HERE")
        );
        let text = format!("HERE{}", "ü".repeat(500));
        let excerpt = Excerpt::around(&text, at(&text, "HERE"), &[]);
        assert_eq!(excerpt.caret, 0);
    }

    #[test]
    fn secrets_are_masked_and_the_caret_keeps_its_place() {
        let text = "key: hunter2, next: wrong";
        let secret = [(5, 12)];
        let excerpt = Excerpt::around(text, at(text, "wrong"), &secret);
        assert_eq!(excerpt.text, "key: [masked], next: wrong");
        assert_eq!(excerpt.caret, "key: [masked], next: ".len());
        for byte in 5..12 {
            let excerpt = Excerpt::around(
                text,
                Mark {
                    line: 1,
                    column: 1,
                    byte,
                },
                &secret,
            );
            assert_eq!(
                (excerpt.text.as_str(), excerpt.caret),
                ("key: [masked], next: wrong", 5)
            );
        }
    }

    #[test]
    fn a_secret_of_several_lines_is_masked_on_each() {
        let text = "key: |\n  hunter2\n  hunter2\nnext: 1";
        for line in [9, 20] {
            let excerpt = Excerpt::around(
                text,
                Mark {
                    line: 2,
                    column: 1,
                    byte: line,
                },
                &[(5, 27)],
            );
            assert!(!excerpt.text.contains("hunter"), "{}", excerpt.text);
        }
    }

    #[test]
    fn places_inside_characters_and_beyond_the_end_do_no_harm() {
        let text = "ü\u{1b}[31m";
        for byte in 0..20 {
            let excerpt = Excerpt::around(
                text,
                Mark {
                    line: 1,
                    column: 1,
                    byte,
                },
                &[(1, 2)],
            );
            assert!(!excerpt.text.contains('\u{1b}'));
        }
        assert_eq!(Excerpt::around("", Mark::default(), &[]).text, "");
    }
}
