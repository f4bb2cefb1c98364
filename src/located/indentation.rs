//! Which line stands beside those it belongs to, but for a space or two? Read from the lines alone: where
//! the parser gave up, there is no tree.

use super::mistake::{hinted, line_start};
use super::tree::{Found, Place};

/// A line that is further off is meant to be where it is.
const NEAR: usize = 3;
/// Lines above the place that are looked at.
const MOST_LINES: usize = 5_000;

/// Where the keys of a mapping, or the dashes of a list, begin.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// In characters, from 0.
    column: usize,
    is_list: bool,
    /// The last line that has it.
    line: usize,
}

/// Says that the line of the place begins beside its siblings' column, where it does.
pub(super) fn misplaced(text: &str, at: Place) -> Option<Found> {
    let start = line_start(text, at.start);
    let line = text[start..].lines().next()?;
    let content = line.trim_start();
    let column = line.len() - content.len();
    let is_list = is_entry(content);
    let levels = levels(&text[..start], at.line);
    if levels
        .iter()
        .any(|level| level.column == column && level.is_list == is_list)
    {
        return None;
    }
    // Of two that are as near, the inner one.
    let beside = levels.iter().rev().filter(|level| level.is_list == is_list);
    let beside = beside.min_by_key(|level| level.column.abs_diff(column))?;
    if beside.column.abs_diff(column) > NEAR {
        return None;
    }
    let place = Place {
        line: at.line,
        column: column + 1,
        start: start + column,
        end: start + line.trim_end().len(),
    };
    let what = match is_list {
        true => "entry",
        false => "key",
    };
    let message = format!(
        "this {what} begins in column {}, and the one on line {} in column {}",
        column + 1,
        beside.line,
        beside.column + 1
    );
    Some(hinted(
        place,
        &message,
        "what belongs together begins in the same column",
    ))
}

/// The levels that are open after these lines, the outermost first; `next` is the line after them.
fn levels(above: &str, next: usize) -> Vec<Level> {
    let mut numbered: Vec<_> = above.lines().rev().take(MOST_LINES).zip(1..).collect();
    numbered.reverse();
    let mut levels: Vec<Level> = Vec::new();
    for (text, distance) in numbered {
        let mut content = text.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let line = next - distance;
        let mut column = text.len() - content.len();
        levels.retain(|level| level.column <= column);
        loop {
            let is_list = is_entry(content);
            match levels
                .iter_mut()
                .rfind(|level| level.column == column && level.is_list == is_list)
            {
                Some(known) => known.line = line,
                None if is_list || is_key(content) => levels.push(Level {
                    column,
                    is_list,
                    line,
                }),
                None => {}
            }
            if !is_list {
                break;
            }
            let rest = content[1..].trim_start();
            column += content.len() - rest.len();
            content = rest;
            levels.retain(|level| level.column < column);
        }
    }
    levels
}

fn is_entry(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

fn is_key(content: &str) -> bool {
    content.contains(": ") || content.trim_end().ends_with(':')
}
