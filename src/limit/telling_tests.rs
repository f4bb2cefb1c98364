use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Counted, Limit, Rate, Unit};
use super::*;

/// In milliseconds, and so is every time here.
const PAUSE: u64 = 50;

fn limit(requests: u32, burst: u32) -> Limit {
    Limit {
        rate: Some(Rate {
            requests,
            unit: Unit::Second,
            burst,
            shared: true,
        }),
        concurrent: None,
    }
}

/// Replicas, and between them what Redis does: each bucket is a time at which it is full again.
struct World {
    began: Instant,
    limit: Limit,
    replicas: Vec<Replica>,
    full_at: HashMap<[u8; 32], u64>,
}

struct Replica {
    buckets: Arc<Buckets>,
    next: u64,
    asked: Option<Asked>,
}

struct Asked {
    at: u64,
    answered_at: u64,
    answer: Vec<(Spending, Duration)>,
}

impl World {
    fn of(count: usize, limit: Limit) -> Self {
        let began = Instant::now();
        let replica = |_| Replica {
            buckets: Buckets::new(began),
            next: 0,
            asked: None,
        };
        Self {
            began,
            limit,
            replicas: (0..count).map(replica).collect(),
            full_at: HashMap::new(),
        }
    }

    fn at(&self, now: u64) -> Instant {
        self.began + Duration::from_millis(now)
    }

    fn ask(&self, replica: usize, now: u64) -> bool {
        let buckets = &self.replicas[replica].buckets;
        let who = (Counted::Caller, "payroll");
        buckets.take("r", who, &self.limit, self.at(now)).is_ok()
    }

    /// Tells and learns what is due; an answer takes so long.
    fn exchange(&mut self, now: u64, takes: u64) {
        let (began, full_at) = (self.began, &mut self.full_at);
        for replica in &mut self.replicas {
            if let Some(known) = replica.asked.take_if(|it| it.answered_at <= now) {
                let asked = began + Duration::from_millis(known.at);
                for (spending, owed) in known.answer {
                    replica.buckets.learn(&spending, owed, asked);
                }
            }
            if replica.asked.is_none() && replica.next <= now {
                let spendings = replica.buckets.spendings().into_iter();
                let put_off = spendings.map(|it| {
                    let then = full_at.entry(it.who).or_default();
                    let left = then.saturating_sub(now) + it.spent.as_millis() as u64;
                    *then = now + left.min(it.most.as_millis() as u64);
                    let owed = Duration::from_millis(*then - now);
                    (it, owed)
                });
                replica.asked = Some(Asked {
                    at: now,
                    answered_at: now + takes,
                    answer: put_off.collect(),
                });
                replica.next = now + PAUSE;
            }
        }
    }
}

/// In any time, so many replicas let through at most: the rate, a burst each, and what the rate lets through in
/// the time that each may not know of the others, and in that by which what is learned counts late.
fn bound(count: u64, rate: u64, burst: u64, time: u64, takes: u64) -> u64 {
    // What is spent while a telling is under way waits for the next.
    let unknown = PAUSE.max(takes) + takes;
    let late = LATE / 1_000_000 + (count - 1) * unknown;
    (time + late) * rate / 1000 + count * burst + 1
}

#[test]
fn a_flood_over_replicas_gets_the_rate_in_the_long_run_and_no_less() {
    for (count, rate, burst, takes) in [
        (3, 100, 20, 1),
        (3, 1000, 1, 1),
        (8, 200, 200, 20),
        (2, 20, 5, 400),
    ] {
        let mut world = World::of(count, limit(rate, burst));
        let mut passed = 0;
        for now in 0..20_000 {
            world.exchange(now, takes);
            let asked = (0..count * 2).filter(|it| world.ask(it % count, now));
            passed += asked.count() as u64;
            let most = bound(count as u64, rate.into(), burst.into(), now, takes);
            assert!(
                passed <= most,
                "{count} {rate}/s {now} ms: {passed} of {most}"
            );
        }
        let least = 20 * u64::from(rate) * 95 / 100;
        assert!(passed >= least, "{count} {rate}/s: {passed} of {least}");
    }
}

#[test]
fn who_keeps_to_the_rate_is_not_refused_whichever_replica_is_asked() {
    for (count, gap) in [(1, 10), (3, 10), (3, 11), (5, 20)] {
        let rate = 1000 / gap;
        let mut world = World::of(count, limit(u32::try_from(rate).unwrap(), 1));
        let mut asked = 0;
        for now in 0..20_000 {
            world.exchange(now, 2);
            if now % (gap + 1) == 0 {
                asked += 1;
                assert!(world.ask(asked % count, now), "{count} {gap} {now}");
            }
        }
    }
}

#[test]
fn what_is_known_stays_known_whatever_is_said() {
    let world = World::of(1, limit(1, 5));
    assert_eq!((0..9).filter(|_| world.ask(0, 0)).count(), 5);
    let buckets = Arc::clone(&world.replicas[0].buckets);
    let spendings = buckets.spendings();
    assert_eq!(spendings[0].spent, Duration::from_secs(5));
    buckets.learn(&spendings[0], Duration::ZERO, world.at(0));
    assert!(!world.ask(0, 10));
    // Nor is anybody locked out by what cannot be.
    buckets.learn(&spendings[0], Duration::MAX, world.at(10));
    assert!(!world.ask(0, 15 * 5_000));
    assert!(world.ask(0, 16 * 5_000));
}

#[test]
fn whoever_tells_is_woken_once_for_all_that_is_to_be_told() {
    let world = World::of(1, limit(10, 100));
    let buckets = &world.replicas[0].buckets;
    let woken = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&woken);
    buckets.wake_by(move || {
        counts.fetch_add(1, Ordering::Relaxed);
    });
    for round in 1..=3 {
        assert!((0..5).all(|_| world.ask(0, 0)));
        assert_eq!(woken.load(Ordering::Relaxed), round);
        assert_eq!(buckets.spendings().len(), 1);
    }
    assert!(buckets.spendings().is_empty());
    // A limit that is not shared wakes nobody.
    let mut own = world.limit;
    own.rate = own.rate.map(|rate| Rate {
        shared: false,
        ..rate
    });
    let who = (Counted::Caller, "payroll");
    assert!(buckets.take("r", who, &own, world.at(0)).is_ok());
    assert_eq!(woken.load(Ordering::Relaxed), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_more_than_the_bound_whoever_asks_whom_and_when(
        count in 1_usize..5,
        rate in 1_u32..300,
        burst in 1_u32..50,
        takes in 0_u64..100,
        asks in proptest::collection::vec((0_usize..5, 0_u64..40, 1_usize..30), 1..200),
    ) {
        let mut world = World::of(count, limit(rate, burst));
        let (mut now, mut passed) = (0, 0);
        for (replica, gap, often) in asks {
            for _ in 0..gap {
                now += 1;
                world.exchange(now, takes);
            }
            let through = (0..often).filter(|_| world.ask(replica % count, now));
            passed += through.count() as u64;
            let most = bound(count as u64, rate.into(), burst.into(), now, takes);
            prop_assert!(passed <= most, "{} of {}", passed, most);
        }
    }
}
