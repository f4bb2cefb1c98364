//! The outcome as annotations of GitHub Actions: workflow commands, a line each, shown at the line of the
//! file that they are about.

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let file = property(&report.file);
    let problems = report.problems.iter().map(|problem| {
        let place = match (problem.line, problem.column) {
            (Some(line), Some(column)) => format!(",line={line},col={column}"),
            _ => String::new(),
        };
        let title = match problem.path.as_str() {
            "" => "bearergate check",
            path => path,
        };
        let hint = problem.hint.as_ref();
        let hint = hint.map_or_else(String::new, |hint| format!("\n{hint}"));
        let text = data(&format!("{}{hint}", problem.message));
        format!(
            "::error file={file}{place},title={}::{text}",
            property(title)
        )
    });
    let notes = report.notes.iter();
    let notes = notes.map(|note| format!("::warning file={file}::{}", data(note)));
    let failed = report.failed().map(|tried| {
        let text = data(&tried.detail);
        format!(
            "::error file={file},title={}::{text}",
            property(&tried.what)
        )
    });
    let lines: Vec<_> = problems.chain(notes).chain(failed).collect();
    match lines.is_empty() {
        true => format!("::notice file={file}::valid"),
        false => lines.join("\n"),
    }
}

/// What stands behind `::` ends with its line.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value ends at a comma or a colon as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{refused, valid};
    use super::*;

    #[test]
    fn each_problem_is_an_error_at_its_place() {
        let expected = "\
::error file=deploy/gate way.yaml,line=14,col=19,title=routes[0].callers[0].bearer.issuer::there is no issuer `contosso`%0Adid you mean `contoso`?
::error file=deploy/gate way.yaml,title=bearergate check::100%25 wrong,%0Aand more";
        assert_eq!(render(&refused()), expected);
    }

    #[test]
    fn notes_are_warnings_and_failures_errors() {
        let expected = "\
::warning file=/etc/bearergate/config.yaml::identity mail: its certificate ends in 12 days, at 2026-12-08T00:00:00Z
::error file=/etc/bearergate/config.yaml,title=token of mail for https%3A//graph.microsoft.com/.default::AADSTS7000222: the client secret has expired";
        assert_eq!(render(&valid()), expected);
    }

    #[test]
    fn no_text_ends_its_line_or_begins_another_command() {
        let mut report = refused();
        report.file = "a,b:c\n::error::x".to_owned();
        report.problems[0].message = "\r\n::stop-commands::x".to_owned();
        let rendered = render(&report);
        assert_eq!(rendered.lines().count(), 2, "{rendered}");
        assert!(rendered.starts_with("::error file=a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ax,line=14"));
    }
}
