//! What is a scalar without quotes? YAML's core schema (YAML 1.2.2 §10.3.2).

/// What the core schema makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// Nothing at all, `~` or `null`.
    Nothing,
    Boolean,
    Number,
    Text,
}

impl Plain {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Nothing,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Self::Boolean,
            ".nan" | ".NaN" | ".NAN" => return Self::Number,
            _ => {}
        }
        let digits = text.trim_start_matches(['+', '-']);
        let radix = |prefix, radix| {
            digits.strip_prefix(prefix).is_some_and(|rest: &str| {
                !rest.is_empty() && rest.chars().all(|digit| digit.is_digit(radix))
            })
        };
        let decimal = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
            && text.parse::<f64>().is_ok();
        let infinite = matches!(digits, ".inf" | ".Inf" | ".INF");
        if decimal || infinite || radix("0x", 16) || radix("0o", 8) {
            Self::Number
        } else {
            Self::Text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        for (kind, texts) in [
            (Plain::Nothing, &["", "~", "null", "NULL"][..]),
            (Plain::Boolean, &["true", "False"]),
            (
                Plain::Number,
                &[
                    "0", "-1", "+2", "1.5", ".5", "1e5", "0x1F", "0o17", "-.inf", ".nan",
                ],
            ),
            (
                Plain::Text,
                &[
                    "yes",
                    "no",
                    "on",
                    "nan",
                    "inf",
                    "infinity",
                    "0x",
                    "1_000",
                    "127.0.0.1",
                    "-",
                    ".",
                    "06b2a484-141c-42d3-9d73-32bec5910b06",
                    "nulls",
                    "e5",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(Plain::of(text), kind, "{text}");
            }
        }
    }
}
