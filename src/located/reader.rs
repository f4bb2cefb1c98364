//! How is a tree read into values, with *every* problem kept? Reading goes on past each mistake;
//! what could not be read is `None`, and its problem has been noted.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::field::{At, Declared, Field, declared_value};
use super::masking::shown;
use super::plain::Plain;
use super::schema::Schemas;
use super::suggestion::{did_you_mean, nearest};
use super::tree::{Found, NodeId, Place, Tree, Value};

/// As many problems as anyone reads; a hostile file must not cost more memory than this.
pub(super) const MAX_PROBLEMS: usize = 1000;

/// A type that a node can be read as.
pub(crate) trait Read: Sized {
    /// Whether it is written as one scalar.
    const IS_SCALAR: bool = false;

    /// Reads it; notes what is wrong and gives `None` where nothing can be made of it.
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self>;

    fn schema(schemas: &mut Schemas) -> Json;
}

#[derive(Debug)]
pub(crate) struct Reader<'r> {
    tree: &'r Tree<'r>,
    found: Vec<Found>,
    beyond: Found,
    misspelt: HashSet<(NodeId, &'static str)>,
    excused: HashSet<NodeId>,
}

impl<'r> Reader<'r> {
    /// A reader that starts with what the parser found.
    pub(crate) fn new(tree: &'r Tree<'r>, mut found: Vec<Found>) -> Self {
        found.truncate(MAX_PROBLEMS);
        let (beyond, misspelt, excused) = Default::default();
        Self {
            tree,
            found,
            beyond,
            misspelt,
            excused,
        }
    }

    pub(crate) fn tree(&self) -> &'r Tree<'r> {
        self.tree
    }

    /// How many problems there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// All problems, in file order.
    pub(crate) fn into_found(mut self) -> Vec<Found> {
        self.found
            .sort_by_key(|found| (found.at.line, found.at.column));
        self.found
    }

    pub(crate) fn problem(&mut self, node: NodeId, message: impl Into<String>) -> &mut Found {
        self.note(node, self.tree.at(node), message.into())
    }

    /// Notes a problem with a key, rather than with what it holds.
    pub(crate) fn key_problem(&mut self, node: NodeId, message: impl Into<String>) -> &mut Found {
        self.note(node, self.tree.key_at(node), message.into())
    }

    /// Notes that a value is not what was expected, quoting it where that is safe.
    pub(crate) fn unexpected(&mut self, node: NodeId, expected: &str) -> &mut Found {
        let message = format!("expected {expected}, found {}", self.described(node));
        match self.tree.value(node) {
            // What was left out stands nowhere: the key is what can be pointed at.
            Value::Scalar { text, plain: true } if text.is_empty() => {
                self.key_problem(node, message)
            }
            _ => self.problem(node, message),
        }
    }

    /// The text of a scalar, and whether it stands without quotes.
    pub(crate) fn scalar(&self, node: NodeId) -> Option<(&'r str, bool)> {
        match self.tree.value(node) {
            Value::Scalar { text, plain } => Some((text, *plain)),
            Value::List(_) | Value::Map(_) | Value::Broken => None,
        }
    }

