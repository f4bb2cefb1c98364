//! What does a page tell its reader to type, and what does it say comes back?

/// A block of `sh`, and the block of `text` or `json` behind it, which is what it prints.
pub struct Step {
    /// Where the commands begin, 1-based.
    pub line: usize,
    pub commands: String,
    pub printed: Option<String>,
}

pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(tag)) => open = Some((tag.trim().to_owned(), index + 2, String::new())),
            (None, None) => {}
            (Some(_), Some(_)) => {
                let Some((tag, line, text)) = open.take() else {
                    continue;
                };
                match tag.as_str() {
                    "sh" => steps.push(Step {
                        line,
                        commands: text,
                        printed: None,
                    }),
                    "text" | "json" => match steps.last_mut() {
                        Some(step) if step.printed.is_none() => step.printed = Some(text),
                        _ => panic!("line {line}: nothing prints this"),
                    },
                    _ => {}
                }
            }
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    steps
}

/// The first line that should have been printed, in this order among others, and was not. `…` stands for
/// anything.
pub fn missing(expected: &str, printed: &str) -> Option<String> {
    let mut printed = printed.lines();
    let lines = expected.lines().map(str::trim);
    let mut lines = lines.filter(|line| !matches!(*line, "" | "…"));
    lines
        .find(|expected| !printed.any(|line| fits(expected, line.trim())))
        .map(str::to_owned)
}

fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    rest.is_empty() || open || pattern.ends_with('…')
}

#[test]
fn a_page_is_read_as_its_reader_reads_it() {
    let page =
        "x\n```sh\na\nb\n```\nthen\n```text\nc … d\n```\n```console\n$ no\n```\n```sh\ne\n```\n";
    let steps = steps(page);
    let told: Vec<_> = steps
        .iter()
        .map(|it| (it.line, &*it.commands, it.printed.as_deref()))
        .collect();
    assert_eq!(told, [(3, "a\nb\n", Some("c … d\n")), (14, "e\n", None)]);
    for (expected, printed, lacks) in [
        ("a\nc", "a\nb\nc", None),
        ("c\na", "a\nb\nc", Some("a")),
        ("a … z", "a whole z", None),
        ("a … z", "a whole zoo", Some("a … z")),
        ("…reason\":\"x\"…", "{\"reason\":\"x\",\"id\":1}", None),
        ("HTTP…", "HTTP/1.1 200", None),
        ("…", "", None),
    ] {
        assert_eq!(
            missing(expected, printed).as_deref(),
            lacks,
            "{expected} in {printed}"
        );
    }
}
