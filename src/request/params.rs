//! The decoded values of a route's `{name}` segments.

use std::sync::Arc;

/// Names and decoded values, in path order. Empty for most requests: no allocation then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(Arc<str>, String)>);

impl Params {
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    pub fn push(&mut self, name: Arc<str>, value: String) {
        self.0.push((name, value));
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(known, _)| &**known == name);
        named.map(|(_, value)| value.as_str())
    }
}
