//! How is the rule for a received name found? By its length and last bytes among whole names, by its
//! first bytes among families: an ordinary header meets a candidate or two, and nothing is hashed.

use http::HeaderName;

use super::Removal::{self, Misspelled, Never, UnlessKept, Unlisted};
use super::are_one;
use super::spelling::{begins, fold};
use super::table::{FAMILIES, NAMES, rows};

/// The rules that differ from that for all other names.
#[derive(Debug)]
pub struct NameRules {
    by_length: Vec<Vec<Whole>>,
    families: [Vec<Family>; BUCKETS],
}

#[derive(Debug)]
struct Whole {
    last: Last,
    name: Box<str>,
    removal: Removal,
}

#[derive(Debug)]
struct Family {
    start: &'static str,
    removal: Removal,
}

/// The last bytes of a name, folded: they tell most names of one length apart in one comparison.
type Last = u32;

/// Families are told apart by their first three bytes; a power of two.
const BUCKETS: usize = 64;

impl NameRules {
    /// Those known to everyone, and those that routes tell their upstreams of the caller.
    pub fn with<'a>(told: impl Iterator<Item = &'a HeaderName>) -> Self {
        let mut rules = Self {
            by_length: Vec::new(),
            families: [const { Vec::new() }; BUCKETS],
        };
        // SECURITY: what is told of a caller, and goes on otherwise, is known by this first.
        for name in told {
            rules.add(name.as_str(), UnlessKept);
        }
        for (name, _, removal) in rows(NAMES) {
            rules.add(name, removal);
        }
        for (start, _, removal) in rows(FAMILIES) {
            if let Some(bucket) = bucket_of(start) {
                rules.families[bucket].push(Family { start, removal });
            }
        }
        rules
    }

    /// The stricter of two rules for one name stays.
    fn add(&mut self, name: &str, removal: Removal) {
        let last = last_of(name);
        if self.by_length.len() <= name.len() {
            self.by_length.resize_with(name.len() + 1, Vec::new);
        }
        let same_length = &mut self.by_length[name.len()];
        let known = same_length.iter_mut().find(|it| are_one(&it.name, name));
        match known {
            Some(known) => known.removal = known.removal.max(removal),
            None => same_length.push(Whole {
                last,
                name: name.into(),
                removal,
            }),
        }
    }

    /// The rule for a field's name, whatever its spelling. What may go on everywhere may do so in
    /// its own spelling only.
    pub fn removal(&self, name: &HeaderName) -> Removal {
        let name = name.as_str();
        if let Some(same_length) = self.by_length.get(name.len()) {
            let last = last_of(name);
            let mut candidates = same_length.iter().filter(|it| it.last == last);
            match candidates.find(|it| are_one(&it.name, name)) {
                Some(it) if *it.name == *name => return it.removal.as_written(),
                Some(it) if it.removal != Never => return it.removal,
                _ => {}
            }
        }
        let Some(bucket) = bucket_of(name) else {
            return Unlisted;
        };
        let mut families = self.families[bucket].iter();
        let family = families.find(|family| match family.removal {
            Never => name.starts_with(family.start),
            _ => begins(name, family.start),
        });
        family.map_or(Unlisted, |family| family.removal)
    }
}

impl Removal {
    fn as_written(self) -> Self {
        match self {
            Misspelled => Never,
            other => other,
        }
    }
}

fn last_of(name: &str) -> Last {
    let last = name.bytes().rev().take(4);
    last.fold(0, |last, byte| last << 8 | Last::from(fold(byte)))
}

fn bucket_of(name: &str) -> Option<usize> {
    let first: &[u8; 3] = name.as_bytes().first_chunk()?;
    let [one, two, three] = first.map(|byte| usize::from(fold(byte)));
    Some((one * 5 + two * 3 + three) % BUCKETS)
}
