//! Of all patterns that a path fits, which is the least? Patterns as a tree of their segments, so
//! that ten thousand cost as much as those which begin like the path.

use std::collections::HashMap;

use super::Template;
use super::template::Segment;
use crate::request::{CanonicalPath, decoded_segment};

#[derive(Debug, Default)]
pub(super) struct PathTree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: Literals,
    parameter: Option<Box<Node>>,
    /// The routes of the pattern that ends here.
    end: Vec<usize>,
    /// The routes of the pattern that has `**` here.
    rest: Vec<usize>,
}

/// The nodes below by their literal. Most have one or two, and a map takes the room of four.
#[derive(Debug)]
enum Literals {
    Few(Vec<(Box<str>, Node)>),
    Many(HashMap<Box<str>, Node>),
}

/// The most that are compared one by one.
const FEW: usize = 4;

impl PathTree {
    /// The routes of this pattern's shape (names of parameters do not count), to add one to.
    pub(super) fn routes_of(&mut self, template: &Template) -> &mut Vec<usize> {
        let mut node = &mut self.root;
        for segment in template.segments() {
            node = match segment {
                Segment::Literal(value) => node.literals.entry(value),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::Rest => return &mut node.rest,
            };
        }
        &mut node.end
    }

    /// The routes of the least pattern that the path fits, in file order; empty where it fits none.
    pub(super) fn find(&self, path: &CanonicalPath) -> &[usize] {
        let below = path.matched().strip_prefix('/');
        self.root.least(below).unwrap_or_default()
    }

    /// Patterns with `**` whose every path fits a lesser pattern: the routes of such a one, and of
    /// a lesser one.
    pub(super) fn unreachable(&self) -> Vec<(&[usize], &[usize])> {
        let mut found = Vec::new();
        self.root.collect_unreachable(true, &mut found);
        found
    }
}

impl Node {
    /// Literal before parameter before end before rest, from the left: the first pattern met in
    /// this order is the least. `below` is what of the path is left after the slash that leads
    /// here. A node has one parent, so that a search meets it once at most, and none lies deeper
    /// than a pattern is long.
    fn least(&self, below: Option<&str>) -> Option<&[usize]> {
        let Some(below) = below else {
            return filled(&self.end).or_else(|| filled(&self.rest));
        };
        // By bytes: what searches a text for a character is made for longer ones.
        let (segment, next) = match below.bytes().position(|byte| byte == b'/') {
            Some(slash) => (&below[..slash], Some(&below[slash + 1..])),
            None => (below, None),
        };
        self.literal(segment)
            .and_then(|node| node.least(next))
            .or_else(|| {
                let node = self.parameter.as_ref().filter(|_| !segment.is_empty());
                node.and_then(|node| node.least(next))
            })
            .or_else(|| filled(&self.rest))
    }

    fn literal(&self, segment: &str) -> Option<&Self> {
        if self.literals.are_none() {
            return None;
        }
        self.literals.get(&decoded_segment(segment))
    }

    fn collect_unreachable<'a>(
        &'a self,
        is_root: bool,
        found: &mut Vec<(&'a [usize], &'a [usize])>,
    ) {
        if let (Some(rest), Some(lesser)) = (filled(&self.rest), self.lesser_than_rest(is_root)) {
            found.push((rest, lesser));
        }
        self.literals
            .each(|node| node.collect_unreachable(false, found));
        if let Some(node) = &self.parameter {
            node.collect_unreachable(false, found);
        }
    }

    /// The routes for any deeper path, where every path from here on fits a pattern that is less
    /// than `**` here: the end, the trailing slash, and every further segment. There are more
    /// values than literals, so only a parameter takes every further one.
    fn lesser_than_rest(&self, is_root: bool) -> Option<&[usize]> {
        let ends = is_root || !self.end.is_empty();
        let slash = self
            .literals
            .get("")
            .is_some_and(|node| !node.end.is_empty());
        let deeper = self.parameter.as_ref().filter(|_| ends && slash)?;
        filled(&deeper.rest).or_else(|| deeper.lesser_than_rest(false))
    }
}

impl Literals {
    fn are_none(&self) -> bool {
        matches!(self, Self::Few(nodes) if nodes.is_empty())
    }

    fn get(&self, value: &str) -> Option<&Node> {
        match self {
            Self::Few(nodes) => {
                let mut nodes = nodes.iter();
                nodes.find_map(|(own, node)| (**own == *value).then_some(node))
            }
            Self::Many(nodes) => nodes.get(value),
        }
    }

    /// The node of a literal, a new one where there is none.
    fn entry(&mut self, value: &str) -> &mut Node {
        if let Self::Few(nodes) = self
            && nodes.len() == FEW
        {
            *self = Self::Many(std::mem::take(nodes).into_iter().collect());
        }
        match self {
            Self::Many(nodes) => nodes.entry(value.into()).or_default(),
            Self::Few(nodes) => {
                let place = nodes.iter().position(|(own, _)| **own == *value);
                let place = place.unwrap_or_else(|| {
                    nodes.reserve_exact(1);
                    nodes.push((value.into(), Node::default()));
                    nodes.len() - 1
                });
                &mut nodes[place].1
            }
        }
    }

    fn each<'a>(&'a self, mut tell: impl FnMut(&'a Node)) {
        match self {
            Self::Few(nodes) => nodes.iter().for_each(|(_, node)| tell(node)),
            Self::Many(nodes) => nodes.values().for_each(tell),
        }
    }
}

impl Default for Literals {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

fn filled(routes: &[usize]) -> Option<&[usize]> {
    (!routes.is_empty()).then_some(routes)
}
