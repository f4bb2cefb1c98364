//! The keys of an object as they were read: one that must be there, one that may be left out, and
//! one that stands for something where it is left out. Each keeps the place it was read from.

use std::ops::Deref;

use super::reader::{Read, Reader};
use super::tree::{NodeId, Tree};

#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) node: NodeId,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A key without a default: what could be read of it, and whether it was written. A required one is
/// empty only where a problem has been noted.
#[derive(Debug)]
pub(crate) struct Key<T, const REQUIRED: bool>(Option<At<T>>, bool);

/// A key that must be there.
pub(crate) type Must<T> = Key<T, true>;

/// A key that may be left out.
pub(crate) type May<T> = Key<T, false>;

/// A key with a default, which also stands where a problem has been noted.
#[derive(Debug)]
pub(crate) struct Or<T> {
    value: T,
    node: Option<NodeId>,
}

#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) field: &'static str,
    pub(crate) about: &'static str,
    /// What it means to leave it out, where that is said: a value for `Or`, words for `May`.
    pub(crate) absent: &'static [&'static str],
    /// The least and the most, where there are any.
    pub(crate) bounds: &'static [(&'static str, &'static str)],
}

pub(crate) trait Field: Sized {
    type Of: Read;
    const REQUIRED: bool = false;
    const HAS_DEFAULT: bool = false;

    /// `None` where a declared default cannot be read.
    fn new(read: Option<At<Self::Of>>, written: bool, declared: &Declared) -> Option<Self>;

    /// What was written and could be read.
    fn written(&self) -> Option<(&Self::Of, NodeId)>;
}

impl Declared {
    /// The key that a field is named after: `r#match` is `match`.
    pub(crate) fn key(&self) -> &'static str {
        self.field.strip_prefix("r#").unwrap_or(self.field)
    }
}

impl<T, const REQUIRED: bool> Key<T, REQUIRED> {
    /// The value with its place, where the key was written and could be read.
    pub(crate) fn get(&self) -> Option<&At<T>> {
        self.0.as_ref()
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.get().map(|at| &at.value)
    }

    pub(crate) fn node(&self) -> Option<NodeId> {
        self.get().map(|at| at.node)
    }

    /// What is made of the value; no value where the key was left out.
    pub(crate) fn optional<D>(&self, make: impl FnOnce(&At<T>) -> Option<D>) -> Option<Option<D>> {
        self.get().map_or(Some(None), |at| make(at).map(Some))
    }

    pub(crate) fn is_written(&self) -> bool {
        self.1
    }
}

impl<T> Or<T> {
    pub(crate) fn node(&self) -> Option<NodeId> {
        self.node
    }
}

impl<T> Deref for Or<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Read, const REQUIRED: bool> Field for Key<T, REQUIRED> {
    type Of = T;
    const REQUIRED: bool = REQUIRED;

    fn new(read: Option<At<T>>, written: bool, _: &Declared) -> Option<Self> {
        Some(Self(read, written))
    }

    fn written(&self) -> Option<(&T, NodeId)> {
        self.get().map(|at| (&at.value, at.node))
    }
}

impl<T: Read> Field for Or<T> {
    type Of = T;
    const HAS_DEFAULT: bool = true;

    fn new(read: Option<At<T>>, _: bool, declared: &Declared) -> Option<Self> {
        let node = read.as_ref().map(|at| at.node);
        let value = match read {
            Some(at) => at.value,
            None => declared_value(declared.absent.first()?)?,
        };
        Some(Self { value, node })
    }

    fn written(&self) -> Option<(&T, NodeId)> {
        Some((&self.value, self.node?))
    }
}

/// Whether what a declaration writes can be read as a value: a scalar, or an empty list or mapping.
pub(crate) const fn is_default(text: &str) -> bool {
    match text.as_bytes() {
        b"[]" | b"{}" => true,
        [first, ..] => !matches!(first, b'[' | b'{'),
        [] => false,
    }
}

/// What a declaration writes, read as if the file had it.
pub(super) fn declared_value<T: Read>(text: &'static str) -> Option<T> {
    let tree = Tree::of(text);
    T::read(tree.root()?, &mut Reader::new(&tree, Vec::new()))
}
