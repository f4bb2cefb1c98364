//! What of a text may stand on a page that people look at together? Names of persons and what looks
//! like a key or a token are shortened; the access line has them whole.

/// Runs of so many characters that no word has: message ids, digests, keys.
const LONG: usize = 32;
/// What is left of such a run, and of whoever stands before an `@`.
const LEFT: usize = 4;
const LEFT_OF_NAME: usize = 1;
/// What begins like this is a JWT or a part of one: `{"` in base64url.
const TOKEN: &str = "eyJ";
/// Where the groups of a GUID end, which says no more than which one.
const GUID: [usize; 4] = [8, 13, 18, 23];

/// The text, shortened where it tells too much.
pub fn redacted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_word) {
        shown.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|sign| !is_of_word(sign)).unwrap_or(word.len());
        push_word(&mut shown, &word[..end]);
        rest = &word[end..];
    }
    shown.push_str(rest);
    shown
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || "-_.~+%=@".contains(sign)
}

fn push_word(shown: &mut String, word: &str) {
    let at = word.find('@').map(|at| (at, 1));
    let escaped = || word.find("%40").map(|at| (at, 3));
    match at.or_else(escaped).filter(|(at, _)| *at > 0) {
        Some((at, length)) => {
            push_cut(shown, &word[..at], LEFT_OF_NAME);
            shown.push_str(&word[at..at + length]);
            push_runs(shown, &word[at + length..]);
        }
        None => push_runs(shown, word),
    }
}

/// A dot ends a run: hosts and names of roles are long, and their parts are not.
fn push_runs(shown: &mut String, word: &str) {
    for (place, run) in word.split('.').enumerate() {
        if place > 0 {
            shown.push('.');
        }
        match is_opaque(run) {
            true => push_cut(shown, run, LEFT),
            false => shown.push_str(run),
        }
    }
}

/// Whether nobody made it up to be read. Words that are put together have no digits.
fn is_opaque(run: &str) -> bool {
    if run.contains(TOKEN) {
        return true;
    }
    let has_digits = run.bytes().any(|byte| byte.is_ascii_digit());
    run.len() >= LONG && (has_digits || run.len() >= 2 * LONG) && !is_guid(run)
}

fn is_guid(run: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match GUID.contains(&place) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    run.len() == 36 && run.bytes().enumerate().all(fits)
}

fn push_cut(shown: &mut String, text: &str, most: usize) {
    shown.extend(text.chars().take(most));
    shown.push('…');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn persons_and_keys_are_shortened_and_all_else_stays() {
        for (text, shown) in [
            ("/calc/v1/add/1/1", "/calc/v1/add/1/1"),
            ("", ""),
            (
                "/graph/v1.0/users/invoices@payroll.contoso.example/messages",
                "/graph/v1.0/users/i…@payroll.contoso.example/messages",
            ),
            ("/users/a%40b.example", "/users/a…%40b.example"),
            ("/users/@b.example", "/users/@b.example"),
            (
                "/x/eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln",
                "/x/eyJh….eyJh….c2ln",
            ),
            (
                "/keys/payroll-0123456789abcdef0123456789abcdef",
                "/keys/payr…",
            ),
            (
                "roles are [Other]; needs one of [Mail.ReadWrite.All]",
                "roles are [Other]; needs one of [Mail.ReadWrite.All]",
            ),
            (
                "aud is api://06b2a484-141c-42d3-9d73-32bec5910b06",
                "aud is api://06b2a484-141c-42d3-9d73-32bec5910b06",
            ),
            (
                "/a-segment-of-words-that-somebody-likes-to-be-long",
                "/a-segment-of-words-that-somebody-likes-to-be-long",
            ),
            (
                "needs {mailbox} in [*@b.example]",
                "needs {mailbox} in [*@b.example]",
            ),
            ("/ü/йцу@x", "/ü/й…@x"),
        ] {
            assert_eq!(redacted(text), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            redacted(&text);
        }

        #[test]
        fn no_key_gets_through(key in "[0-9a-f]{32,64}", before in "[ -~]{0,8}", after in "[ -~]{0,8}") {
            let shown = redacted(&format!("{before}/{key}/{after}"));
            prop_assert!(!shown.contains(&key), "{}", shown);
        }
    }
}
