//! The figures that requests are held to, in a file that is committed: one line for each kind and
//! each function, so that a difference can be read.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::callgrind::Profile;
use super::kind::{KINDS, Kind};

/// Functions below are not remembered, in instructions for one request.
pub(super) const WORTH_A_LINE: f64 = 150.0;

#[derive(Debug, Deserialize)]
pub(super) struct Baseline {
    pub(super) conditions: Conditions,
    /// By kind: instructions for one request, SHA-256 and RSA left out.
    pub(super) instructions: BTreeMap<String, f64>,
    /// By function, then by kind: what it executes itself.
    pub(super) functions: BTreeMap<String, BTreeMap<String, f64>>,
}

/// What figures depend on beside our source.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Conditions {
    pub(super) rustc: String,
    pub(super) valgrind: String,
    pub(super) libc: String,
    /// Valgrind passes this on to the program from the machine.
    pub(super) avx2: bool,
}

impl Baseline {
    pub(super) fn read() -> Option<Self> {
        let text = std::fs::read_to_string(file()).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// An old one of the same conditions with what has been measured in place of what it had.
    pub(super) fn with(
        old: &mut Option<Self>,
        conditions: Conditions,
        measured: &[(&Kind, Profile)],
    ) -> Self {
        let (mut instructions, mut functions) = old
            .take()
            .map(|old| (old.instructions, old.functions))
            .unwrap_or_default();
        for (kind, profile) in measured {
            instructions.insert(kind.name.to_owned(), profile.counted());
            for costs in functions.values_mut() {
                costs.remove(kind.name);
            }
            for (function, cost) in profile.functions() {
                if cost >= WORTH_A_LINE {
                    let costs = functions.entry(function.to_owned()).or_default();
                    costs.insert(kind.name.to_owned(), cost);
                }
            }
        }
        functions.retain(|_, costs| !costs.is_empty());
        Self {
            conditions,
            instructions,
            functions,
        }
    }

    pub(super) fn write(&self) {
        std::fs::write(file(), self.text()).unwrap();
    }

    /// JSON, one line for each thing.
    fn text(&self) -> String {
        let Conditions {
            rustc,
            valgrind,
            libc,
            avx2,
        } = &self.conditions;
        let mut text = format!(
            "{{\n\"conditions\": {{ \"rustc\": {rustc:?}, \"valgrind\": {valgrind:?}, \
             \"libc\": {libc:?}, \"avx2\": {avx2} }},\n\"instructions\": {{\n"
        );
        let known = KINDS.iter().filter_map(|kind| {
            let cost = self.instructions.get(kind.name)?;
            Some(format!("  \"{}\": {cost:.0}", kind.name))
        });
        text += &known.collect::<Vec<_>>().join(",\n");
        text += "\n},\n\"functions\": {\n";
        let lines = self.functions.iter().map(|(function, costs)| {
            let mut line = format!("  {}: {{", serde_json::to_string(function).unwrap());
            let mut separator = " ";
            for kind in KINDS {
                if let Some(cost) = costs.get(kind.name) {
                    write!(line, "{separator}\"{}\": {cost:.0}", kind.name).unwrap();
                    separator = ", ";
                }
            }
            line + " }"
        });
        text += &lines.collect::<Vec<_>>().join(",\n");
        text + "\n}\n}\n"
    }
}

impl Conditions {
    pub(super) fn here() -> Self {
        let first_line = |program: &str, argument: &str| {
            let output = Command::new(program).arg(argument).output();
            let text = output.expect(program).stdout;
            let text = String::from_utf8(text).unwrap();
            text.lines().next().unwrap_or_default().to_owned()
        };
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        Self {
            rustc: first_line("rustc", "--version"),
            valgrind: first_line("valgrind", "--version"),
            libc: first_line("getconf", "GNU_LIBC_VERSION"),
            avx2: cpu.split_ascii_whitespace().any(|word| word == "avx2"),
        }
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json")
}
