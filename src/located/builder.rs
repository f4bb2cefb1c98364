//! Builds the tree out of the parser's events. Bounded in size, depth and aliases; linear in time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, StrInput};

use super::masking::{Masking, shown};
use super::mistake::explained;
use super::parser::{options, place};
use super::tree::{Found, Key, Node, NodeId, Place, Step, Tree, Value};

const MAX_NODES: usize = 2_000_000;
/// The most nodes that aliases may stand for, taken together.
const MAX_ALIASED: usize = 200_000;

struct Builder<'t> {
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    masking: &'static Masking,
    tree: Tree<'t>,
    found: Vec<Found>,
    /// The nodes of what is anchored: an alias may stand for it only once it has ended.
    anchors: HashMap<usize, Range<usize>>,
    aliased: usize,
}

/// What the parser tells, and where.
type Told<'t> = (Event<'t>, Place);
/// A new node's parent, and the way to it from there.
type Way<'t> = (Option<NodeId>, Step<'t>);

impl<'t> Tree<'t> {
    /// Parses a text; the second value is what is wrong with its form but can be read past.
    ///
    /// # Errors
    /// When nothing can be read past the place.
    pub(crate) fn parse(
        text: &'t str,
        masking: &'static Masking,
    ) -> Result<(Self, Vec<Found>), Found> {
        let mut builder = Builder {
            text,
            events: Parser::new_from_str_with_options(text, options()),
            masking,
            tree: Tree {
                references: masking.references,
                ..Tree::default()
            },
            found: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
        };
        let mut documents = 0;
        loop {
            let (event, at) = builder.next(None)?;
            match event {
                Event::StreamEnd => return Ok((builder.tree, builder.found)),
                Event::DocumentStart(..) if documents > 0 => {
                    let message = "a second document begins here; the file must be one";
                    return Err(Found::new(None, at, message));
                }
                Event::DocumentStart(..) => documents += 1,
                Event::StreamStart | Event::DocumentEnd => {}
                event => {
                    builder.node((event, at), (None, Step::Root))?;
                }
            }
        }
    }
}

