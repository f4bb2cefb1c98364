//! A parsed text: nodes that know their place, their path, and whether they may be quoted.

use std::borrow::Cow;
use std::fmt;

use crate::config::mask;

/// A parsed text. Nodes are stored in document order, each before its children.
#[derive(Debug, Default)]
pub(in crate::config) struct Tree<'t> {
    pub(super) nodes: Vec<Node<'t>>,
}

/// A node's index in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::config) struct NodeId(pub(super) usize);

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Mark {
    /// 1-based.
    pub(in crate::config) line: usize,
    /// 1-based, in characters.
    pub(in crate::config) column: usize,
    /// From the start of the text.
    pub(in crate::config) byte: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    pub(super) parent: Option<NodeId>,
    pub(super) step: Step<'t>,
    pub(super) at: Mark,
    pub(super) end: usize,
    pub(super) value: Value<'t>,
    pub(super) sensitive: bool,
}

/// How a node is reached from its parent.
#[derive(Clone, Debug)]
pub(super) enum Step<'t> {
    Root,
    Item(usize),
    Key(Key<'t>),
}

/// A key as written.
#[derive(Clone, Debug)]
pub(super) struct Key<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) at: Mark,
    pub(super) end: usize,
    pub(super) readable: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(in crate::config) enum Value<'t> {
    /// A scalar; `plain` where it stands without quotes.
    Scalar {
        /// Its text, escapes resolved.
        text: Cow<'t, str>,
        /// Without quotes, so that `30` is a number and `true` a boolean.
        plain: bool,
    },
    /// A sequence.
    List(Vec<NodeId>),
    /// A mapping; each child knows its key.
    Map(Vec<NodeId>),
    /// Something a problem has been reported for already.
    Broken,
}

/// Something that is not as it must be, by node and place.
#[derive(Clone, Debug)]
pub(in crate::config) struct Found {
    /// The node whose path is shown; `None` for the text as a whole.
    pub(in crate::config) node: Option<NodeId>,
    /// The place that is shown.
    pub(in crate::config) at: Mark,
    /// What is wrong and what was expected.
    pub(in crate::config) message: String,
    /// What to do.
    pub(in crate::config) hint: Option<String>,
}

/// The text is no YAML, or more of it than anyone means.
#[derive(Clone, Debug)]
pub(in crate::config) struct Unreadable(pub(in crate::config) Found);

impl<'t> Tree<'t> {
    /// The outermost node; none in an empty text.
    pub(in crate::config) fn root(&self) -> Option<NodeId> {
        (!self.nodes.is_empty()).then_some(NodeId(0))
    }

    /// What the node is.
    pub(in crate::config) fn value(&self, id: NodeId) -> &Value<'t> {
        &self.nodes[id.0].value
    }

    /// Where the node begins.
    pub(in crate::config) fn at(&self, id: NodeId) -> Mark {
        self.nodes[id.0].at
    }

    /// Where the node's key is, or the node where it has none.
    pub(in crate::config) fn key_at(&self, id: NodeId) -> Mark {
        match &self.nodes[id.0].step {
            Step::Key(key) => key.at,
            Step::Root | Step::Item(_) => self.at(id),
        }
    }

    /// The node's key in its parent; empty for items.
    pub(in crate::config) fn key(&self, id: NodeId) -> &str {
        match &self.nodes[id.0].step {
            Step::Key(key) => &key.name,
            Step::Root | Step::Item(_) => "",
        }
    }

    /// Whether the node may hold a secret: it is never quoted.
    pub(in crate::config) fn is_sensitive(&self, id: NodeId) -> bool {
        self.nodes[id.0].sensitive
    }

    /// `routes[0].callers[1].bearer.issuer`.
    pub(in crate::config) fn path(&self, id: NodeId) -> String {
        let mut steps = Vec::new();
        let mut next = Some(id);
        while let Some(NodeId(index)) = next {
            steps.push(&self.nodes[index].step);
            next = self.nodes[index].parent;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            let _ = match step {
                Step::Root => Ok(()),
                Step::Item(index) => fmt::Write::write_fmt(&mut path, format_args!("[{index}]")),
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&mask::shown(&key.name));
                    Ok(())
                }
            };
        }
        path
    }

    /// The byte ranges that must not be shown.
    pub(in crate::config) fn secrets(&self) -> Vec<(usize, usize)> {
        let mut ranges: Vec<_> = self
            .nodes
            .iter()
            .flat_map(|node| {
                let value = match node.value {
                    Value::Scalar { .. } if node.sensitive => Some((node.at.byte, node.end)),
                    _ => None,
                };
                let key = match &node.step {
                    Step::Key(key) if node.sensitive && self.inherits(node) => {
                        Some((key.at.byte, key.end))
                    }
                    _ => None,
                };
                key.into_iter().chain(value)
            })
            .collect();
        ranges.sort_unstable();
        ranges.dedup();
        ranges
    }

    fn inherits(&self, node: &Node<'t>) -> bool {
        node.parent
            .is_some_and(|parent| self.nodes[parent.0].sensitive)
    }
}
