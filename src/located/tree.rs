//! A parsed text: nodes that know their place, their path, and whether they may be quoted.

use std::borrow::Cow;
use std::ops::Range;

use super::masking::{Reference, shown};

/// Nodes in document order, each before its children.
#[derive(Debug, Default)]
pub(crate) struct Tree<'t> {
    pub(super) nodes: Vec<Node<'t>>,
    /// The keys that may be named although what they stand under is a secret.
    pub(super) references: &'static [Reference],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(pub(super) usize);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// 1-based.
    pub(crate) line: usize,
    /// 1-based, in characters.
    pub(crate) column: usize,
    /// In bytes from the start of the text.
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node<'t> {
    pub(super) parent: Option<NodeId>,
    pub(super) step: Step<'t>,
    pub(super) at: Place,
    pub(super) value: Value<'t>,
    pub(super) sensitive: bool,
}

/// How a node is reached from its parent.
#[derive(Clone, Debug, Default)]
pub(super) enum Step<'t> {
    #[default]
    Root,
    Item(usize),
    Key(Key<'t>),
}

#[derive(Clone, Debug)]
pub(super) struct Key<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) at: Place,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Value<'t> {
    /// `plain`: without quotes, so that `30` is a number and `true` a boolean.
    Scalar {
        text: Cow<'t, str>,
        plain: bool,
    },
    List(Vec<NodeId>),
    /// Each child knows its key.
    Map(Vec<NodeId>),
    /// Something a problem has been reported for already.
    #[default]
    Broken,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The node whose path is shown; `None` for the text as a whole.
    pub(crate) node: Option<NodeId>,
    pub(crate) at: Place,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Found {
    pub(super) fn new(node: Option<NodeId>, at: Place, message: impl Into<String>) -> Self {
        let (message, hint) = (message.into(), None);
        Self {
            node,
            at,
            message,
            hint,
        }
    }

    pub(crate) fn hint(&mut self, hint: impl ToString) {
        self.hint = Some(hint.to_string());
    }
}

impl<'t> Step<'t> {
    pub(super) fn key(&self) -> Option<&Key<'t>> {
        match self {
            Self::Key(key) => Some(key),
            Self::Root | Self::Item(_) => None,
        }
    }
}

impl<'t> Tree<'t> {
    /// The outermost node; none in an empty text.
    pub(crate) fn root(&self) -> Option<NodeId> {
        (!self.nodes.is_empty()).then_some(NodeId(0))
    }

    /// A value as declarations write it: a scalar without quotes, `[]` or `{}`.
    pub(super) fn of(text: &'static str) -> Self {
        let value = match text {
            "[]" => Value::List(Vec::new()),
            "{}" => Value::Map(Vec::new()),
            text => Value::Scalar {
                text: Cow::Borrowed(text),
                plain: true,
            },
        };
        let root = Node {
            value,
            ..Node::default()
        };
        Self {
            nodes: vec![root],
            references: &[],
        }
    }

    pub(crate) fn value(&self, id: NodeId) -> &Value<'t> {
        &self.nodes[id.0].value
    }

    /// What a mapping has under a key.
    pub(crate) fn child(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let Value::Map(children) = self.value(map) else {
            return None;
        };
        let mut children = children.iter().copied();
        children.find(|&child| self.key(child) == key)
    }

    pub(crate) fn at(&self, id: NodeId) -> Place {
        self.nodes[id.0].at
    }

    /// Where the node's key is, or the node where it has none.
    pub(super) fn key_at(&self, id: NodeId) -> Place {
        self.nodes[id.0]
            .step
            .key()
            .map_or(self.at(id), |key| key.at)
    }

    /// The node's key in its parent; empty for items.
    pub(crate) fn key(&self, id: NodeId) -> &str {
        self.nodes[id.0].step.key().map_or("", |key| &key.name)
    }

    /// Whether the node may hold a secret: it is never quoted.
    pub(crate) fn is_sensitive(&self, id: NodeId) -> bool {
        self.nodes[id.0].sensitive
    }

    /// `routes[0].callers[1].bearer.issuer`.
    pub(crate) fn path(&self, id: NodeId) -> String {
        let node = &self.nodes[id.0];
        let above = node.parent.map(|parent| self.path(parent));
        let above = above.unwrap_or_default();
        match &node.step {
            Step::Root => above,
            Step::Item(index) => format!("{above}[{index}]"),
            Step::Key(key) if self.hides_key(node, key) => format!("{above}.[masked]"),
            Step::Key(key) if above.is_empty() => shown(&key.name),
            Step::Key(key) => format!("{above}.{}", shown(&key.name)),
        }
    }

    /// What stands in the place of a secret's reference may be the secret.
    fn hides_key(&self, node: &Node<'_>, key: &Key<'_>) -> bool {
        let inherits = node.parent.is_some_and(|parent| self.is_sensitive(parent));
        let mut references = self.references.iter();
        node.sensitive && inherits && references.all(|(name, _)| *name != key.name)
    }

    /// The byte ranges that must not be shown, sorted.
    pub(super) fn secrets(&self) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        for node in self.nodes.iter().filter(|node| node.sensitive) {
            // Of what is broken it is not known what it would have been.
            if let Value::Scalar { .. } | Value::Broken = node.value {
                ranges.push(node.at.start..node.at.end);
            }
            let inherits = node.parent.is_some_and(|parent| self.is_sensitive(parent));
            if let (Step::Key(key), true) = (&node.step, inherits) {
                ranges.push(key.at.start..key.at.end);
            }
        }
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        ranges.dedup();
        ranges
    }
}
