//! What was meant by a word that is not known?

use super::masking::shown;

/// Names further down than this are not offered.
const MAX_CANDIDATES: usize = 500;
const LONGEST_WORD: usize = 64;

/// `did you mean …?`, where a candidate is near enough.
pub(crate) fn suggestion<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(did_you_mean)
}

pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{}`?", shown(word))
}

pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = word.chars().count();
    let tolerated = (length / 3).clamp(1, 3);
    if length > LONGEST_WORD {
        return None;
    }
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|known| (distance(&word, &known.to_ascii_lowercase()), known))
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

/// How many slips lead from one word to the other; a word cut short or drawn out is one.
fn distance(word: &str, known: &str) -> usize {
    const SHORTEST_STEM: usize = 4;
    let stem = word.len().min(known.len());
    if stem >= SHORTEST_STEM && (word.starts_with(known) || known.starts_with(word)) {
        return 1;
    }
    strsim::damerau_levenshtein(word, known)
}
