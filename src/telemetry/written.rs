//! How is a value written in a line? By hand, because a line is written for every request; in JSON
//! byte for byte as `serde_json` has it.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{Result, Write};
use std::time::{Duration, UNIX_EPOCH};

/// 9999-12-31T23:59:59.999Z: RFC 3339 has no more digits for a year.
const LAST_MS: u64 = 253_402_300_799_999;
/// Up to here a number of thousandths has at most fifteen digits: no double has a shorter form.
const MOST_THOUSANDTHS: u64 = 999_999_999_999_999;

/// `2027-01-15T08:00:00Z`.
type Second = [u8; 20];

thread_local! {
    /// The second that was written last, and how it reads.
    static SECOND: Cell<(u64, Second)> = const { Cell::new((u64::MAX, [0; 20])) };
}

/// A time in milliseconds since the epoch (RFC 3339).
pub(super) fn time(out: &mut Vec<u8>, ms: u64) -> Result<()> {
    let ms = ms.min(LAST_MS);
    let [second @ .., zone] = second(ms / 1000)?;
    out.extend_from_slice(&second);
    out.push(b'.');
    three_digits(out, ms % 1000);
    out.push(zone);
    Ok(())
}

fn second(seconds: u64) -> Result<Second> {
    let (known, mut text) = SECOND.get();
    if known != seconds {
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        let whole = humantime::format_rfc3339_seconds(time);
        write!(&mut text[..], "{whole}")?;
        SECOND.set((seconds, text));
    }
    Ok(text)
}

/// A JSON string of at most `most` bytes of the text, cleaned.
pub(super) fn json_text(out: &mut Vec<u8>, text: &str, most: usize) -> Result<()> {
    let text = cut(text, most);
    let plain = |byte: u8| (b' '..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\');
    // Nearly always. Folded, not `all`: so the compiler looks at sixteen bytes at a time.
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return Ok(());
    }
    Ok(serde_json::to_writer(out, &*clean(text, most))?)
}

pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    let mut left = number;
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = digit(left);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// A number of thousandths as a JSON number of wholes: `1.234`, `1.2`, `1.0`.
pub(super) fn thousandths(out: &mut Vec<u8>, thousandths: u128) -> Result<()> {
    let few = u64::try_from(thousandths).ok();
    let Some(few) = few.filter(|few| *few <= MOST_THOUSANDTHS) else {
        return Ok(serde_json::to_writer(out, &(thousandths as f64 / 1000.0))?);
    };
    number(out, few / 1000);
    out.push(b'.');
    let start = out.len();
    three_digits(out, few % 1000);
    while out.len() > start + 1 && out.last() == Some(&b'0') {
        out.pop();
    }
    Ok(())
}

pub(super) fn milliseconds_of(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

fn three_digits(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&[digit(number / 100), digit(number / 10), digit(number)]);
}

/// The last digit.
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// At most `most` bytes, cut between characters. What a terminal would obey and JSON does not
/// escape (DEL, C1 controls, line separators, marks that turn the writing direction) is replaced.
pub(super) fn clean(text: &str, most: usize) -> Cow<'_, str> {
    let text = cut(text, most);
    if text.bytes().fold(true, |plain, byte| plain & (byte < 0x7f)) {
        return Cow::Borrowed(text);
    }
    let obeyed = |c: char| {
        (c.is_control() && !c.is_ascii())
            || matches!(
                c,
                '\u{7f}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}'
                    | '\u{202a}'..='\u{202e}'
                    | '\u{2066}'..='\u{2069}'
            )
    };
    if text.contains(obeyed) {
        Cow::Owned(text.replace(obeyed, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_second_is_remembered_and_only_itself() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (999, "1970-01-01T00:00:00.999Z"),
            (1_000, "1970-01-01T00:00:01.000Z"),
            (999, "1970-01-01T00:00:00.999Z"),
            (1_800_000_000_050, "2027-01-15T08:00:00.050Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(written(|out| time(out, ms)), expected);
        }
    }

    #[test]
    fn thousandths_end_where_a_double_ends() {
        let most = u128::from(MOST_THOUSANDTHS);
        let ends = [0, 1, 10, 100, 999, 1_000, 1_010, 1_234, most];
        let beyond = [most + 1, 1 << 60, u128::from(u64::MAX) + 1];
        for micros in ends.into_iter().chain(beyond) {
            let expected = serde_json::to_string(&(micros as f64 / 1000.0)).unwrap();
            assert_eq!(written(|out| thousandths(out, micros)), expected);
        }
    }

    proptest! {
        #[test]
        fn json_is_serdes_to_the_byte(text in any::<String>(), most in 0_usize..40) {
            let ours = written(|out| json_text(out, &text, most));
            prop_assert_eq!(ours, serde_json::to_string(&clean(&text, most)).unwrap());
        }

        #[test]
        fn plain_texts_are_too(text in "[ -~]{0,40}") {
            let ours = written(|out| json_text(out, &text, usize::MAX));
            prop_assert_eq!(ours, serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn so_are_numbers(any_number in any::<u64>(), micros in 0..MOST_THOUSANDTHS) {
            let ours = written(|out| { number(out, any_number); Ok(()) });
            prop_assert_eq!(ours, any_number.to_string());
            let ours = written(|out| thousandths(out, micros.into()));
            prop_assert_eq!(ours, serde_json::to_string(&(micros as f64 / 1000.0)).unwrap());
        }

        #[test]
        fn so_are_times(ms in 0..LAST_MS) {
            let expected = UNIX_EPOCH + Duration::from_millis(ms);
            let expected = humantime::format_rfc3339_millis(expected).to_string();
            prop_assert_eq!(written(|out| time(out, ms)), expected);
        }
    }
}
