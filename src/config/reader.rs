//! How is a tree read into values, with *every* problem kept? Reading goes on past each mistake;
//! what could not be read is `None`, and its problem has been noted. Each object of the file is
//! declared once, by `object!`: its keys, their types, the reader and the schema come from there.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value as Json;

use super::mask;
use super::plain::Plain;
use super::schema::Schemas;
use super::tree::{Found, Mark, NodeId, Tree, Value};

/// As many problems as anyone reads; a hostile file must not cost more memory than this.
pub(super) const MAX_PROBLEMS: usize = 1000;
/// Names further down than this are not offered as suggestions.
const MAX_CANDIDATES: usize = 500;

/// A value of the file.
pub(super) trait Read: Sized {
    /// Reads it; notes what is wrong and gives `None` where nothing can be made of it.
    fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self>;

    /// Its JSON Schema.
    fn schema(schemas: &mut Schemas) -> Json;
}

/// A value and the node it was read from.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) node: NodeId,
}

/// A key that must be there. Empty only where a problem has been noted.
#[derive(Debug)]
pub(super) struct Must<T>(Option<At<T>>);

/// A key that may be left out.
#[derive(Debug)]
pub(super) struct May<T>(Option<At<T>>, bool);

/// A key of an object: required or not, and of what type.
pub(super) trait Field: Sized {
    /// Whether it must be there.
    const REQUIRED: bool;
    /// What it holds.
    type Of: Read;
    /// From what was read; `written`: the key is in the file, readable or not.
    fn new(read: Option<At<Self::Of>>, written: bool) -> Self;
}

/// Reads a tree and keeps what is wrong with it.
#[derive(Debug)]
pub(super) struct Reader<'r, 't> {
    tree: &'r Tree<'t>,
    found: Vec<Found>,
    beyond: Found,
    misspelt: HashSet<(NodeId, &'static str)>,
    excused: HashSet<NodeId>,
}

impl<T> Must<T> {
    /// The value, unless a problem was noted in its stead.
    pub(super) fn get(&self) -> Option<&At<T>> {
        self.0.as_ref()
    }
}

impl<T> May<T> {
    /// The value, where the key was written and could be read.
    pub(super) fn get(&self) -> Option<&At<T>> {
        self.0.as_ref()
    }

    /// The value, or its absence; `None` where it was written and could not be read.
    pub(super) fn settled(&self) -> Option<Option<&At<T>>> {
        (self.0.is_some() || !self.1).then_some(self.get())
    }

    /// Whether the key was written at all.
    pub(super) fn is_written(&self) -> bool {
        self.1
    }
}

impl<T: Copy> May<T> {
    /// The value, or what it is where the key is left out.
    pub(super) fn or(&self, default: T) -> T {
        self.get().map_or(default, |at| at.value)
    }
}

impl<T: Read> Field for Must<T> {
    const REQUIRED: bool = true;
    type Of = T;
    fn new(read: Option<At<T>>, _written: bool) -> Self {
        Self(read)
    }
}

impl<T: Read> Field for May<T> {
    const REQUIRED: bool = false;
    type Of = T;
    fn new(read: Option<At<T>>, written: bool) -> Self {
        Self(read, written)
    }
}

impl<'r, 't> Reader<'r, 't> {
    /// A reader that starts with what the parser found.
    pub(super) fn new(tree: &'r Tree<'t>, found: Vec<Found>) -> Self {
        let beyond = Found {
            node: None,
            at: Mark::default(),
            message: String::new(),
            hint: None,
        };
        let mut reader = Self {
            tree,
            found: Vec::new(),
            beyond,
            misspelt: HashSet::new(),
            excused: HashSet::new(),
        };
        reader.found.extend(found.into_iter().take(MAX_PROBLEMS));
        reader
    }

    /// The tree.
    pub(super) fn tree(&self) -> &'r Tree<'t> {
        self.tree
    }

    /// How many problems there are so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// All problems, in file order.
    pub(super) fn into_found(mut self) -> Vec<Found> {
        self.found
            .sort_by_key(|found| (found.at.line, found.at.column));
        self.found
    }

    /// Notes a problem with a value.
    pub(super) fn problem(&mut self, node: NodeId, message: impl Into<String>) -> &mut Found {
        self.note(node, self.tree.at(node), message.into())
    }

    /// Notes a problem with a key, rather than with what it holds.
    pub(super) fn key_problem(&mut self, node: NodeId, message: impl Into<String>) -> &mut Found {
        self.note(node, self.tree.key_at(node), message.into())
    }

    /// Notes that a value is not what was expected, quoting it where that is safe.
    pub(super) fn unexpected(&mut self, node: NodeId, expected: &str) -> &mut Found {
        let message = format!("expected {expected}, found {}", self.described(node));
        match self.tree.value(node) {
            // What was left out stands nowhere: the key is what can be pointed at.
            Value::Scalar { text, plain: true } if text.is_empty() => {
                self.key_problem(node, message)
            }
            _ => self.problem(node, message),
        }
    }

