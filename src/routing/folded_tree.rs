//! The patterns of a listener and host by what their segments fold to, so that it can be told which
//! of them a path would fit in another spelling.

use std::ops::ControlFlow;

use super::Template;
use super::fold::{is_quiet, named, readings, step};
use super::folded::Folded;
use super::template::Segment;
use crate::request::decoded_segment;

/// How many readings beside the first are tried for one path. What has more is taken for an attack.
const MOST_READINGS: usize = 512;

/// Is told the routes of each pattern that is met, as long as the tree lives.
type Visit<'a, 't> = dyn FnMut(&'t [usize]) -> ControlFlow<()> + 'a;

#[derive(Debug, Default)]
pub(super) struct FoldedTree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted.
    literals: Vec<(Box<str>, Node)>,
    parameter: Option<Box<Node>>,
    /// The routes of the pattern that ends here.
    end: Vec<usize>,
    /// The routes of the pattern that has `**` here.
    rest: Vec<usize>,
}

impl FoldedTree {
    /// The routes of this folded shape, to add one to.
    pub(super) fn routes_of(&mut self, folded: &Folded) -> &mut Vec<usize> {
        let mut node = &mut self.root;
        for segment in folded.segments() {
            node = match segment {
                Segment::Literal(value) => node.entry(value),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::Rest => return &mut node.rest,
            };
        }
        &mut node.end
    }

    /// Tells of every pattern that some upstream may take the path for.
    pub(super) fn each_possible<'t>(
        &'t self,
        path: &str,
        visit: &mut Visit<'_, 't>,
    ) -> ControlFlow<()> {
        let mut walk = Walk {
            visit,
            left: MOST_READINGS,
        };
        self.root.possible(path.strip_prefix('/'), None, &mut walk)
    }

    /// Tells of every pattern that the path fits for an upstream that folds: fewer than are possible,
    /// for a name with a key is taken apart only where the name is one of ours.
    pub(super) fn each_fitting<'t>(
        &'t self,
        path: &str,
        visit: &mut Visit<'_, 't>,
    ) -> ControlFlow<()> {
        self.root.fitting(path.strip_prefix('/'), visit)
    }

    /// Tells of every pattern that some path which fits this one may be taken for.
    pub(super) fn each_meeting<'t>(
        &'t self,
        template: &Template,
        visit: &mut Visit<'_, 't>,
    ) -> ControlFlow<()> {
        self.root.meeting(template.segments(), None, visit)
    }
}

struct Walk<'a, 'b, 't> {
    visit: &'a mut Visit<'b, 't>,
    left: usize,
}

