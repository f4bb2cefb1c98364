//! How fast requests may come: `100/s`.

use crate::limit::Unit;
use crate::located::{Form, Scalar, Wrong, shown};

/// A rate without its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Pace {
    pub(in crate::config) requests: u32,
    pub(in crate::config) unit: Unit,
}

/// More than any one process answers.
const MOST: u32 = 1_000_000;

impl Scalar for Pace {
    const EXPECTED: &str = "a rate with its unit, such as `100/s`, `10/m`, `1000/h` or `5000/d`";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^[0-9]+/(s|m|h|d)$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (number, unit) = match text.split_once('/') {
            Some(parts) => parts,
            None => {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let meant = || format!("write `{}/s` if so many a second are meant", shown(text));
                return Err(Wrong::but(digits.then(meant)));
            }
        };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let known = Unit::ALL.iter().find(|(_, letter)| *letter == unit);
        let Some((unit, _)) = known.filter(|_| digits && !number.is_empty()) else {
            return Err(Wrong::default());
        };
        match number.parse::<u32>() {
            Ok(0) => Err(Wrong::because("a rate of nothing lets nobody in")),
            Ok(requests) if requests <= MOST => Ok(Self {
                requests,
                unit: *unit,
            }),
            _ => Err(Wrong::because("more than 1000000 is no limit")),
        }
    }
}
