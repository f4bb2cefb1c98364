//! A route's alternatives in file order. Where they are many, those of each key are found by its id:
//! who presents one of a thousand keys is not held against the other 999.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use super::{Credential, Entry};

/// The most that are walked one by one.
const FEW: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    all: Vec<Entry>,
    /// Whether one of them holds to values what the path names.
    limit_parameters: bool,
    places: Option<Box<Places>>,
}

/// Places in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    by_key: HashMap<Arc<str>, Vec<usize>>,
    /// Of what asks for no key.
    others: Vec<usize>,
}

impl From<Vec<Entry>> for Entries {
    fn from(all: Vec<Entry>) -> Self {
        let places = (all.len() > FEW).then(|| Places::of(&all));
        Self::found_by(places, all)
    }
}

impl Places {
    fn of(all: &[Entry]) -> Box<Self> {
        let mut places = Self::default();
        for (place, entry) in all.iter().enumerate() {
            match &entry.credential {
                Some(Credential::ApiKey(key)) => {
                    let id = Arc::clone(&key.id);
                    places.by_key.entry(id).or_default().push(place);
                }
                Some(Credential::Bearer(_)) | None => places.others.push(place),
            }
        }
        Box::new(places)
    }
}

impl Entries {
    /// As if they were many.
    #[cfg(test)]
    pub(super) fn with_places(all: Vec<Entry>) -> Self {
        Self::found_by(Some(Places::of(&all)), all)
    }

    fn found_by(places: Option<Box<Places>>, all: Vec<Entry>) -> Self {
        Self {
            limit_parameters: all.iter().any(|entry| !entry.parameters.0.is_empty()),
            places,
            all,
        }
    }

    /// Whether one of them has a `where`.
    pub fn limit_parameters(&self) -> bool {
        self.limit_parameters
    }

    /// Those that may admit who holds this key, in file order: what asks for another key is left
    /// out where there are many.
    pub(super) fn for_holder_of(&self, key: Option<&Arc<str>>) -> impl Iterator<Item = &Entry> {
        let few = self.places.is_none().then_some(&self.all[..]);
        let (mut own, mut others) = match &self.places {
            Some(places) => {
                let own = key.and_then(|id| places.by_key.get(id));
                (own.map_or(&[][..], Vec::as_slice), &places.others[..])
            }
            None => (&[][..], &[][..]),
        };
        let many = std::iter::from_fn(move || {
            let earlier = match (own.first(), others.first()) {
                (Some(one), Some(other)) if one < other => &mut own,
                (Some(_), None) => &mut own,
                _ => &mut others,
            };
            let (place, rest) = earlier.split_first()?;
            *earlier = rest;
            self.all.get(*place)
        });
        few.into_iter().flatten().chain(many)
    }

    pub(super) fn ask_for_keys(&self) -> bool {
        let is_key = |entry: &Entry| matches!(entry.credential, Some(Credential::ApiKey(_)));
        match &self.places {
            Some(places) => !places.by_key.is_empty(),
            None => self.all.iter().any(is_key),
        }
    }
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.all
    }
}
