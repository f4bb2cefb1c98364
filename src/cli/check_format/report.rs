//! What did `check` find? As plain data: problems with their places, notes, and what came of trying.

use std::path::Path;

use serde::Serialize;

use crate::config::{Config, Problems};

/// The outcome of one `check`. Its members are the JSON form, and only ever grow.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Report {
    /// As it was named on the command line; `-` is standard input.
    pub(super) file: String,
    /// Whether `serve` would start with it.
    pub(super) valid: bool,
    /// How much there is of each; `null` where the file is not valid.
    pub(super) routes: Option<usize>,
    pub(super) issuers: Option<usize>,
    pub(super) identities: Option<usize>,
    /// In the order of the file.
    pub(super) problems: Vec<Told>,
    /// What is no problem of the file's yet: certificates that end soon, or have.
    pub(super) notes: Vec<String>,
    /// With `--online`: what was tried, and what came of it; else `null`.
    pub(super) online: Option<Vec<Tried>>,
}

/// A problem, with its place where it has one.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    /// 1-based, and so is `column`; `null` where the whole file is meant.
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    /// `routes[0].callers[1].bearer.issuer`, or empty.
    pub(super) path: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Something outside of the file that was asked, and its answer or its failure.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Tried {
    pub(in crate::cli) what: String,
    pub(in crate::cli) ok: bool,
    pub(in crate::cli) detail: String,
}

impl Report {
    /// Of a file that does not hold.
    pub(in crate::cli) fn refused(file: &Path, problems: &Problems) -> Self {
        let problems = problems.0.iter().map(|problem| {
            let (line, column) = match problem.line {
                0 => (None, None),
                line => (Some(line), Some(problem.column)),
            };
            Told {
                line,
                column,
                path: problem.path.clone(),
                message: problem.message.clone(),
                hint: problem.hint.clone(),
            }
        });
        Self {
            file: file.display().to_string(),
            valid: false,
            routes: None,
            issuers: None,
            identities: None,
            problems: problems.collect(),
            notes: Vec::new(),
            online: None,
        }
    }

    /// Of one that does.
    pub(in crate::cli) fn valid(
        file: &Path,
        config: &Config,
        notes: Vec<String>,
        online: Option<Vec<Tried>>,
    ) -> Self {
        Self {
            file: file.display().to_string(),
            valid: true,
            routes: Some(config.routes.len()),
            issuers: Some(config.issuers.len()),
            identities: Some(config.identities.len()),
            problems: Vec::new(),
            notes,
            online,
        }
    }

    /// What was tried in vain.
    pub(super) fn failed(&self) -> impl Iterator<Item = &Tried> {
        self.online.iter().flatten().filter(|tried| !tried.ok)
    }
}

impl Told {
    /// The path, the message and the hint, for those who have one text for all three.
    pub(super) fn sentence(&self) -> String {
        let path = match self.path.as_str() {
            "" => String::new(),
            path => format!("{path}: "),
        };
        let hint = self.hint.as_ref();
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{path}{}{hint}", self.message)
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
pub(super) mod tests;
