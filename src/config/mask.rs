//! Which parts of the file may hold a secret and must not be repeated in a message? Decided by the
//! key that stands before a value, and by the look of the value itself.

/// Keys whose value is a secret, or names the place of one.
const SECRET_KEYS: [&str; 2] = ["key", "sha256"];

/// Whether a key's value must not be shown. `inherited`: it stands below such a key.
pub(super) fn is_secret_place(key: &str, inherited: bool, scalar: bool) -> bool {
    if inherited && matches!(key, "file" | "env") {
        return false;
    }
    let key = key.to_ascii_lowercase();
    inherited
        || SECRET_KEYS.contains(&key.as_str())
        || ["secret", "passphrase", "password", "passwd"]
            .iter()
            .any(|word| key.contains(word))
        || (scalar && (key.ends_with("_key") || key.ends_with("-key")))
}

/// Whether a text can be a variable's name; what stands in the name's place and is not may be the
/// secret itself.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a value gives itself away, wherever it stands: a token, a PEM block, a URL with a password.
pub(super) fn looks_secret(text: &str) -> bool {
    text.starts_with("eyJ")
        || text.contains("-----BEGIN")
        || text.split_once("://").is_some_and(|(_, rest)| {
            rest.split(['/', '?', '#'])
                .next()
                .is_some_and(|authority| authority.contains('@'))
        })
}

/// Whether a line of a text that could not be parsed may hold a secret.
pub(super) fn line_may_hold_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    looks_like_token(&line)
        || [
            "key",
            "sha256",
            "secret",
            "passphrase",
            "password",
            "passwd",
            "-----begin",
        ]
        .iter()
        .any(|word| line.contains(word))
}

fn looks_like_token(lower_case: &str) -> bool {
    lower_case.contains("eyj") || (lower_case.contains("://") && lower_case.contains('@'))
}

/// A text as it may stand in a message: short, on one line, control characters escaped.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// One character for one: what a terminal would act upon is replaced.
pub(super) fn visible(character: char) -> char {
    // SECURITY: bidirectional and other format characters can make a line read as another.
    let reorders = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    match character {
        '\t' => ' ',
        other if other.is_control() || reorders => '\u{fffd}',
        other => other,
    }
}
