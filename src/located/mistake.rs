//! What did its writer mean by a text that is no YAML? The parser tells where it gave up, and in its own
//! words; the cause is often another line, and one of a few mistakes. Quotes nothing but one value, and
//! that only where no secret can be.

use serde_saphyr::granit_parser::{ErrorKind as Cause, ScanError};

use super::excerpt::may_hold_secret;
use super::indentation::misplaced;
use super::masking::{Masking, shown};
use super::parser::marked;
use super::tree::{Found, Place};

/// How far above the place a bracket that is still open is looked for.
const REACH: usize = 64 * 1024;
/// Lines above the place among which an open quotation mark is looked for.
const LINES_BACK: usize = 50;

/// The parser's complaint in our words, where the cause is a common one, and at that cause.
pub(super) fn explained(text: &str, error: &ScanError, masking: &Masking) -> Found {
    let (at, cause) = (marked(error.marker()), error.kind());
    let guessed = match cause {
        Cause::TabNotAllowed
        | Cause::TabInBlockIndentation
        | Cause::TabInIndentation
        | Cause::TabInPlainScalar
        | Cause::TabAtBlockScalarStart => foreign_space(text, at),
        Cause::ExpectedFlowMappingSeparator | Cause::ExpectedFlowSequenceSeparator => {
            braces(text, at, masking).or_else(|| still_open(text, at))
        }
        Cause::InvalidQuotedScalarIndent => Some(Found::new(
            None,
            opening_quote(text, at),
            "a quotation mark is opened here and not closed on its line",
        )),
        Cause::MappingValueNotAllowed
        | Cause::SimpleKeyExpected
        | Cause::ExpectedBlockMappingKey
        | Cause::ExpectedBlockSequenceEntry
        | Cause::BlockSequenceEntryNotAllowed
        | Cause::InvalidIndentation => foreign_space(text, at)
            .or_else(|| no_space(text, at, glued_dash))
            .or_else(|| misplaced(text, at))
            .or_else(|| no_space(text, at, glued_colon))
            .or_else(|| no_key(text, at)),
        _ => None,
    };
    guessed.unwrap_or_else(|| told(at, cause))
}

/// What the parser says, at its own place.
fn told(at: Place, cause: &Cause) -> Found {
    let (message, hint) = match cause {
        Cause::TabNotAllowed
        | Cause::TabInBlockIndentation
        | Cause::TabInIndentation
        | Cause::TabInPlainScalar
        | Cause::TabAtBlockScalarStart => ("a tab cannot indent YAML", "use spaces"),
        Cause::UnclosedQuotedScalar => ("a quotation mark is opened here and never closed", ""),
        Cause::UnclosedFlowCollection { open } => {
            (&*format!("`{open}` is opened here and never closed"), "")
        }
        Cause::MismatchedFlowCollectionEnd { open, close } => (
            &*format!("`{open}` is opened here, and `{close}` closes it"),
            "",
        ),
        Cause::MisplacedFlowCollectionEnd => ("this closes what nothing has opened", ""),
        Cause::UnexpectedCharacter { character: '`' } => (
            "no text begins with a backtick without quotes",
            "put it in quotes",
        ),
        Cause::UnexpectedCharacter { character } => (
            &*format!("no text begins with `{character}` without quotes"),
            "put it in quotes",
        ),
        Cause::MissingAnchorOrAliasName => (
            "`*` without quotes begins an alias, and `&` an anchor",
            "if text is meant, put it in quotes",
        ),
        Cause::RecursionLimitExceeded => ("the file nests deeper than 32 levels", ""),
        Cause::DirectiveDisallowed => ("directives have no meaning here", "leave the line out"),
        Cause::MappingValueNotAllowed | Cause::SimpleKeyExpected => (
            &*format!("this is not YAML: {cause}"),
            "check the indentation, and quote text that holds `: `",
        ),
        other => (&*format!("this is not YAML: {other}"), ""),
    };
    hinted(at, message, hint)
}

/// What looks like a space at the beginning of a line and is none: on the line the parser came to, on
/// the one above, or on the next one, for it reads on past the end of a line.
fn foreign_space(text: &str, at: Place) -> Option<Found> {
    let here = line_start(text, at.start);
    let first = line_start(text, here.saturating_sub(1));
    let number = at.line - usize::from(first < here);
    let mut next = first;
    for (index, line) in text[first..].split_inclusive('\n').take(4).enumerate() {
        let start = next;
        next += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let found = indent.trim_end_matches(['\r', '\n']);
        let found = found.char_indices().find(|(_, one)| *one != ' ');
        if let Some((offset, character)) = found {
            let at = Place {
                line: number + index,
                column: line[..offset].chars().count() + 1,
                start: start + offset,
                end: start + offset + character.len_utf8(),
            };
            let what = match character {
                '\t' => "a tab cannot indent YAML",
                _ => "what stands here is no space, though it looks like one",
            };
            return Some(hinted(at, what, "use spaces"));
        }
    }
    None
}