impl<'t> Builder<'t> {
    /// What comes next; `parent` is what it stands in.
    fn next(&mut self, parent: Option<NodeId>) -> Result<Told<'t>, Found> {
        let Some(next) = self.events.next() else {
            return Ok((Event::StreamEnd, Place::default()));
        };
        let (event, span) = next.map_err(|error| explained(self.text, &error, self.masking))?;
        let at = place(&span);
        if let Some(tag) = event.tag() {
            let tag = shown(&tag.original());
            self.report(
                parent,
                at,
                format!("tags such as `{tag}` have no meaning here"),
            );
        }
        Ok((event, at))
    }

    /// Builds what begins here, with all that is below it.
    fn node(&mut self, (event, at): Told<'t>, way: Way<'t>) -> Result<NodeId, Found> {
        let (id, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let id = self.add(Value::Scalar { text, plain }, at, way)?;
                if plain && self.text[at.start..at.end].contains('\n') {
                    self.several_lines(id, at);
                }
                (id, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let id = self.add(Value::Broken, at, way)?;
                self.tree.nodes[id.0].value = Value::List(self.items(id)?);
                (id, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let id = self.add(Value::Broken, at, way)?;
                self.tree.nodes[id.0].value = Value::Map(self.entries(id)?);
                (id, anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, at, way),
            Event::UnresolvedAlias(name) => {
                let id = self.add(Value::Broken, at, way)?;
                self.no_anchor(id, at, &name);
                return Ok(id);
            }
            _ => return self.add(Value::Broken, at, way),
        };
        self.anchors.insert(anchor, id.0..self.tree.nodes.len());
        Ok(id)
    }

    fn items(&mut self, list: NodeId) -> Result<Vec<NodeId>, Found> {
        let mut items = Vec::new();
        loop {
            let next = self.next(Some(list))?;
            if matches!(next.0, Event::SequenceEnd | Event::StreamEnd) {
                return Ok(items);
            }
            let step = Step::Item(items.len());
            items.push(self.node(next, (Some(list), step))?);
        }
    }

    /// The children of a mapping, but for those whose key is no good.
    fn entries(&mut self, map: NodeId) -> Result<Vec<NodeId>, Found> {
        let mut children = Vec::new();
        let mut seen = Seen::default();
        loop {
            let (event, at) = self.next(Some(map))?;
            let name = match event {
                Event::MappingEnd | Event::StreamEnd => return Ok(children),
                Event::Scalar(name, ..) => Some(name),
                other => {
                    self.no_key((other, at), map)?;
                    None
                }
            };
            let key = name
                .clone()
                .map_or_else(|| Key::unreadable(at), |name| Key { name, at });
            let value = self.next(Some(map))?;
            let child = self.node(value, (Some(map), Step::Key(key)))?;
            let Some(name) = name else { continue };
            match seen.first(name, at.line) {
                Some(first) => {
                    let message = format!("this key stands here twice; first on line {first}");
                    self.report(Some(child), at, message);
                }
                None => children.push(child),
            }
        }
    }

    /// Reads past what stands where a key should.
    fn no_key(&mut self, told: Told<'t>, map: NodeId) -> Result<(), Found> {
        let at = told.1;
        if !matches!(told.0, Event::UnresolvedAlias(_)) {
            let hint = "is this a `{{ … }}` of a template that was not filled in?";
            self.report(Some(map), at, "a key must be text").hint(hint);
        }
        if !matches!(told.0, Event::Alias(_)) {
            self.node(told, (Some(map), Step::Key(Key::unreadable(at))))?;
        }
        Ok(())
    }

    fn add(&mut self, value: Value<'t>, at: Place, way: Way<'t>) -> Result<NodeId, Found> {
        let id = NodeId(self.tree.nodes.len());
        if id.0 >= MAX_NODES {
            return Err(Found::new(
                None,
                at,
                "the file has more than 2000000 values",
            ));
        }
        let (parent, step) = way;
        let mut node = Node {
            parent,
            step,
            at,
            value,
            sensitive: false,
        };
        node.sensitive = self.hides(&node);
        self.tree.nodes.push(node);
        Ok(id)
    }

    fn hides(&self, node: &Node<'t>) -> bool {
        let inherited = node
            .parent
            .is_some_and(|parent| self.tree.is_sensitive(parent));
        let key = node.step.key().map(|key| &*key.name);
        let scalar = match &node.value {
            Value::Scalar { text, .. } => Some(&**text),
            Value::List(_) | Value::Map(_) | Value::Broken => None,
        };
        self.masking.hides(inherited, key, scalar)
    }

    /// Copies what the anchor stands for, so that every node has one path.
    fn alias(&mut self, anchor: usize, at: Place, way: Way<'t>) -> Result<NodeId, Found> {
        let Some(original) = self.anchors.get(&anchor).cloned() else {
            self.report(way.0, at, "this alias stands inside what it stands for");
            return self.add(Value::Broken, at, way);
        };
        self.aliased += original.len();
        if self.aliased > MAX_ALIASED {
            let message = "the file's aliases stand for more than 200000 values";
            return Err(Found::new(None, at, message));
        }
        let id = NodeId(self.tree.nodes.len());
        let distance = id.0 - original.start;
        let moved = |node: NodeId| NodeId(node.0 + distance);
        for index in original.clone() {
            let mut copy = self.tree.nodes[index].clone();
            copy.parent = copy.parent.map(moved);
            if index == original.start {
                (copy.parent, copy.step) = way.clone();
            }
            if let Value::List(children) | Value::Map(children) = &mut copy.value {
                children.iter_mut().for_each(|child| *child = moved(*child));
            }
            copy.sensitive |= self.hides(&copy);
            self.tree.nodes.push(copy);
        }
        Ok(id)
    }

    /// What is meant is hardly ever an alias: `*@contoso.example` is a pattern without its quotes.
    fn no_anchor(&mut self, id: NodeId, at: Place, name: &str) {
        let (message, hint) = match self.tree.is_sensitive(id) {
            true => (
                "`*` without quotes begins an alias, and there is no such anchor".to_owned(),
                None,
            ),
            false => (
                format!(
                    "`*` without quotes begins an alias, and there is no anchor `&{}` above",
                    shown(name)
                ),
                Some(format!("if text is meant, write \"*{}\"", shown(name))),
            ),
        };
        self.report(Some(id), at, message).hint = hint;
    }

    /// A line that is indented too far becomes part of the text above it, and nobody is told.
    fn several_lines(&mut self, id: NodeId, at: Place) {
        let hint = format!(
            "is line {} indented too far? Text of several lines needs quotes",
            at.line + 1
        );
        let message = "this text goes on over the next line";
        self.report(Some(id), at, message).hint(hint);
    }

    /// Notes what is wrong, with the path of a node.
    fn report(
        &mut self,
        node: Option<NodeId>,
        at: Place,
        message: impl Into<String>,
    ) -> &mut Found {
        let index = self.found.len();
        self.found.push(Found::new(node, at, message));
        &mut self.found[index]
    }
}

/// Of so few keys comparing them is cheaper than hashing one.
const FEW: usize = 16;

/// The keys of a mapping, with their lines.
#[derive(Default)]
struct Seen<'t> {
    few: Vec<(Cow<'t, str>, usize)>,
    many: HashMap<Cow<'t, str>, usize>,
}

impl<'t> Seen<'t> {
    /// The line of a key that was there before; one that was not is from now on.
    fn first(&mut self, name: Cow<'t, str>, line: usize) -> Option<usize> {
        if let Some((_, first)) = self.few.iter().find(|(known, _)| *known == name) {
            return Some(*first);
        }
        if self.few.len() < FEW {
            self.few.push((name, line));
            return None;
        }
        match self.many.entry(name) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(place) => {
                place.insert(line);
                None
            }
        }
    }
}

impl Key<'_> {
    fn unreadable(at: Place) -> Self {
        let (name, end) = ("?".into(), at.start);
        Self {
            name,
            at: Place { end, ..at },
        }
    }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
