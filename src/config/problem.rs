//! What is wrong with the file, where, and what to do: one line a problem and the line it is about.

use std::fmt;

use super::excerpt::Excerpt;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// 1-based; 0 where the whole file is meant.
    pub line: usize,
    /// 1-based.
    pub column: usize,
    /// `routes[0].callers[1].bearer.issuer`.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The line it is about, secrets masked; none where the whole file is meant.
    pub excerpt: Option<Excerpt>,
}

/// All problems of a file, in file order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// A problem of the file as a whole.
    pub(super) fn whole(file: &str, message: String) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            message,
            hint: None,
            excerpt: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.file)?;
        if self.line > 0 {
            write!(out, "{}:{}:", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(out, " {}:", self.path)?;
        }
        write!(out, " {}", self.message)?;
        match (&self.excerpt, &self.hint) {
            (Some(excerpt), hint) => {
                write!(out, "\n{:>5} | {}", self.line, excerpt.text)?;
                write!(out, "\n{:>5} | {:indent$}^", "", "", indent = excerpt.caret)?;
                match hint {
                    Some(hint) => write!(out, " {hint}"),
                    None => Ok(()),
                }
            }
            (None, Some(hint)) => write!(out, "\n{:>5} | {hint}", ""),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(out, "{problem}")?;
        }
        match self.0.len() {
            1 => out.write_str("1 problem; nothing was started."),
            super::reader::MAX_PROBLEMS => write!(
                out,
                "{} problems are shown and there may be more; nothing was started.",
                super::reader::MAX_PROBLEMS
            ),
            count => write!(out, "{count} problems; nothing was started."),
        }
    }
}

impl std::error::Error for Problems {}