/// `{ path: /a/{b} }`: a brace inside a value, where braces and commas have a meaning.
fn braces(text: &str, at: Place, masking: &Masking) -> Option<Found> {
    let before = &text[line_start(text, at.start)..at.start];
    // What the parser came to is the brace itself, and what stands before it belongs to the value.
    let glued = text[at.start..].starts_with(['{', '['])
        && before.ends_with(|last: char| {
            !last.is_whitespace() && !matches!(last, '{' | '[' | ',' | ':')
        });
    if !glued {
        return None;
    }
    let begin = before.rfind(|one: char| one.is_whitespace() || matches!(one, '[' | ','));
    let start = at.start - before.len() + begin.map_or(0, |found| found + 1);
    let end = text[start..].find(|one: char| one.is_whitespace() || one == ',');
    let end = end.map_or(text.len(), |found| start + found);
    let value = &text[start..end];
    // The last brace closes what the value stands in, where it is one too many.
    let surplus = value.matches('}').count() > value.matches('{').count();
    let value = value.strip_suffix('}').filter(|_| surplus).unwrap_or(value);
    let column = at.column - text[start..at.start].chars().count();
    let end = start + value.len();
    let at = Place {
        column,
        start,
        end,
        ..at
    };
    let hint = match may_hold_secret(text, start, masking) {
        true => "put the value in quotes".to_owned(),
        false => format!("write \"{}\"", shown(value)),
    };
    let message = "inside of `{ … }` and `[ … ]`, text with braces needs quotes";
    Some(hinted(at, message, &hint))
}

/// What was opened on a line above and is still open here.
fn still_open(text: &str, at: Place) -> Option<Found> {
    let first = line_start(text, at.start.saturating_sub(REACH));
    let mut open = Vec::new();
    let mut quote = None;
    let mut earlier = ' ';
    for (offset, character) in text[first..at.start].char_indices() {
        match (quote, character) {
            (Some(mark), _) if mark == character => quote = None,
            (Some('#'), '\n') => quote = None,
            (Some(_), _) => {}
            // What does not begin a word is part of it.
            (None, '"' | '\'') if !earlier.is_alphanumeric() => quote = Some(character),
            (None, '#') if earlier.is_whitespace() => quote = Some('#'),
            (None, '{' | '[') => open.push((first + offset, character)),
            (None, '}' | ']') => drop(open.pop()),
            (None, _) => {}
        }
        earlier = character;
    }
    let (start, bracket) = open.pop()?;
    let beginning = line_start(text, start);
    let lines = text[beginning..at.start].matches('\n').count();
    let place = Place {
        line: at.line - lines,
        column: text[beginning..start].chars().count() + 1,
        start,
        end: start + 1,
    };
    let message = format!(
        "`{bracket}` is opened here and still open on line {}",
        at.line
    );
    (lines > 0).then(|| {
        hinted(
            place,
            &message,
            "close it, or separate what is in it by commas",
        )
    })
}

/// The quotation mark that stands open where the parser gave up: the last one above that has no partner
/// on its line.
fn opening_quote(text: &str, at: Place) -> Place {
    let mut end = line_start(text, at.start);
    for distance in (1..=LINES_BACK).take_while(|distance| *distance < at.line) {
        let start = line_start(text, end.saturating_sub(1));
        let line = &text[start..end];
        let odd = |mark: &char| line.matches(*mark).count() % 2 == 1;
        let mark = ['"', '\''].into_iter().find(odd);
        if let Some(offset) = mark.and_then(|mark| line.rfind(mark)) {
            return Place {
                line: at.line - distance,
                column: line[..offset].chars().count() + 1,
                start: start + offset,
                end: start + offset + 1,
            };
        }
        end = start;
    }
    at
}

/// `-id: calc` and `listener:apis`: on this line, or on the one above, with which the parser takes this
/// one for a single text.
fn no_space(text: &str, at: Place, glued: fn(&str) -> Option<Glued>) -> Option<Found> {
    let here = line_start(text, at.start);
    let above = line_start(text, here.saturating_sub(1));
    let above = (above < here).then_some((above, at.line - 1));
    let mut lines = [(here, at.line)].into_iter().chain(above);
    lines.find_map(|(start, number)| {
        let line = text[start..].lines().next()?;
        let content = line.trim_start();
        let (offset, message, hint) = glued(content)?;
        let offset = line.len() - content.len() + offset;
        let place = Place {
            line: number,
            column: line[..offset].chars().count() + 1,
            start: start + offset,
            end: start + offset + 1,
        };
        Some(hinted(place, message, hint))
    })
}

/// Where in the line, what is wrong, what to write.
type Glued = (usize, &'static str, &'static str);

fn glued_dash(content: &str) -> Option<Glued> {
    let rest = content.strip_prefix('-')?;
    let is_glued = rest.starts_with(|next: char| next.is_alphabetic());
    let message = "a dash that begins an entry is followed by a space";
    is_glued.then_some((0, message, "write `- `"))
}

fn glued_colon(content: &str) -> Option<Glued> {
    let key = content.trim_start_matches("- ");
    let value = key.split(" #").next()?.trim_end();
    let is_key = value.contains(": ") || value.ends_with(':');
    let colon = value.find(':').filter(|_| !is_key)?;
    let offset = content.len() - key.len() + colon;
    let message = "a colon that ends a key is followed by a space";
    Some((offset, message, "write `: `"))
}

/// A line that is neither a key nor an entry, among those that are.
fn no_key(text: &str, at: Place) -> Option<Found> {
    let line = text[line_start(text, at.start)..].lines().next()?;
    let hint = "write `key: value`, or `- value` in a list";
    let message = "a key and a colon are missing on this line";
    (!line.contains(": ") && !line.trim_end().ends_with(':')).then(|| hinted(at, message, hint))
}

pub(super) fn line_start(text: &str, place: usize) -> usize {
    let place = text.floor_char_boundary(place);
    text[..place].rfind('\n').map_or(0, |end| end + 1)
}

pub(super) fn hinted(at: Place, message: &str, hint: &str) -> Found {
    let mut found = Found::new(None, at, message);
    found.hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
    found
}