impl Node {
    fn possible<'t>(
        &'t self,
        mut below: Option<&str>,
        before: Option<&str>,
        walk: &mut Walk<'_, '_, 't>,
    ) -> ControlFlow<()> {
        tell(&self.rest, walk.visit)?;
        if below.is_none() {
            return tell(&self.end, walk.visit);
        }
        if self.is_leaf() && self.end.is_empty() {
            return ControlFlow::Continue(());
        }
        let segment = step(&mut below);
        if is_quiet(segment, before) {
            if let Some(node) = self.literal(segment) {
                node.possible(below, Some(segment), walk)?;
            }
            return match &self.parameter {
                Some(node) => node.possible(below, Some(segment), walk),
                None => ControlFlow::Continue(()),
            };
        }
        for (place, reading) in readings(segment, before).iter().enumerate() {
            if place > 0 {
                let Some(left) = walk.left.checked_sub(1) else {
                    return ControlFlow::Break(());
                };
                walk.left = left;
            }
            let next = &mut |node: &'t Self, is_whole: bool| match is_whole {
                true => node.possible(below, Some(segment), walk),
                false => tell(&node.rest, walk.visit),
            };
            self.reading(reading, segment, next)?;
        }
        ControlFlow::Continue(())
    }

    /// Follows each word by a literal and by a parameter. `next` is told of the node behind all of
    /// them, and of those before it, where `**` may take the other words.
    fn reading<'t>(
        &'t self,
        words: &[String],
        segment: &str,
        next: &mut dyn FnMut(&'t Self, bool) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some((word, words)) = words.split_first() else {
            return next(self, true);
        };
        let parameter = self.parameter.as_deref();
        let parameter = parameter.filter(|_| !segment.is_empty());
        for node in self.literal(word).into_iter().chain(parameter) {
            if !words.is_empty() {
                next(node, false)?;
            }
            node.reading(words, segment, next)?;
        }
        ControlFlow::Continue(())
    }

    fn fitting<'t>(
        &'t self,
        mut below: Option<&str>,
        visit: &mut Visit<'_, 't>,
    ) -> ControlFlow<()> {
        tell(&self.rest, visit)?;
        if matches!(below, None | Some("")) {
            return tell(&self.end, visit);
        }
        if self.is_leaf() {
            return ControlFlow::Continue(());
        }
        let segment = step(&mut below);
        if let Some(node) = self.parameter.as_ref().filter(|_| !segment.is_empty()) {
            node.fitting(below, visit)?;
        }
        if is_quiet(segment, None) {
            return match self.literal(segment) {
                Some(node) => node.fitting(below, visit),
                None => ControlFlow::Continue(()),
            };
        }
        let decoded = decoded_segment(segment);
        let (name, key) = named(&decoded);
        match (self.literal(&name), key) {
            (None, _) => ControlFlow::Continue(()),
            (Some(node), None) => node.fitting(below, visit),
            (Some(node), Some(key)) => {
                tell(&node.rest, visit)?;
                if let Some(node) = node.literal(&named(&key).0) {
                    node.fitting(below, visit)?;
                }
                match &node.parameter {
                    Some(node) => node.fitting(below, visit),
                    None => ControlFlow::Continue(()),
                }
            }
        }
    }

    fn meeting<'t>(
        &'t self,
        pattern: &[Segment],
        before: Option<&str>,
        visit: &mut Visit<'_, 't>,
    ) -> ControlFlow<()> {
        let Some((Segment::Literal(literal), pattern)) = pattern.split_first() else {
            return match pattern {
                [] => {
                    tell(&self.rest, visit)?;
                    tell(&self.end, visit)
                }
                // What stands for any value may be spelled as any number of words.
                [..] => self.whole(visit),
            };
        };
        tell(&self.rest, visit)?;
        for reading in readings(literal, before) {
            let next = &mut |node: &'t Self, is_whole: bool| match is_whole {
                true => node.meeting(pattern, Some(literal), visit),
                false => tell(&node.rest, visit),
            };
            self.reading(&reading, literal, next)?;
        }
        ControlFlow::Continue(())
    }

    fn whole<'t>(&'t self, visit: &mut Visit<'_, 't>) -> ControlFlow<()> {
        tell(&self.end, visit)?;
        tell(&self.rest, visit)?;
        let parameter = self.parameter.as_deref().into_iter();
        let literals = self.literals.iter().map(|(_, node)| node);
        for node in literals.chain(parameter) {
            node.whole(visit)?;
        }
        ControlFlow::Continue(())
    }

    fn is_leaf(&self) -> bool {
        self.literals.is_empty() && self.parameter.is_none()
    }

    /// The node of a word in any case.
    fn literal(&self, word: &str) -> Option<&Self> {
        let place = self.place(word).ok()?;
        self.literals.get(place).map(|(_, node)| node)
    }

    fn entry(&mut self, word: &str) -> &mut Self {
        let place = self.place(word).unwrap_or_else(|place| {
            self.literals.insert(place, (word.into(), Self::default()));
            place
        });
        &mut self.literals[place].1
    }

    fn place(&self, word: &str) -> Result<usize, usize> {
        let folded = |byte: &u8| byte.to_ascii_lowercase();
        self.literals.binary_search_by(|(own, _)| {
            let word = word.as_bytes().iter().map(folded);
            own.as_bytes().iter().copied().cmp(word)
        })
    }
}

fn tell<'t>(routes: &'t [usize], visit: &mut Visit<'_, 't>) -> ControlFlow<()> {
    match routes {
        [] => ControlFlow::Continue(()),
        routes => visit(routes),
    }
}
