//! Builds the tree out of the parser's events. Bounded in size, depth and aliases; linear in time.
//! The one file that knows the parser.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::node::{Found, Key, Mark, Node, NodeId, Step, Tree, Unreadable, Value};
use crate::config::mask;

/// The most nodes a file may have; ten thousand routes have a quarter of it.
const MAX_NODES: usize = 2_000_000;
/// The most nodes that aliases may stand for, taken together.
const MAX_ALIASED: usize = 200_000;
/// The deepest nesting; the deepest key of the file is at 8.
const MAX_DEPTH: usize = 32;

impl<'t> Tree<'t> {
    /// Parses a text; the second value is what is wrong with its form but can be read past.
    ///
    /// # Errors
    /// When nothing can be read past the place.
    pub(in crate::config) fn parse(text: &'t str) -> Result<(Self, Vec<Found>), Unreadable> {
        let mut builder = Builder::default();
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|error| Unreadable(explained(&error)))?;
            builder.take(event, span)?;
        }
        Ok((builder.tree, builder.found))
    }
}

/// Builds the tree out of the parser's events.
#[derive(Default)]
struct Builder<'t> {
    tree: Tree<'t>,
    found: Vec<Found>,
    open: Vec<Frame<'t>>,
    anchors: HashMap<usize, (NodeId, usize)>,
    aliased: usize,
    documents: usize,
}

/// A collection that has not ended yet.
struct Frame<'t> {
    node: NodeId,
    anchor: usize,
    kind: Kind<'t>,
    stands_as_key: bool,
}

enum Kind<'t> {
    List,
    Map {
        pending: Option<Key<'t>>,
        seen: HashMap<Cow<'t, str>, Mark>,
    },
}

impl<'t> Builder<'t> {
    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), Unreadable> {
        if let Some(tag) = event.tag() {
            self.report(
                &span,
                format!(
                    "tags such as `{}` have no meaning here",
                    mask::shown(&tag.original())
                ),
            );
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(unreadable(
                        &span,
                        "a second document begins here; the file must be one",
                    ));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                if self.awaits_key() {
                    self.set_key(Key {
                        name: text,
                        at: mark(span.start),
                        end: end(&span),
                        readable: true,
                    });
                } else {
                    let id = self.add(Value::Scalar { text, plain }, &span)?;
                    self.close(id, anchor);
                }
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, &span, false)?,
            Event::MappingStart(_, anchor, _) => self.begin(anchor, &span, true)?,
            Event::SequenceEnd | Event::MappingEnd => self.finish(),
            Event::Alias(anchor) => self.alias(anchor, &span)?,
            Event::UnresolvedAlias(name) => {
                self.report(
                    &span,
                    format!(
                        "there is no anchor `&{}` above this place",
                        mask::shown(&name)
                    ),
                );
                self.place_broken(&span)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Frame {
                kind: Kind::Map { pending: None, .. },
                ..
            })
        )
    }

    fn set_key(&mut self, key: Key<'t>) {
        if let Some(Frame {
            kind: Kind::Map { pending, .. },
            ..
        }) = self.open.last_mut()
        {
            *pending = Some(key);
        }
    }

    /// Adds a node where the open collection has its next place.
    fn add(&mut self, value: Value<'t>, span: &Span) -> Result<NodeId, Unreadable> {
        let id = NodeId(self.tree.nodes.len());
        if id.0 >= MAX_NODES {
            return Err(unreadable(span, "the file has more than 2000000 values"));
        }
        let at = mark(span.start);
        let mut step = Step::Root;
        let parent = self.open.last().map(|frame| frame.node);
        if let Some(frame) = self.open.last_mut() {
            let children = match &mut self.tree.nodes[frame.node.0].value {
                Value::List(children) | Value::Map(children) => Some(children),
                Value::Scalar { .. } | Value::Broken => None,
            };
            let mut counts = true;
            step = match &mut frame.kind {
                Kind::List => Step::Item(children.as_ref().map_or(0, |children| children.len())),
                Kind::Map { pending, seen } => {
                    let key = pending.take().unwrap_or_else(|| Key::unreadable(at));
                    counts = key.readable;
                    if let Some(first) = seen.get(&key.name).filter(|_| key.readable) {
                        counts = false;
                        self.found.push(Found {
                            node: Some(id),
                            at: key.at,
                            message: format!(
                                "this key stands here twice; first on line {}",
                                first.line
                            ),
                            hint: None,
                        });
                    } else {
                        seen.insert(key.name.clone(), key.at);
                    }
                    Step::Key(key)
                }
            };
            if let Some(children) = children.filter(|_| counts) {
                children.push(id);
            }
        }
        let sensitive = self.sensitive(parent, &step, &value);
        self.tree.nodes.push(Node {
            parent,
            step,
            at,
            end: end(span),
            value,
            sensitive,
        });
        Ok(id)
    }

    fn sensitive(&self, parent: Option<NodeId>, step: &Step<'t>, value: &Value<'t>) -> bool {
        let inherited = parent.is_some_and(|NodeId(index)| self.tree.nodes[index].sensitive);
        let by_key = match step {
            Step::Key(key) => {
                mask::is_secret_place(&key.name, inherited, matches!(value, Value::Scalar { .. }))
            }
            Step::Root | Step::Item(_) => inherited,
        };
        let Value::Scalar { text, .. } = value else {
            return by_key;
        };
        let misplaced = inherited
            && matches!(step, Step::Key(key) if key.name == "env")
            && !mask::is_variable(text);
        by_key || misplaced || mask::looks_secret(text)
    }

    fn begin(&mut self, anchor: usize, span: &Span, map: bool) -> Result<(), Unreadable> {
        let stands_as_key = self.awaits_key();
        if stands_as_key {
            self.unreadable_key(span);
        }
        let (value, kind) = if map {
            (
                Value::Map(Vec::new()),
                Kind::Map {
                    pending: None,
                    seen: HashMap::new(),
                },
            )
        } else {
            (Value::List(Vec::new()), Kind::List)
        };
        let node = self.add(value, span)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(unreadable(span, "the file nests deeper than 32 levels"));
        }
        self.open.push(Frame {
            node,
            anchor,
            kind,
            stands_as_key,
        });
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(frame) = self.open.pop() {
            self.close(frame.node, frame.anchor);
            if frame.stands_as_key {
                self.set_key(Key::unreadable(self.tree.at(frame.node)));
            }
        }
    }

    /// Notes where an anchored node ends: only then may an alias stand for it.
    fn close(&mut self, id: NodeId, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (id, self.tree.nodes.len()));
        }
    }

    fn unreadable_key(&mut self, span: &Span) {
        self.report(span, "a key must be text".to_owned());
        if let Some(found) = self.found.last_mut() {
            found.hint =
                Some("is this a `{{ … }}` of a template that was not filled in?".to_owned());
        }
        self.set_key(Key::unreadable(mark(span.start)));
    }

    fn place_broken(&mut self, span: &Span) -> Result<(), Unreadable> {
        if self.awaits_key() {
            self.set_key(Key::unreadable(mark(span.start)));
            return Ok(());
        }
        self.add(Value::Broken, span).map(|_| ())
    }

    /// Copies what the anchor stands for, so that every node has one path.
    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Unreadable> {
        if self.awaits_key() {
            self.unreadable_key(span);
            return Ok(());
        }
        let Some(&(NodeId(start), stop)) = self.anchors.get(&anchor) else {
            self.report(
                span,
                "this alias stands inside what it stands for".to_owned(),
            );
            return self.place_broken(span);
        };
        self.aliased += stop - start;
        if self.aliased > MAX_ALIASED {
            return Err(unreadable(
                span,
                "the file's aliases stand for more than 200000 values",
            ));
        }
        let moved = self.tree.nodes.len() - start;
        for index in start..stop {
            let mut copy = self.tree.nodes[index].clone();
            if let Value::List(children) | Value::Map(children) = &mut copy.value {
                children.iter_mut().for_each(|child| child.0 += moved);
            }
            if index == start {
                let NodeId(root) = self.add(copy.value, span)?;
                let node = &mut self.tree.nodes[root];
                (node.at, node.end) = (copy.at, copy.end);
                node.sensitive |= copy.sensitive;
            } else {
                copy.parent = copy.parent.map(|NodeId(parent)| NodeId(parent + moved));
                copy.sensitive |= self.sensitive(copy.parent, &copy.step, &copy.value);
                self.tree.nodes.push(copy);
            }
        }
        Ok(())
    }

    fn report(&mut self, span: &Span, message: String) {
        let node = self.open.last().map(|frame| frame.node);
        self.found.push(Found {
            node,
            at: mark(span.start),
            message,
            hint: None,
        });
    }
}

