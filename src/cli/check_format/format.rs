//! In which form is the outcome printed?

use clap::ValueEnum;

use super::{Report, github, json, sarif};

/// How standard output tells what was found. Standard error tells people, whatever the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// A table of what the file means, for people.
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions, a line each.
    Github,
}

impl Format {
    /// The outcome in this form; none where it is people who read.
    pub(in crate::cli) fn of(self, report: &Report) -> Option<String> {
        match self {
            Self::Text => None,
            Self::Json => Some(json::render(report)),
            Self::Sarif => Some(sarif::render(report)),
            Self::Github => Some(github::render(report)),
        }
    }
}
