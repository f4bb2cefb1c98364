//! What is shown: progress while it runs, the table at its end, or JSON.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

/// What a ratio is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// For comparison only.
    None,
}

impl Bound {
    fn holds(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(ratio <= most),
            Self::AtLeast(least) => Some(ratio >= least),
            Self::None => None,
        }
    }

    fn told(self) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most:.2}"),
            Self::AtLeast(least) => format!(">= {least:.2}"),
            Self::None => String::new(),
        }
    }
}

/// A line of the table, with a value for each round.
pub(super) struct Result {
    pub(super) name: String,
    /// Whom `ratios` compare with.
    pub(super) against: String,
    pub(super) microseconds: Vec<f64>,
    pub(super) ratios: Vec<f64>,
    pub(super) bound: Bound,
}

/// Where it has got to; nothing clears the line.
pub(super) fn progress(text: &str) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        let _ = write!(out, "\r\x1b[2K{text}");
        let _ = out.flush();
    } else if !text.is_empty() {
        let _ = writeln!(out, "{text}");
    }
}

pub(super) fn print(results: &[Result], json: bool) {
    if json {
        let lines: Vec<_> = results.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&lines).unwrap());
        return;
    }
    println!(
        "{:<22} {:>8}  {:>6} {:>6} {:>6}  {:>7}        against",
        "CPU time of a request", "µs", "ratio", "least", "most", "budget"
    );
    for result in results {
        let ([least, median, most], microseconds) =
            (spread(&result.ratios), spread(&result.microseconds)[1]);
        let (name, bound, against) = (&result.name, result.bound.told(), &result.against);
        let verdict = match result.bound.holds(median) {
            Some(true) => painted("ok", AnsiColor::Green),
            Some(false) => painted("MISS", AnsiColor::Red),
            None => "    ".to_owned(),
        };
        println!(
            "{name:<22} {microseconds:8.1}  {median:6.2} {least:6.2} {most:6.2}  {bound:>7}  \
             {verdict}  {against}"
        );
    }
}

fn as_json(result: &Result) -> serde_json::Value {
    let [least, median, most] = spread(&result.ratios);
    serde_json::json!({
        "row": result.name,
        "against": result.against,
        "microseconds": spread(&result.microseconds)[1],
        "ratio": { "median": median, "least": least, "most": most },
        "budget": result.bound.told(),
        "holds": result.bound.holds(median),
    })
}

/// As wide as it is without colour.
fn painted(word: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into())).bold();
    let shown = format!("{word:<4}");
    if std::io::stdout().is_terminal() {
        format!("{style}{shown}{style:#}")
    } else {
        shown
    }
}

/// Least, median, most.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    };
    [values[0], median, values[values.len() - 1]]
}
