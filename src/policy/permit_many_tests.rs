//! Entries that are found by their key say what they say when each is walked.

use super::*;

fn away(mut entry: Entry) -> Entry {
    entry.network = Some(Networks::of(vec!["192.0.2.0/24".parse().unwrap()]));
    entry
}

#[test]
fn entries_that_are_found_say_what_entries_that_are_walked_say() {
    let kinds = [
        bearer(|_| ()),
        bearer(|conditions| conditions.audiences.clear()),
        key("k"),
        key("other"),
        away(key("k")),
        network(),
        away(entry(None)),
    ];
    let evidences = [INSIDE, OUTSIDE].into_iter().flat_map(|address| {
        [
            nothing(address),
            with_key(address, "k"),
            with_key(address, "unknown"),
            with_token(address, |_| ()),
            and_key(with_token(address, |_| ()), "k"),
            and_key(with_token(address, no_roles), "other"),
        ]
    });
    for evidence in evidences {
        for places in 0..kinds.len().pow(3) {
            let kind = |power| kinds[places / kinds.len().pow(power) % kinds.len()].clone();
            let _ = ask(&[kind(0), kind(1), kind(2)], &evidence);
        }
    }
}

#[test]
fn one_of_a_thousand_keys_comes_in_by_its_own_entry() {
    let entries: Vec<_> = (0..1000).map(|number| key(&format!("k{number}"))).collect();
    for id in ["k0", "k499", "k999"] {
        let admitted = ask(&entries, &with_key(OUTSIDE, id));
        assert_eq!(admitted, Ok(format!("key:{id}")));
    }
    let unknown = ask(&entries, &with_key(OUTSIDE, "k1000"));
    assert_eq!(unknown, Err((Reason::BadKey, None)));
}
