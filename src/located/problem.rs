//! What is wrong with the file, where, and what to do: one line a problem, and the line it is about.
//! Plain, or with the colours of a terminal.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::excerpt::Excerpt;
use super::masking::Masking;
use super::reader::MAX_PROBLEMS;
use super::tree::{Found, Place, Tree};

const WIDTH: usize = 110;

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
    pub message: String,
    pub hint: Option<String>,
    /// The line it is about, secrets masked; none where the whole file is meant.
    pub excerpt: Option<Excerpt>,
}

/// All problems of a file, in file order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The one problem of a file as a whole.
    pub(crate) fn whole(file: &str, message: impl Into<String>) -> Self {
        let found = Found::new(None, Place::default(), message);
        Self(vec![Problem::new(file, String::new(), found, None)])
    }

    /// What is wrong with a text that could be parsed.
    pub(crate) fn of(text: &str, name: &str, tree: &Tree<'_>, found: Vec<Found>) -> Self {
        if found.is_empty() {
            // Fails closed: a value that is neither there nor complained of is our own mistake.
            return Self::whole(name, "the file could not be understood; please report this");
        }
        let secrets = tree.secrets();
        let problem = |found: Found| {
            let path = found.node.map(|node| tree.path(node)).unwrap_or_default();
            let excerpt = Excerpt::around(text, found.at, &secrets);
            Problem::new(name, path, found, Some(excerpt))
        };
        Self(found.into_iter().map(problem).collect())
    }

    /// What is wrong with a text that could not.
    pub(crate) fn unreadable(text: &str, name: &str, found: Found, masking: &Masking) -> Self {
        let excerpt = Excerpt::of_unparsed(text, found.at, masking);
        Self(vec![Problem::new(
            name,
            String::new(),
            found,
            Some(excerpt),
        )])
    }

    /// The same text with the escape codes of a terminal.
    pub fn styled(&self) -> impl fmt::Display {
        self.rendered(&Renderer::styled())
    }

    /// Without the lines that they are about: for whoever may know how it goes, and not what the file says.
    pub fn told(&self) -> impl fmt::Display {
        let one = |problem: &Problem| {
            let hint = problem.hint.as_ref();
            let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            problem.head() + &hint
        };
        let all: Vec<_> = self.0.iter().map(one).collect();
        all.join("\n")
    }

    fn rendered(&self, renderer: &Renderer) -> String {
        let renderer = renderer.clone().term_width(WIDTH);
        let mut text = String::new();
        for problem in &self.0 {
            text.push_str(&problem.rendered(&renderer));
            text.push('\n');
        }
        let count = match self.0.len() {
            1 => "1 problem".to_owned(),
            MAX_PROBLEMS => format!("{MAX_PROBLEMS} problems are shown and there may be more"),
            count => format!("{count} problems"),
        };
        text + &count + "; nothing was started."
    }
}

impl Problem {
    fn new(file: &str, path: String, found: Found, excerpt: Option<Excerpt>) -> Self {
        Self {
            file: file.to_owned(),
            line: found.at.line,
            column: found.at.column,
            path,
            message: found.message,
            hint: found.hint,
            excerpt,
        }
    }

    /// `gateway.yaml:14:19: routes[0].callers[0].bearer.issuer: …`: one line to search for.
    fn head(&self) -> String {
        let mut head = format!("{}:", self.file);
        if self.line > 0 {
            head.push_str(&format!("{}:{}:", self.line, self.column));
        }
        if !self.path.is_empty() {
            head.push_str(&format!(" {}:", self.path));
        }
        head + " " + &self.message
    }

    fn rendered(&self, renderer: &Renderer) -> String {
        let title = Level::ERROR.no_name().primary_title(self.head());
        let Some(Excerpt { line, span }) = &self.excerpt else {
            return renderer.render(&[Group::with_title(title)]);
        };
        let meant = AnnotationKind::Primary
            .span(span.clone())
            .label(self.hint.as_deref());
        let snippet = Snippet::source(line)
            .line_start(self.line)
            .annotation(meant);
        renderer.render(&[title.element(snippet)])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.rendered(&Renderer::plain()))
    }
}

impl std::error::Error for Problems {}
