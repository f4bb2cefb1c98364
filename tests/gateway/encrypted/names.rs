//! Which certificate is shown? That of the name that was asked for.

use openssl::ssl::SslVersion;

use super::world;
use crate::support::{Authority, TlsCaller};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_gets_the_certificate_of_the_name_it_asks_for() {
    let authority = Authority::new("authority");
    let first = authority.server(&["first.example", "also-first.example"]);
    let second = authority.server(&["second.example", "*.shops.example"]);
    let third = authority.server(&["one.shops.example", "*.example"]);
    let tls = "[{ certificate: a.pem }, { certificate: b.pem }, { certificate: c.pem }]";
    let files = [
        ("a", first.whole()),
        ("b", second.whole()),
        ("c", third.whole()),
    ];
    let world = world(tls, &files).await;
    let address = world.gateway.address("apis");
    for (asked, shown) in [
        (Some("first.example"), "first.example"),
        (Some("also-first.example"), "first.example"),
        (Some("second.example"), "second.example"),
        (Some("SECOND.Example"), "second.example"),
        // By a wildcard for exactly one label, and not before the name itself.
        (Some("two.shops.example"), "second.example"),
        (Some("one.shops.example"), "one.shops.example"),
        (Some("other.example"), "one.shops.example"),
        (Some("a.two.shops.example"), "first.example"),
        (Some("shops.example"), "one.shops.example"),
        // By no name, or by nobody's.
        (Some("nobody.test"), "first.example"),
        (Some("example"), "first.example"),
        (Some("*.shops.example"), "second.example"),
        (None, "first.example"),
    ] {
        for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
            let caller = TlsCaller {
                name: asked,
                ..TlsCaller::default()
            };
            let caller = caller.only(version);
            assert_eq!(
                caller.is_shown(address).await,
                shown,
                "{asked:?} {version:?}"
            );
            let answer = caller.get(address, "/x").await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
}

/// Protocols and client certificates are the listener's, whichever certificate is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_leads_past_what_is_asked_of_clients() {
    let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
    let first = authority.server(&["first.example"]);
    let second = authority.server(&["second.example"]);
    let tls =
        "[{ certificate: a.pem, client_ca: clients.pem, minimum: 1.3 }, { certificate: b.pem }]";
    let files = [
        ("a", first.whole()),
        ("b", second.whole()),
        ("clients", clients.pem()),
    ];
    let world = world(tls, &files).await;
    let address = world.gateway.address("apis");
    let known = clients.client("known");
    for name in ["first.example", "second.example", "third.example"] {
        let caller = TlsCaller::called(name);
        assert!(caller.get(address, "/x").await.is_err(), "{name}");
        let caller = TlsCaller {
            protocols: b"\x08http/1.1",
            name: Some(name),
            ..TlsCaller::showing(&known)
        };
        assert!(caller.get(address, "/x").await.is_ok(), "{name}");
        let old = caller.clone().only(SslVersion::TLS1_2);
        assert!(old.get(address, "/x").await.is_err(), "{name}");
        let mute = TlsCaller {
            protocols: b"\x02h9",
            ..caller
        };
        assert!(mute.connect(address).await.is_err(), "{name}");
    }
}
