use super::*;
use crate::limit::Unit;

fn peer(client: Client) -> Peer {
    Peer {
        address: [10, 0, 0, 1].into(),
        client,
        trusted: false,
        encrypted: false,
    }
}

fn known(address: &str) -> Client {
    Client::Known(address.parse().unwrap())
}

#[test]
fn neighbours_of_an_address_and_whoever_is_not_named_are_one() {
    let same = |one, other| place_of(&peer(one)) == place_of(&peer(other));
    assert!(same(known("192.0.2.1"), known("::ffff:192.0.2.1")));
    assert!(same(known("2001:db8::1"), known("2001:db8::ffff:2")));
    assert!(!same(known("2001:db8::1"), known("2001:db8:0:1::1")));
    assert!(!same(known("192.0.2.1"), known("192.0.2.2")));
    let proxy = Client::Proxy([10, 0, 0, 1].into());
    assert!(same(proxy, Client::Unknown));
    // Who is not named uses up nothing of the proxy's own.
    assert!(!same(proxy, known("10.0.0.1")));
}

#[test]
fn a_429_says_twice_when_to_come_again() {
    let rate = Rate {
        requests: 10,
        unit: Unit::Minute,
        burst: 5,
        shared: false,
    };
    let both = Limit {
        rate: Some(rate),
        concurrent: Some(3),
    };
    let exceeded = |excess| Exceeded {
        counted: Counted::Caller,
        limit: both,
        excess,
    };
    let said = |excess| {
        let fields = fields(&exceeded(excess)).into_iter();
        let lines = fields.map(|(name, value)| format!("{name}: {value}"));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        said(Excess::Rate(Duration::from_millis(5_001))),
        [
            "retry-after: 6",
            r#"ratelimit-policy: "caller";q=5;w=30"#,
            r#"ratelimit: "caller";r=0;t=6"#,
        ]
    );
    assert_eq!(
        said(Excess::Concurrent),
        [
            "retry-after: 1",
            r#"ratelimit-policy: "caller-concurrent";q=3;qu="concurrent-requests""#,
            r#"ratelimit: "caller-concurrent";r=0"#,
        ]
    );
    assert_eq!(
        said(Excess::Rate(Duration::from_nanos(1)))[0],
        "retry-after: 1"
    );
    assert_eq!(
        said(Excess::Rate(Duration::from_secs(2)))[0],
        "retry-after: 2"
    );
}
