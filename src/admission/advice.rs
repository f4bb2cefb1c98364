//! What does a reason mean, and what is to be done about it? The words of `docs/errors.md`, which are
//! nowhere else: who is asked at night and who reads the page by day are told the same.

use crate::reason::Reason;

const PAGE: &str = include_str!("../../docs/errors.md");

/// A row of the page, as plain text; names of keys and the like are in backquotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub meaning: String,
    /// What the caller should do.
    pub caller: String,
    /// What the operator should do.
    pub operator: String,
}

/// `None` where the page has no such row; a test holds it to the list of reasons.
pub fn advice(reason: Reason) -> Option<Advice> {
    let word = reason.word();
    let mut rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let row = rows.find_map(|row| row.strip_prefix(word)?.strip_prefix("` | "))?;
    let mut cells = row.trim_end_matches(" |").split(" | ").skip(1);
    let mut next = || cells.next().map(plain);
    Some(Advice {
        meaning: next()?,
        caller: next()?,
        operator: next()?,
    })
}

/// Without emphasis, and of a link only what it is called.
fn plain(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell;
    while let Some((before, link)) = rest.split_once('[') {
        text.push_str(before);
        match link.split_once("](").and_then(|(name, target)| {
            let (_, after) = target.split_once(')')?;
            Some((name, after))
        }) {
            Some((name, after)) => {
                text.push_str(name);
                rest = after;
            }
            None => {
                text.push('[');
                rest = link;
            }
        }
    }
    text.push_str(rest);
    // What stands between backquotes is as it is.
    let parts = text
        .split('`')
        .enumerate()
        .map(|(place, part)| match place % 2 {
            0 => part.replace('*', ""),
            _ => part.to_owned(),
        });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words_of_each_kind() {
        for reason in Reason::ALL {
            let advice = advice(*reason).unwrap_or_else(|| panic!("{reason}"));
            for text in [&advice.meaning, &advice.caller, &advice.operator] {
                assert!(!text.is_empty() && !text.contains("]("), "{reason}: {text}");
                assert!(!text.contains(" | "), "{reason}: {text}");
            }
        }
    }

    #[test]
    fn a_link_is_its_name() {
        assert_eq!(plain("a [`b`](c.md#d) e"), "a `b` e");
        assert_eq!(plain("`[GET]` *and* [x"), "`[GET]` and [x");
        assert_eq!(plain("*a* `b*`"), "a `b*`");
    }
}
