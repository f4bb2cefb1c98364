//! Would a path that goes by one route go by a stricter one in another spelling? Upstreams that read
//! both as the same must not let callers of the broader route do what the narrower one keeps.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;

use http::Method;

use super::RouteDefinition;
use super::folded::Folded;
use super::folded_tree::FoldedTree;
use super::methods::Methods;

/// What finding needs of each route, by its place.
#[derive(Debug)]
pub(super) struct Traits {
    pub(super) id: Arc<str>,
    pub(super) folded: Folded,
    pub(super) methods: Methods,
    /// Who may come in, with whose token, to do what: the same number for the same.
    terms: usize,
    /// The place of the first route with the same pattern, names of parameters left out.
    pattern: usize,
    /// Whether it is found by the folded form.
    pub(super) ignores_case: bool,
    /// Whether a request of this route may be another spelling of a stricter one's.
    pub(super) yields: bool,
}

impl Traits {
    pub(super) fn of(definitions: &[&RouteDefinition]) -> Vec<Self> {
        let mut known = KnownTerms::default();
        let mut patterns = HashMap::new();
        let definitions = definitions.iter().enumerate();
        let traits = definitions.map(|(place, definition)| Self {
            id: Arc::clone(&definition.id),
            folded: Folded::of(&definition.path),
            methods: Methods(definition.methods.clone()),
            terms: known.number(place, definition),
            pattern: *patterns.entry(definition.path.shape()).or_insert(place),
            ignores_case: definition.ignore_case,
            yields: false,
        });
        traits.collect()
    }

    pub(super) fn comes_before(&self, other: &Self) -> bool {
        self.folded.is_before(&other.folded) && !other.folded.is_before(&self.folded)
    }

    /// Whether a request that goes by this route would break what the other holds callers to.
    fn differs_from(&self, other: &Self) -> bool {
        self.terms != other.terms || self.methods != other.methods
    }
}

/// Terms that were met, by a hash of their callers. Comparing each with each takes too long where
/// there are ten thousand.
#[derive(Default)]
struct KnownTerms<'a>(HashMap<u64, Vec<(usize, &'a RouteDefinition)>>);

impl<'a> KnownTerms<'a> {
    fn number(&mut self, place: usize, definition: &'a RouteDefinition) -> usize {
        let mut hash = DefaultHasher::new();
        format!("{:?}", definition.callers.entries()).hash(&mut hash);
        let alike = self.0.entry(hash.finish()).or_default();
        let mut known = alike.iter();
        let same = known.find(|(_, other)| have_same_terms(definition, other));
        match same {
            Some((number, _)) => *number,
            None => {
                alike.push((place, definition));
                place
            }
        }
    }
}

fn have_same_terms(one: &RouteDefinition, other: &RouteDefinition) -> bool {
    one.callers == other.callers
        && one.token == other.token
        && one.allow_batch == other.allow_batch
        && one.query == other.query
        && one.limits == other.limits
        && one.cors == other.cors
}

/// The routes that the one at `place` yields to: each takes some path of its in another spelling,
/// is not broader, and holds to other terms.
pub(super) fn each_stricter(
    tree: &FoldedTree,
    traits: &[Traits],
    place: usize,
    definition: &RouteDefinition,
    visit: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let own = &traits[place];
    tree.each_meeting(&definition.path, &mut |routes| {
        for &other in routes {
            let stricter = &traits[other];
            let differs = own.differs_from(stricter) || stricter.ignores_case;
            if other != place && differs && !own.folded.is_before(&stricter.folded) {
                visit(other)?;
            }
        }
        ControlFlow::Continue(())
    })
}

/// The routes of the least pattern of those that are found by the folded form, where it is less than
/// `exact`.
pub(super) fn least_fitting<'t>(
    tree: &'t FoldedTree,
    traits: &[Traits],
    path: &str,
    exact: Option<usize>,
) -> Option<&'t [usize]> {
    let mut least = None;
    let mut best = exact;
    let _ = tree.each_fitting(path, &mut |routes| {
        let mut routes_here = routes.iter().copied();
        let folding = routes_here.find(|place| traits[*place].ignores_case);
        if let Some(found) = folding
            && best.is_none_or(|best| traits[found].comes_before(&traits[best]))
        {
            best = Some(found);
            least = Some(routes);
        }
        ControlFlow::Continue(())
    });
    least
}

/// A route on other terms that is not broader than the winner, and that some upstream may take this
/// path for; the winner itself where the path has too many readings.
pub(super) fn stricter(
    tree: &FoldedTree,
    traits: &[Traits],
    path: &str,
    method: &Method,
    winner: usize,
) -> Option<usize> {
    let mut narrower = None;
    let own = &traits[winner];
    let mut visit = |routes: &[usize]| {
        let first = routes.first().copied().unwrap_or(winner);
        if own.folded.is_before(&traits[first].folded) {
            return ControlFlow::Continue(());
        }
        let mut taking = routes
            .iter()
            .filter(|place| traits[**place].methods.take(method))
            .peekable();
        // What would be a 405 must not become another route's.
        let is_kept_back = |place: &&usize| {
            let pattern = traits[**place].pattern;
            let mut same = routes.iter().map(|place| &traits[*place]);
            !same.any(|it| it.pattern == pattern && it.methods.take(method))
        };
        let breaks = match taking.peek() {
            None => Some(first),
            Some(_) => taking
                .find(|place| traits[**place].terms != own.terms)
                .or_else(|| routes.iter().find(is_kept_back))
                .copied(),
        };
        narrower = breaks;
        match breaks {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    };
    let found = tree.each_possible(path, &mut visit);
    let mut others = super::fold::respellings(path, own.ignores_case).into_iter();
    let found = match found {
        ControlFlow::Continue(()) => {
            others.try_for_each(|path| tree.each_possible(&path, &mut visit))
        }
        found => found,
    };
    found.is_break().then(|| narrower.unwrap_or(winner))
}

#[cfg(test)]
#[path = "near_miss_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "near_miss_spellings_tests.rs"]
mod spellings_tests;
