//! Which parts of a text may hold a secret and must not be repeated? Decided by the key that stands
//! before a value and by the look of the value; the words to look for are told.

/// What gives a secret away. All words in lower case, but for the openings.
#[derive(Debug)]
pub(crate) struct Masking {
    /// Keys whose value is a secret, or names the place of one.
    pub(crate) keys: &'static [&'static str],
    /// Parts of such keys.
    pub(crate) parts: &'static [&'static str],
    /// Ends of such keys, where the value is a scalar.
    pub(crate) endings: &'static [&'static str],
    /// Keys below such a one that name a place, and whether a text can be such a name: what stands
    /// in its place and is none may be the secret itself.
    pub(crate) references: &'static [Reference],
    /// How a secret begins, wherever it stands.
    pub(crate) openings: &'static [&'static str],
    /// What stands somewhere in a secret.
    pub(crate) marks: &'static [&'static str],
}

pub(super) type Reference = (&'static str, fn(&str) -> bool);

impl Masking {
    /// Whether a value must not be shown. `inherited`: it stands below such a key.
    pub(super) fn hides(&self, inherited: bool, key: Option<&str>, scalar: Option<&str>) -> bool {
        if scalar.is_some_and(|text| self.looks_secret(text)) {
            return true;
        }
        let Some(key) = key else {
            return inherited;
        };
        if inherited {
            let place = self.references.iter().find(|(name, _)| *name == key);
            return place.is_none_or(|(_, fits)| scalar.is_some_and(|text| !fits(text)));
        }
        let key = key.to_ascii_lowercase();
        self.keys.contains(&key.as_str())
            || self.parts.iter().any(|part| key.contains(part))
            || scalar.is_some() && self.endings.iter().any(|end| key.ends_with(end))
    }

    /// Whether a line of a text that could not be parsed may hold a secret.
    pub(super) fn may_hide(&self, line: &str) -> bool {
        let line = line.to_ascii_lowercase();
        let spoken = [self.keys, self.parts, self.openings, self.marks];
        let mut words = spoken.iter().flat_map(|words| words.iter());
        words.any(|word| line.contains(&word.to_ascii_lowercase()))
            || line.contains("://") && line.contains('@')
    }

    fn looks_secret(&self, text: &str) -> bool {
        self.openings
            .iter()
            .any(|opening| text.starts_with(opening))
            || self.marks.iter().any(|mark| text.contains(mark))
            || has_user_info(text)
    }
}

/// Whether it is a URL with a user name, and with a password perhaps (RFC 3986 §3.2.1).
fn has_user_info(text: &str) -> bool {
    text.split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .is_some_and(|authority| authority.contains('@'))
}

/// A text as it may stand in a message: short, on one line, control characters replaced.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// One character for one: what a terminal would act upon is replaced.
pub(crate) fn visible(character: char) -> char {
    // SECURITY: bidirectional and other format characters can make a line read as another.
    let reorders = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    match character {
        '\t' | ' ' => ' ',
        // A no-break space looks like the one that was expected.
        other if other.is_control() || other.is_whitespace() || reorders => '\u{fffd}',
        other => other,
    }
}
