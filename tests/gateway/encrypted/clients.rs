//! Client certificates: whose are accepted, and that nobody without one gets as far as a request.

use openssl::ssl::SslVersion;

use super::{reached, refused, world};
use crate::support::{Authority, Issued, TlsCaller, Use, World};

struct Bank {
    clients: Authority,
    world: World,
}

async fn bank(more: &str, trusted: impl Fn(&Authority) -> Vec<u8>) -> Bank {
    let clients = Authority::new("clients");
    let own = Authority::new("authority").server(&["gateway.example"]);
    let tls = format!("{{ certificate: own.pem, client_ca: clients.pem{more} }}");
    let files = [("own", own.whole()), ("clients", trusted(&clients))];
    let world = world(&tls, &files).await;
    Bank { clients, world }
}

impl Bank {
    async fn lets_in(&self, caller: &TlsCaller, version: SslVersion) -> bool {
        let address = self.world.gateway.address("apis");
        let answer = caller.clone().only(version).get(address, "/x").await;
        answer.is_ok_and(|text| text.starts_with("HTTP/1.1 200 "))
    }
}

/// Certificates that are no good, and why.
fn impostors(clients: &Authority) -> Vec<(&'static str, Issued)> {
    let others = Authority::new("clients");
    let mut alone = others.client("alone");
    alone.above = vec![others.client("stray").certificate];
    let leaf = clients.client("leaf");
    vec![
        (
            "of another authority with the same name",
            others.client("a"),
        ),
        ("with a stray certificate above it", alone),
        ("ended", clients.issue("b", &[], Use::Client, (-9, -1))),
        (
            "not valid yet",
            clients.issue("c", &[], Use::Client, (1, 9)),
        ),
        (
            "for servers",
            clients.issue("d", &["d.example"], Use::Server, (-1, 9)),
        ),
        ("signed by one that is no authority", {
            let mut below = Authority::new("pretender").client("e");
            below.above = vec![leaf.certificate];
            below
        }),
    ]
}

const BOTH: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_certificate_is_required_only_a_good_one_opens() {
    for more in ["", ", client_certificate: required"] {
        let bank = bank(more, Authority::pem).await;
        let mut refusals = 0.0;
        for version in BOTH {
            assert!(!bank.lets_in(&TlsCaller::default(), version).await);
            refusals += 1.0;
            for (why, impostor) in impostors(&bank.clients) {
                let caller = TlsCaller::showing(&impostor);
                assert!(!bank.lets_in(&caller, version).await, "{why} {version:?}");
                refusals += 1.0;
            }
        }
        assert!(!reached(&bank.world), "nobody was let in");
        crate::support::eventually("all are counted", async || {
            refused(&bank.world.gateway, "client_certificate").await == refusals
        })
        .await;
        assert_eq!(refused(&bank.world.gateway, "tls").await, 0.0);
        let below = bank.clients.below("department");
        for version in BOTH {
            for known in [
                bank.clients.client("direct"),
                bank.clients.issue("unsaid", &[], Use::Unsaid, (-1, 9)),
                below.client("by its department"),
            ] {
                assert!(bank.lets_in(&TlsCaller::showing(&known), version).await);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_one_is_optional_none_will_do_and_a_bad_one_will_not() {
    let bank = bank(", client_certificate: optional", Authority::pem).await;
    for version in BOTH {
        assert!(bank.lets_in(&TlsCaller::default(), version).await);
        let known = bank.clients.client("known");
        assert!(bank.lets_in(&TlsCaller::showing(&known), version).await);
        for (why, impostor) in impostors(&bank.clients) {
            let caller = TlsCaller::showing(&impostor);
            assert!(!bank.lets_in(&caller, version).await, "{why} {version:?}");
        }
    }
}

/// An intermediate is trusted as it stands, and its siblings are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intermediate_is_an_authority_where_the_file_names_it() {
    let root = Authority::new("root");
    let (ours, theirs) = (root.below("ours"), root.below("theirs"));
    let bank = bank("", |_| ours.pem()).await;
    for version in BOTH {
        let known = TlsCaller::showing(&ours.client("known"));
        assert!(bank.lets_in(&known, version).await);
        for stranger in [theirs.client("sibling"), root.client("of the root")] {
            let stranger = TlsCaller::showing(&stranger);
            assert!(!bank.lets_in(&stranger, version).await);
        }
    }
}
