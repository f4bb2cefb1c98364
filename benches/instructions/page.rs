//! The table of `docs/performance.md`: its third column is the baseline.

use std::path::Path;

use super::baseline::Baseline;
use super::kind::KINDS;

/// Writes the baseline's figures, in thousands, into the rows of its kinds.
pub(super) fn write(baseline: &Baseline) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let mut section = "";
    let mut written = String::new();
    for line in page.lines() {
        if line.starts_with("## ") {
            section = line;
        }
        // Other tables have rows of the same names, and other figures.
        if section == "## Instructions" {
            written.push_str(&row(line, baseline));
        } else {
            written.push_str(line);
            written.push('\n');
        }
    }
    std::fs::write(&file, written).unwrap();
}

fn row(line: &str, baseline: &Baseline) -> String {
    let mut cells: Vec<String> = line.split('|').map(str::to_owned).collect();
    let name = cells.get(1).map_or("", |cell| cell.trim());
    let kind = KINDS.iter().find(|kind| kind.name == name);
    if let Some(cost) = kind.and_then(|kind| baseline.instructions.get(kind.name)) {
        cells[3] = format!(" {:.1} ", cost / 1000.0);
    }
    cells.join("|") + "\n"
}