    pub(crate) fn list(&mut self, node: NodeId, expected: &str) -> Option<&'r [NodeId]> {
        if let Value::List(items) = self.tree.value(node) {
            return Some(items);
        }
        self.mismatch(node, expected);
        None
    }

    pub(crate) fn map(&mut self, node: NodeId, expected: &str) -> Option<&'r [NodeId]> {
        if let Value::Map(children) = self.tree.value(node) {
            return Some(children);
        }
        self.mismatch(node, expected);
        None
    }

    /// Reads one key of a mapping; `None` only where its declared default cannot be read, which is noted
    /// too: nothing may be left out in silence.
    pub(crate) fn field<F: Field>(&mut self, map: NodeId, declared: &Declared) -> Option<F> {
        let key = declared.key();
        let child = self.tree.child(map, key);
        // One mistake, one message: a key that is misspelt, or that stands there in a form of later
        // versions, is not reported as missing as well.
        let excused = self.excused.contains(&map) || self.misspelt.contains(&(map, key));
        if child.is_none() && F::REQUIRED && !excused {
            self.problem(map, format!("`{key}` is missing"));
        }
        let read = child.and_then(|node| At::read(node, self));
        let field = F::new(read, child.is_some(), declared);
        if field.is_none() {
            let absent = declared.absent.first().unwrap_or(&"nothing");
            let message = format!("the default of `{key}` cannot be read: {absent}");
            self.problem(map, message);
        }
        field
    }

    /// Notes a value that is not within the bounds declared for its key.
    pub(crate) fn within<F: Field<Of: PartialOrd>>(&mut self, field: &F, declared: &Declared) {
        let (Some((value, node)), Some((least, most))) = (field.written(), declared.bounds.first())
        else {
            return;
        };
        let bound = declared_value::<F::Of>;
        if bound(least).is_some_and(|least| least <= *value)
            && bound(most).is_some_and(|most| *value <= most)
        {
            return;
        }
        let text = self.scalar(node).map_or("", |(text, _)| text);
        let message = format!("expected {least} to {most}, found {}", shown(text));
        let words = declared.absent.first().filter(|_| !F::HAS_DEFAULT);
        let hint = words.map(|words| format!("leave `{}` out for {words}", declared.key()));
        self.problem(node, message).hint = hint;
    }

    /// Whether all keys of a mapping are known; those that are not, or not yet, are noted.
    pub(crate) fn keys(
        &mut self,
        map: NodeId,
        expected: &str,
        known: &[&'static str],
        later: &[&str],
    ) -> Option<bool> {
        let before = self.count();
        let mut above = None;
        for &child in self.map(map, expected)? {
            let key = self.tree.key(child);
            if known.contains(&key) {
                above = Some(child);
                continue;
            }
            if later.contains(&key) {
                self.key_problem(child, format!("`{key}` is not implemented in this version"));
                self.excused.insert(map);
                continue;
            }
            if key == "<<" {
                self.excused.insert(map);
                self.key_problem(child, "merge keys are not part of YAML 1.2")
                    .hint("repeat the keys, or give an alias to a whole value");
                continue;
            }
            let below_secret = self.tree.is_sensitive(child) && self.tree.is_sensitive(map);
            let message = match below_secret {
                true => "unknown key".to_owned(),
                false => format!("unknown key `{}`", shown(key)),
            };
            let nearest = nearest(key, known.iter().copied());
            self.misspelt.extend(nearest.map(|meant| (map, meant)));
            let listed = || format!("known here: {}", known.join(", "));
            let hint = self.misplaced(child, above, known);
            let hint = hint.or_else(|| nearest.map(did_you_mean));
            let hint = hint.unwrap_or_else(listed);
            self.key_problem(child, message).hint(hint);
        }
        Some(self.count() == before)
    }

    /// What is likely meant by a key that is not known: `id:calc`, which is all key, or one that belongs
    /// into what stands empty above it.
    fn misplaced(&self, child: NodeId, above: Option<NodeId>, known: &[&str]) -> Option<String> {
        let glued = self.tree.key(child).split_once(':');
        if let Some((key, _)) = glued.filter(|(key, _)| known.contains(key)) {
            return Some(format!("a space belongs after the colon: `{key}: …`"));
        }
        let above = above.filter(|&above| {
            matches!(self.scalar(above), Some((text, true)) if Plain::of(text) == Plain::Nothing)
        });
        let above = self.tree.key(above?);
        Some(format!(
            "to belong to `{above}`, it must be indented further"
        ))
    }

    /// Notes that a value is not of the form that was expected.
    pub(super) fn mismatch(&mut self, node: NodeId, expected: &str) {
        if !matches!(self.tree.value(node), Value::Broken) {
            self.unexpected(node, expected);
        }
    }

    fn note(&mut self, node: NodeId, at: Place, message: String) -> &mut Found {
        let found = Found::new(Some(node), at, message);
        if self.found.len() >= MAX_PROBLEMS {
            self.beyond = found;
            return &mut self.beyond;
        }
        self.found.push(found);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    fn described(&self, node: NodeId) -> String {
        match self.tree.value(node) {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Broken => "what could not be read".to_owned(),
            Value::Scalar { .. } if self.tree.is_sensitive(node) => "a value".to_owned(),
            Value::Scalar { text, plain } => {
                let kind = match Plain::of(text) {
                    Plain::Nothing if *plain => return "nothing".to_owned(),
                    Plain::Number if *plain => "the number ",
                    Plain::Number | Plain::Boolean if !*plain => "the text ",
                    _ => "",
                };
                format!("{kind}`{}`", shown(text))
            }
        }
    }
}

impl<T: Read> At<T> {
    /// Reads a node, keeping its place.
    pub(crate) fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(node, reader).map(|value| Self { value, node })
    }
}
