//! A day of the calendar, by UTC.

use crate::clock::UnixTime;
use crate::located::{Form, Scalar, Wrong};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Day(UnixTime);

impl Day {
    /// When it begins.
    pub(in crate::config) fn begins(self) -> UnixTime {
        self.0
    }
}

impl Scalar for Day {
    const EXPECTED: &str = "a day such as 2027-05-31";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let is_short = text.len() == "2027-05-31".len();
        let time = humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).ok();
        let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let begins = since
            .filter(|_| is_short)
            .map(|it| UnixTime::from_seconds(it.as_secs()));
        begins.map(Self).ok_or_else(Wrong::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        let begins = |text| Some(Day::parse(text).ok()?.begins().seconds());
        assert_eq!(begins("2027-05-31"), Some(1_811_721_600));
        for text in [
            "",
            "2027-5-31",
            "2027-02-30",
            "2027-05-31T00:00:00Z",
            "31.05.2027",
            "tomorrow",
        ] {
            assert_eq!(begins(text), None, "{text}");
        }
    }
}
