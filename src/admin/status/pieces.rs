//! How are times and numbers said, so that they are read at a glance?

use std::time::Duration;

use super::report::At;
use crate::clock::UnixTime;

/// The two largest units: `3 h 12 min`.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    let both = |one: u64, unit: &str, less: u64, lesser: &str| match less {
        0 => format!("{one} {unit}"),
        less => format!("{one} {unit} {less} {lesser}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => both(minutes, "min", seconds, "s"),
        (0, hours, _) => both(hours, "h", minutes, "min"),
        // What lasts for weeks is not told by the hour.
        (15.., ..) => format!("{days} d"),
        _ => both(days, "d", hours, "h"),
    }
}

pub(super) fn ago(then: At, now: UnixTime) -> String {
    match then.0.until(now) {
        Duration::ZERO => "just now".to_owned(),
        past => format!("{} ago", span(past)),
    }
}

pub(super) fn ahead(then: At, now: UnixTime) -> String {
    match now.until(then.0) {
        Duration::ZERO => "now".to_owned(),
        left => format!("in {}", span(left)),
    }
}

/// `1,234`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits that mean something.
pub(super) fn rounded(number: f64) -> String {
    match number {
        _ if number == 0.0 => "0".to_owned(),
        ..1.0 => format!("{number:.2}"),
        ..10.0 => format!("{number:.1}"),
        _ => grouped(number.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_by_their_two_largest_units() {
        for (seconds, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3600, "1 h"),
            (11_520, "3 h 12 min"),
            (86_400, "1 d"),
            (90_000, "1 d 1 h"),
            (14 * 86_400 + 3600, "14 d 1 h"),
            (400 * 86_400 + 3600, "400 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
        let (then, now) = (At(UnixTime::from_seconds(10)), UnixTime::from_seconds(70));
        assert_eq!(ago(then, now), "1 min ago");
        assert_eq!(ago(then, then.0), "just now");
        assert_eq!(ahead(then, now), "now");
        assert_eq!(ahead(At(now), then.0), "in 1 min");
    }

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        for (number, said) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), said);
        }
        for (number, said) in [
            (0.0, "0"),
            (0.034, "0.03"),
            (3.44, "3.4"),
            (1234.5, "1,235"),
        ] {
            assert_eq!(rounded(number), said);
        }
    }
}