    /// The text of a scalar, quoted or not.
    pub(super) fn scalar(&self, node: NodeId) -> Option<(&'r str, bool)> {
        match self.tree.value(node) {
            Value::Scalar { text, plain } => Some((text, *plain)),
            Value::List(_) | Value::Map(_) | Value::Broken => None,
        }
    }

    /// A scalar that YAML takes for text, and not for a number, a boolean or nothing.
    pub(super) fn text(&mut self, node: NodeId, expected: &str) -> Option<&'r str> {
        match self.scalar(node) {
            Some((text, plain)) if !plain || Plain::of(text) == Plain::Text => Some(text),
            Some((text, _)) => {
                let quotable = Plain::of(text) != Plain::Nothing && !self.tree.is_sensitive(node);
                let hint =
                    quotable.then(|| format!("if text is meant, write \"{}\"", mask::shown(text)));
                self.unexpected(node, expected).hint = hint;
                None
            }
            None => {
                self.mismatch(node, expected);
                None
            }
        }
    }

    /// The children of a list.
    pub(super) fn list(&mut self, node: NodeId, expected: &str) -> Option<&'r [NodeId]> {
        if let Value::List(items) = self.tree.value(node) {
            return Some(items);
        }
        self.mismatch(node, expected);
        None
    }

    /// The children of a mapping.
    pub(super) fn map(&mut self, node: NodeId, expected: &str) -> Option<&'r [NodeId]> {
        if let Value::Map(children) = self.tree.value(node) {
            return Some(children);
        }
        self.mismatch(node, expected);
        None
    }

    /// Reads one key of a mapping.
    pub(super) fn field<F: Field>(&mut self, map: NodeId, key: &'static str) -> F {
        let child = match self.tree.value(map) {
            Value::Map(children) => children
                .iter()
                .copied()
                .find(|&child| self.tree.key(child) == key),
            _ => None,
        };
        // One mistake, one message: a key that is misspelt, or that stands there in a form of later
        // versions, is not reported as missing as well.
        let excused = self.excused.contains(&map) || self.misspelt.contains(&(map, key));
        if child.is_none() && F::REQUIRED && !excused {
            self.problem(map, format!("`{key}` is missing"));
        }
        let read = child.and_then(|node| At::read(node, self));
        F::new(read, child.is_some())
    }

    /// Notes the keys of a mapping that are not known, or not yet.
    pub(super) fn check_keys(&mut self, map: NodeId, known: &[&'static str], later: &[&str]) {
        let Value::Map(children) = self.tree.value(map) else {
            return;
        };
        for &child in children {
            let key = self.tree.key(child);
            if known.contains(&key) {
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
                    .hint = Some("repeat the keys, or give an alias to a whole value".to_owned());
                continue;
            }
            let below_secret = self.tree.is_sensitive(child) && self.tree.is_sensitive(map);
            let message = match below_secret {
                true => "unknown key".to_owned(),
                false => format!("unknown key `{}`", mask::shown(key)),
            };
            let nearest = nearest(key, known.iter().copied());
            self.misspelt.extend(nearest.map(|meant| (map, meant)));
            let hint =
                nearest.map_or_else(|| format!("known here: {}", known.join(", ")), did_you_mean);
            self.key_problem(child, message).hint = Some(hint);
        }
    }

    fn mismatch(&mut self, node: NodeId, expected: &str) {
        if !matches!(self.tree.value(node), Value::Broken) {
            self.unexpected(node, expected);
        }
    }

    fn note(&mut self, node: NodeId, at: Mark, message: String) -> &mut Found {
        let found = Found {
            node: Some(node),
            at,
            message,
            hint: None,
        };
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
                format!("{kind}`{}`", mask::shown(text))
            }
        }
    }
}

impl Found {
    /// Says what to do.
    pub(super) fn hint(&mut self, hint: impl fmt::Display) {
        self.hint = Some(hint.to_string());
    }
}

impl<T: Read> At<T> {
    /// Reads a node, keeping its place.
    pub(super) fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        T::read(node, reader).map(|value| Self { value, node })
    }
}

/// `did you mean …?`, where a candidate is near enough.
pub(super) fn suggestion<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(did_you_mean)
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{}`?", mask::shown(word))
}

fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let tolerated = (length / 3).clamp(1, 3);
    let word = word.to_ascii_lowercase();
    candidates
        .take(MAX_CANDIDATES)
        .map(|known| (distance(&word, &known.to_ascii_lowercase()), known))
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

/// How many slips lead from one word to the other; a word cut short or drawn out is one.
fn distance(word: &str, known: &str) -> usize {
    const SHORTEST_STEM: usize = 4;
    let stem = word.len().min(known.len());
    if stem >= SHORTEST_STEM && (word.starts_with(known) || known.starts_with(word)) {
        return 1;
    }
    strsim::damerau_levenshtein(word, known)
}
