//! Builds the tree out of the parser's events. Bounded in size, depth and aliases; linear in time.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, ScalarStyle};

use super::masking::{Masking, shown};
use super::tree::{Found, Key, Node, NodeId, Place, Step, Tree, Unreadable, Value};

const MAX_NODES: usize = 2_000_000;
/// The most nodes that aliases may stand for, taken together.
const MAX_ALIASED: usize = 200_000;
pub(super) const MAX_DEPTH: usize = 32;

pub(super) struct Builder<'t> {
    masking: &'static Masking,
    tree: Tree<'t>,
    found: Vec<Found>,
    open: Vec<Frame<'t>>,
    /// Where each anchored node begins and ends: an alias may stand for it only once it has ended.
    anchors: HashMap<usize, (usize, usize)>,
    aliased: usize,
    documents: usize,
}

/// A collection that has not ended yet.
struct Frame<'t> {
    node: NodeId,
    anchor: usize,
    /// What a mapping has read of its keys; none for a list.
    keys: Option<Keys<'t>>,
    stands_as_key: bool,
}

#[derive(Default)]
struct Keys<'t> {
    pending: Option<Key<'t>>,
    seen: HashMap<Cow<'t, str>, Place>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(masking: &'static Masking) -> Self {
        Self {
            masking,
            tree: Tree::default(),
            found: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            documents: 0,
        }
    }

    /// The tree, and what is wrong with its form but can be read past.
    pub(super) fn into_tree(self) -> (Tree<'t>, Vec<Found>) {
        (self.tree, self.found)
    }

    pub(super) fn take(&mut self, event: Event<'t>, at: Place) -> Result<(), Unreadable> {
        if let Some(tag) = event.tag() {
            let tag = shown(&tag.original());
            self.report(at, format!("tags such as `{tag}` have no meaning here"));
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second document begins here; the file must be one";
                    return Err(unreadable(at, message));
                }
            }
            Event::Scalar(name, style, anchor, _) => match self.awaited_key() {
                Some(pending) => *pending = Some(Key::new(name, at, true)),
                None => {
                    let plain = style == ScalarStyle::Plain;
                    let id = self.add(Value::Scalar { text: name, plain }, at)?;
                    self.close(id, anchor);
                }
            },
            Event::SequenceStart(_, anchor, _) => {
                self.begin(anchor, at, Value::List(Vec::new()), None)?;
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, at, Value::Map(Vec::new()), Some(Keys::default()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(),
            Event::Alias(anchor) => self.alias(anchor, at)?,
            Event::UnresolvedAlias(name) => {
                let name = shown(&name);
                self.report(at, format!("there is no anchor `&{name}` above this place"));
                self.place_broken(at)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the next key goes, where one comes next.
    fn awaited_key(&mut self) -> Option<&mut Option<Key<'t>>> {
        let keys = self.open.last_mut()?.keys.as_mut()?;
        keys.pending.is_none().then_some(&mut keys.pending)
    }

    /// Adds a node where the open collection has its next place.
    fn add(&mut self, value: Value<'t>, at: Place) -> Result<NodeId, Unreadable> {
        let id = NodeId(self.tree.nodes.len());
        if id.0 >= MAX_NODES {
            return Err(unreadable(at, "the file has more than 2000000 values"));
        }
        let parent = self.open.last().map(|frame| frame.node);
        let step = self.step(id, at);
        let sensitive = self.sensitive(parent, &step, &value);
        self.tree.nodes.push(Node {
            parent,
            step,
            at,
            value,
            sensitive,
        });
        Ok(id)
    }

    /// The way to a new node; it is a child of the open collection unless its key is no good.
    fn step(&mut self, id: NodeId, at: Place) -> Step<'t> {
        let Some(frame) = self.open.last_mut() else {
            return Step::Root;
        };
        let children = match &mut self.tree.nodes[frame.node.0].value {
            Value::List(children) | Value::Map(children) => children,
            Value::Scalar { .. } | Value::Broken => return Step::Root,
        };
        let Some(keys) = &mut frame.keys else {
            children.push(id);
            return Step::Item(children.len() - 1);
        };
        let key = keys.pending.take().unwrap_or_else(|| Key::unreadable(at));
        match keys.seen.get(&key.name) {
            Some(first) if key.readable => {
                let message = format!("this key stands here twice; first on line {}", first.line);
                self.found.push(Found::new(Some(id), key.at, message));
            }
            _ => {
                keys.seen.insert(key.name.clone(), key.at);
                if key.readable {
                    children.push(id);
                }
            }
        }
        Step::Key(key)
    }

    fn sensitive(&self, parent: Option<NodeId>, step: &Step<'t>, value: &Value<'t>) -> bool {
        let inherited = parent.is_some_and(|parent| self.tree.is_sensitive(parent));
        let key = match step {
            Step::Key(key) => Some(&*key.name),
            Step::Root | Step::Item(_) => None,
        };
        let scalar = match value {
            Value::Scalar { text, .. } => Some(&**text),
            Value::List(_) | Value::Map(_) | Value::Broken => None,
        };
        self.masking.hides(inherited, key, scalar)
    }

    fn begin(
        &mut self,
        anchor: usize,
        at: Place,
        value: Value<'t>,
        keys: Option<Keys<'t>>,
    ) -> Result<(), Unreadable> {
        let stands_as_key = self.awaited_key().is_some();
        if stands_as_key {
            self.unreadable_key(at);
        }
        let node = self.add(value, at)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(unreadable(at, "the file nests deeper than 32 levels"));
        }
        self.open.push(Frame {
            node,
            anchor,
            keys,
            stands_as_key,
        });
        Ok(())
    }

    fn finish(&mut self) {
        let Some(frame) = self.open.pop() else {
            return;
        };
        self.close(frame.node, frame.anchor);
        if frame.stands_as_key {
            let at = self.tree.at(frame.node);
            self.set_unreadable(at);
        }
    }

    fn close(&mut self, NodeId(id): NodeId, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (id, self.tree.nodes.len()));
        }
    }

    fn set_unreadable(&mut self, at: Place) {
        if let Some(pending) = self.awaited_key() {
            *pending = Some(Key::unreadable(at));
        }
    }

    fn unreadable_key(&mut self, at: Place) {
        let hint = "is this a `{{ … }}` of a template that was not filled in?";
        self.report(at, "a key must be text").hint(hint);
        self.set_unreadable(at);
    }

    fn place_broken(&mut self, at: Place) -> Result<(), Unreadable> {
        if self.awaited_key().is_some() {
            self.set_unreadable(at);
            return Ok(());
        }
        self.add(Value::Broken, at).map(|_| ())
    }

    /// Copies what the anchor stands for, so that every node has one path.
    fn alias(&mut self, anchor: usize, at: Place) -> Result<(), Unreadable> {
        if self.awaited_key().is_some() {
            self.unreadable_key(at);
            return Ok(());
        }
        let Some(&(start, stop)) = self.anchors.get(&anchor) else {
            self.report(at, "this alias stands inside what it stands for");
            return self.place_broken(at);
        };
        self.aliased += stop - start;
        if self.aliased > MAX_ALIASED {
            let message = "the file's aliases stand for more than 200000 values";
            return Err(unreadable(at, message));
        }
        let moved = self.tree.nodes.len() - start;
        for index in start..stop {
            let mut copy = self.tree.nodes[index].clone();
            if let Value::List(children) | Value::Map(children) = &mut copy.value {
                children.iter_mut().for_each(|child| child.0 += moved);
            }
            if index == start {
                let NodeId(root) = self.add(copy.value, at)?;
                let node = &mut self.tree.nodes[root];
                node.at = copy.at;
                node.sensitive |= copy.sensitive;
            } else {
                copy.parent = copy.parent.map(|NodeId(parent)| NodeId(parent + moved));
                copy.sensitive |= self.sensitive(copy.parent, &copy.step, &copy.value);
                self.tree.nodes.push(copy);
            }
        }
        Ok(())
    }

    fn report(&mut self, at: Place, message: impl Into<String>) -> &mut Found {
        let node = self.open.last().map(|frame| frame.node);
        let index = self.found.len();
        self.found.push(Found::new(node, at, message));
        &mut self.found[index]
    }
}

impl<'t> Key<'t> {
    fn new(name: Cow<'t, str>, at: Place, readable: bool) -> Self {
        Self { name, at, readable }
    }

    fn unreadable(at: Place) -> Self {
        let end = at.start;
        Self::new(Cow::Borrowed("?"), Place { end, ..at }, false)
    }
}

fn unreadable(at: Place, message: &str) -> Unreadable {
    Unreadable(Found::new(None, at, message))
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
