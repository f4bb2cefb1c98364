//! How often may the log say the same? A warning once a second; whatever is alike within that second
//! becomes one more line at its end, which says how many there were.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long nothing alike is written.
const SECOND: Duration = Duration::from_secs(1);
/// Kinds that are told apart at a time; all beyond are taken for one.
const MOST: usize = 1024;

/// Lines of one number are alike.
pub(super) type Alike = u64;

#[derive(Default)]
pub(super) struct Repeats {
    seen: Mutex<HashMap<Alike, Seen>>,
}

struct Seen {
    /// When its second is over.
    until: Instant,
    /// How many were held back.
    held: u64,
    /// The first of them, as it would have been written.
    first: String,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is written, behind these that became due.
    Written(Vec<Again>),
    /// It is written later, if it is given by `hold`: it is the first that is held back.
    Held,
    /// It is counted.
    Counted,
}

/// A line that was held back, and how many alike were, itself included.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) line: String,
    pub(super) times: u64,
}

impl Repeats {
    pub(super) fn fate(&self, alike: Alike, now: Instant) -> Fate {
        let mut seen = self.seen.lock();
        let alike = match seen.len() < MOST || seen.contains_key(&alike) {
            true => alike,
            false => Alike::MAX,
        };
        let until = now + SECOND;
        let new = || Seen {
            until,
            held: 0,
            first: String::new(),
        };
        match seen.get_mut(&alike) {
            Some(known) if now < known.until => {
                known.held += 1;
                match known.held {
                    1 => Fate::Held,
                    _ => Fate::Counted,
                }
            }
            Some(known) => {
                let known = std::mem::replace(known, new());
                Fate::Written(known.again().into_iter().collect())
            }
            None => {
                seen.insert(alike, new());
                Fate::Written(Vec::new())
            }
        }
    }

    /// Keeps the line whose fate was `Held`.
    pub(super) fn hold(&self, alike: Alike, line: String) {
        let mut seen = self.seen.lock();
        let known = match seen.contains_key(&alike) {
            true => seen.get_mut(&alike),
            false => seen.get_mut(&Alike::MAX),
        };
        if let Some(known) = known {
            known.first = line;
        }
    }

    /// What is due, and how long until more may be.
    pub(super) fn due(&self, now: Instant) -> (Vec<Again>, Option<Duration>) {
        let mut seen = self.seen.lock();
        let over: Vec<Seen> = seen
            .extract_if(|_, seen| seen.until <= now)
            .map(|(_, seen)| seen)
            .collect();
        let next = seen.values().map(|seen| seen.until).min();
        let due = over.into_iter().filter_map(Seen::again).collect();
        (due, next.map(|next| next - now))
    }

    /// All that is held back, due or not.
    pub(super) fn all(&self) -> Vec<Again> {
        let seen = std::mem::take(&mut *self.seen.lock());
        seen.into_values().filter_map(Seen::again).collect()
    }
}

impl Seen {
    fn again(self) -> Option<Again> {
        // A line whose writer is still at it comes with the next ones.
        (self.held > 0 && !self.first.is_empty()).then_some(Again {
            line: self.first,
            times: self.held,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(again: Vec<Again>) -> Fate {
        Fate::Written(again)
    }

    #[test]
    fn what_is_alike_is_written_once_a_second_and_then_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(repeats.fate(1, at(0)), written(vec![]));
        assert_eq!(repeats.fate(1, at(1)), Fate::Held);
        repeats.hold(1, "one".to_owned());
        for ms in 2..500 {
            assert_eq!(repeats.fate(1, at(ms)), Fate::Counted);
        }
        assert_eq!(repeats.fate(2, at(500)), written(vec![]), "another kind");
        assert_eq!(
            repeats.due(at(999)),
            (vec![], Some(Duration::from_millis(1)))
        );
        let again = Again {
            line: "one".to_owned(),
            times: 499,
        };
        assert_eq!(
            repeats.due(at(1000)),
            (vec![again], Some(Duration::from_millis(500)))
        );
        assert_eq!(repeats.due(at(2000)), (vec![], None), "nothing is kept");
    }

    #[test]
    fn what_is_due_comes_with_the_next_and_at_the_end() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let again = |times| {
            vec![Again {
                line: "one".to_owned(),
                times,
            }]
        };
        repeats.fate(1, start);
        for _ in 0..3 {
            if repeats.fate(1, start) == Fate::Held {
                repeats.hold(1, "one".to_owned());
            }
        }
        assert_eq!(repeats.fate(1, start + SECOND), written(again(3)));
        repeats.fate(1, start + SECOND);
        repeats.hold(1, "one".to_owned());
        assert_eq!(repeats.all(), again(1));
        assert_eq!(repeats.all(), []);
    }

    #[test]
    fn kinds_are_bounded() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        let most = MOST as u64;
        assert!((0..=most).all(|kind| repeats.fate(kind, now) == written(vec![])));
        assert_eq!(repeats.fate(most + 1, now), Fate::Held);
        repeats.hold(most + 1, "rest".to_owned());
        assert_eq!(repeats.fate(most + 2, now), Fate::Counted);
        assert_eq!(repeats.seen.lock().len(), MOST + 1);
        assert_eq!(repeats.due(now + SECOND).0[0].times, 2);
    }
}
