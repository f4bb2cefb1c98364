use std::time::Duration;

use super::super::Unit;
use super::*;

fn rate(requests: u32, unit: Unit, burst: u32) -> Limit {
    Limit {
        rate: Some(Rate {
            requests,
            unit,
            burst,
            shared: false,
        }),
        concurrent: None,
    }
}

fn concurrent(most: u32) -> Limit {
    Limit {
        rate: None,
        concurrent: Some(most),
    }
}

/// How many of so many pass at that moment; each ends at once.
fn passed(
    buckets: &Arc<Buckets>,
    who: impl Hash + Copy,
    limit: &Limit,
    many: usize,
    now: Instant,
) -> usize {
    let take = |_: &usize| {
        buckets
            .take("r", (Counted::Caller, who), limit, now)
            .is_ok()
    };
    (0..many).filter(take).count()
}

#[test]
fn each_is_counted_for_itself() {
    let now = Instant::now();
    let buckets = Buckets::new(now);
    let limit = rate(1, Unit::Hour, 3);
    assert_eq!(passed(&buckets, 1, &limit, 9, now), 3);
    assert_eq!(passed(&buckets, 2, &limit, 9, now), 3);
    assert_eq!(passed(&buckets, 1, &limit, 9, now), 0);
    // On another route, as something else that is counted, and by another limit.
    let one = (Counted::Caller, 1);
    assert!(buckets.take("s", one, &limit, now).is_ok());
    assert!(
        buckets
            .take("r", (Counted::Address, 1), &limit, now)
            .is_ok()
    );
    assert!(buckets.take("r", one, &rate(1, Unit::Hour, 4), now).is_ok());
    let excess = buckets.take("r", one, &limit, now).err().unwrap();
    assert_eq!(
        excess.to_string(),
        "the route's limit for a caller is 1/h, 3 at once; one more in 1h"
    );
    assert_eq!(excess.retry_after(), Duration::from_secs(3600));
}

#[test]
fn what_is_taken_is_held_until_it_is_dropped_and_then_nothing_is_kept() {
    let now = Instant::now();
    let buckets = Buckets::new(now);
    let limit = concurrent(2);
    let take = || buckets.take("r", (Counted::Route, ()), &limit, now);
    let (first, _second) = (take().unwrap(), take().unwrap());
    let excess = take().err().unwrap();
    assert_eq!(excess.to_string(), "the route's limit is 2 at a time");
    assert_eq!(excess.retry_after(), Duration::from_secs(1));
    drop(first);
    let third = take().unwrap();
    assert_eq!(buckets.sample().kept, 1);
    drop((third, _second));
    assert_eq!(buckets.sample().kept, 0);
}

#[test]
fn however_many_come_the_table_does_not_grow_and_who_is_at_its_limit_stays() {
    let now = Instant::now();
    let buckets = Buckets::with_room_for(64 * 16, now);
    let limit = rate(1, Unit::Hour, 10);
    let exhausted: Vec<_> = (0..100)
        .map(|number| format!("exhausted {number}"))
        .collect();
    for who in &exhausted {
        assert_eq!(passed(&buckets, who.as_str(), &limit, 10, now), 10);
    }
    for stranger in 0..100_000_u64 {
        assert_eq!(passed(&buckets, stranger, &limit, 1, now), 1);
        assert!(buckets.sample().kept <= 64 * 16 || stranger % 1000 != 0);
    }
    let sample = buckets.sample();
    assert!(sample.kept <= 64 * 16, "{sample:?}");
    assert!(sample.forgotten > 90_000, "{sample:?}");
    let through = exhausted.iter();
    let through = through.filter(|who| passed(&buckets, who.as_str(), &limit, 1, now) > 0);
    assert_eq!(
        through.count(),
        0,
        "strangers pushed out who was at its limit"
    );
}

#[test]
fn who_is_full_again_makes_room_without_being_forgotten() {
    let now = Instant::now();
    let buckets = Buckets::with_room_for(64 * 4, now);
    let limit = rate(1, Unit::Second, 1);
    let mut later = now;
    for round in 0..50_u64 {
        for stranger in 0..100_u64 {
            assert_eq!(passed(&buckets, (round, stranger), &limit, 1, later), 1);
        }
        later += Duration::from_secs(2);
    }
    let sample = buckets.sample();
    assert!(sample.kept <= 64 * 4, "{sample:?}");
    // Where chance puts more than four in one place, some are: about two in a round of a hundred.
    assert!(sample.forgotten < 500, "{sample:?}");
}

#[test]
fn who_has_a_request_under_way_is_never_forgotten() {
    let now = Instant::now();
    let buckets = Buckets::with_room_for(64 * 4, now);
    let limit = concurrent(1);
    let take = |who: u64| buckets.take("r", (Counted::Caller, who), &limit, now);
    let mut held = Vec::new();
    let mut refused = 0;
    for who in 0..10_000 {
        match take(who) {
            Ok(taken) => held.push((who, taken)),
            // No room for one more: refused, and not let in uncounted.
            Err(_) => refused += 1,
        }
    }
    assert_eq!(held.len(), 64 * 4);
    assert_eq!(refused, 10_000 - 64 * 4);
    for (who, _) in &held {
        assert!(take(*who).is_err(), "{who}");
    }
    held.clear();
    assert_eq!(buckets.sample(), BucketsSample::default());
    assert!(take(1).is_ok());
}

#[test]
fn a_clock_that_was_read_before_the_start_is_no_trouble() {
    let now = Instant::now();
    let buckets = Buckets::new(now + Duration::from_secs(60));
    assert_eq!(passed(&buckets, 1, &rate(1, Unit::Hour, 3), 9, now), 3);
}

#[test]
fn many_threads_count_as_one_would() {
    let now = Instant::now();
    let buckets = Buckets::new(now);
    let limit = rate(1, Unit::Hour, 500);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let buckets = Arc::clone(&buckets);
            std::thread::spawn(move || passed(&buckets, 1, &limit, 1000, now))
        })
        .collect();
    let passed = threads.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(passed.sum::<usize>(), 500);
}