impl Key<'_> {
    fn unreadable(at: Mark) -> Self {
        Self {
            name: Cow::Borrowed("?"),
            at,
            end: at.byte,
            readable: false,
        }
    }
}

fn mark(marker: Marker) -> Mark {
    Mark {
        line: marker.line(),
        column: marker.col() + 1,
        byte: marker.byte_offset().unwrap_or(0),
    }
}

fn end(span: &Span) -> usize {
    span.end.byte_offset().unwrap_or(0)
}

fn unreadable(span: &Span, message: &str) -> Unreadable {
    Unreadable(Found {
        node: None,
        at: mark(span.start),
        message: message.to_owned(),
        hint: None,
    })
}

/// The parser's complaint in our words where the cause is a common one.
fn explained(error: &ScanError) -> Found {
    use granit_parser::ErrorKind as Cause;
    let (message, hint) = match error.kind() {
        Cause::TabNotAllowed
        | Cause::TabInBlockIndentation
        | Cause::TabInIndentation
        | Cause::TabInPlainScalar
        | Cause::TabAtBlockScalarStart => {
            ("a tab cannot indent YAML".to_owned(), Some("use spaces"))
        }
        Cause::UnclosedQuotedScalar => (
            "a quotation mark is opened here and never closed".to_owned(),
            None,
        ),
        Cause::UnclosedFlowCollection { open } => {
            (format!("`{open}` is opened here and never closed"), None)
        }
        Cause::RecursionLimitExceeded => ("the file nests deeper than 32 levels".to_owned(), None),
        Cause::DirectiveDisallowed => (
            "directives have no meaning here".to_owned(),
            Some("leave the line out"),
        ),
        Cause::MappingValueNotAllowed | Cause::SimpleKeyExpected => (
            format!("this is not YAML: {}", error.kind()),
            Some("check the indentation, and quote text that holds `: `"),
        ),
        other => (format!("this is not YAML: {other}"), None),
    };
    Found {
        node: None,
        at: mark(*error.marker()),
        message,
        hint: hint.map(str::to_owned),
    }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
