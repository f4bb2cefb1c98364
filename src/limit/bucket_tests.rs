use proptest::prelude::*;

use super::super::Unit;
use super::*;

const SECOND: u64 = 1_000_000_000;

fn limit(requests: u32, burst: u32, concurrent: Option<u32>) -> Limit {
    Limit {
        rate: Some(Rate {
            requests,
            unit: Unit::Second,
            burst,
            shared: false,
        }),
        concurrent,
    }
}

/// How many requests pass, one at each of these moments; each ends at once.
fn passed(bucket: &mut Bucket, limit: &Limit, moments: impl Iterator<Item = u64>) -> usize {
    let mut passes = |now| {
        let passes = bucket.take(limit, now).is_ok();
        if passes {
            bucket.release();
        }
        passes
    };
    moments.filter(|now| passes(*now)).count()
}

#[test]
fn a_burst_passes_and_then_the_rate() {
    let (mut bucket, limit) = (Bucket::default(), limit(10, 20, None));
    assert_eq!(passed(&mut bucket, &limit, (0..100).map(|_| 0)), 20);
    // A tenth of a second has one more.
    assert_eq!(passed(&mut bucket, &limit, (0..5).map(|_| SECOND / 10)), 1);
    let tenths = (2..102).map(|tenth| tenth * SECOND / 10);
    assert_eq!(passed(&mut bucket, &limit, tenths), 100);
    // Rest fills it, and no further.
    assert_eq!(
        passed(&mut bucket, &limit, (0..100).map(|_| 3600 * SECOND)),
        20
    );
}

#[test]
fn whoever_is_too_fast_is_told_until_when() {
    let (mut bucket, limit) = (Bucket::default(), limit(10, 2, None));
    let left = bucket.take(&limit, 0).unwrap().unwrap();
    assert_eq!(
        (left.requests, left.full_in),
        (1, Duration::from_millis(100))
    );
    let left = bucket.take(&limit, 0).unwrap().unwrap();
    assert_eq!(
        (left.requests, left.full_in),
        (0, Duration::from_millis(200))
    );
    let wait = Err(Excess::Rate(Duration::from_millis(100)));
    assert_eq!(bucket.take(&limit, 0), wait);
    // Being refused does not make it longer.
    assert_eq!(bucket.take(&limit, 0), wait);
    let wait = Err(Excess::Rate(Duration::from_nanos(1)));
    assert_eq!(bucket.take(&limit, SECOND / 10 - 1), wait);
    assert!(bucket.take(&limit, SECOND / 10).is_ok());
}

#[test]
fn so_many_at_a_time_and_no_more() {
    let mut bucket = Bucket::default();
    let limit = Limit {
        rate: None,
        concurrent: Some(2),
    };
    assert_eq!(bucket.take(&limit, 0), Ok(None));
    assert_eq!(bucket.take(&limit, 0), Ok(None));
    assert_eq!(bucket.take(&limit, 0), Err(Excess::Concurrent));
    bucket.release();
    assert_eq!(bucket.take(&limit, 0), Ok(None));
    bucket.release();
    bucket.release();
    assert!(bucket.is_blank());
    bucket.release();
    assert!(bucket.is_blank());
}

#[test]
fn what_is_too_many_at_a_time_does_not_use_up_the_rate() {
    let (mut bucket, limit) = (Bucket::default(), limit(1, 2, Some(1)));
    assert!(bucket.take(&limit, 0).is_ok());
    for _ in 0..10 {
        assert_eq!(bucket.take(&limit, 0), Err(Excess::Concurrent));
    }
    bucket.release();
    assert!(bucket.take(&limit, 0).is_ok());
}

#[test]
fn who_is_nearest_to_its_limit_has_used_most() {
    let (mut once, mut often) = (Bucket::default(), Bucket::default());
    let (fast, slow) = (limit(1000, 10, None), limit(1, 10, None));
    assert_eq!(passed(&mut often, &fast, (0..10).map(|_| 0)), 10);
    assert_eq!(passed(&mut once, &slow, std::iter::once(0)), 1);
    // Though it will be full sooner by far.
    assert!(often.used(0) > once.used(0));
    assert_eq!(often.used(SECOND), 0);
    assert!(!often.says_something(SECOND));
}

proptest! {
    #[test]
    fn never_more_than_the_burst_and_the_rate_allow(
        requests in 1_u32..50,
        burst in 1_u32..20,
        gaps in proptest::collection::vec(0_u64..200_000_000, 1..300),
    ) {
        let (mut bucket, limit) = (Bucket::default(), limit(requests, burst, None));
        let mut now = 0;
        let mut passed = 0_u64;
        for gap in gaps {
            now += gap;
            passed += u64::from(bucket.take(&limit, now).is_ok());
            let interval = SECOND / u64::from(requests);
            prop_assert!(passed <= u64::from(burst) + now / interval);
        }
    }
}
