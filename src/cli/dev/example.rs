//! Which requests are worth trying? Each with the line to type and what must come back.

use serde::Deserialize;

const EXAMPLES: &str = include_str!("examples.json");

#[derive(Deserialize)]
pub(super) struct Example {
    pub(super) title: String,
    pub(super) command: String,
    pub(super) beside: String,
    status: u16,
    holds: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
}

impl Example {
    pub(super) fn agrees(&self, status: u16, body: &str) -> bool {
        status == self.status
            && self.holds.iter().all(|text| body.contains(text))
            && !self.lacks.iter().any(|text| body.contains(text))
    }
}

/// All of them, each `{name}` in their lines replaced by what is given under it.
pub(super) fn all(facts: &[(&str, &str)]) -> serde_json::Result<Vec<Example>> {
    let mut examples: Vec<Example> = serde_json::from_str(EXAMPLES)?;
    for example in &mut examples {
        for (name, value) in facts {
            example.command = example.command.replace(name, value);
            for text in &mut example.holds {
                *text = text.replace(name, value);
            }
        }
    }
    Ok(examples)
}
