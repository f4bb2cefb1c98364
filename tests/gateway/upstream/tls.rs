//! What an `https` upstream must prove: a certificate by an authority that the route trusts, for
//! the url's own name or address, over TLS 1.2 or newer. Whatever one route has verified is worth
//! nothing to another.

use std::sync::Arc;

use crate::support::{Gateway, Setup, TlsOrigin};
use bearergate::fake::{CertificateAuthority, Echo, Running, bind, serve};
use openssl::ssl::SslVersion;

/// An API over TLS for `127.0.0.1`, `::1` and `localhost`, and the authority behind it.
fn api() -> (Running, CertificateAuthority) {
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    let running = serve(bind(0).unwrap(), Some(&certificate), Arc::new(Echo::new())).unwrap();
    (running, authority)
}

/// A gateway with a public route `/id` for each (id, url, CA's PEM).
async fn gateway(routes: &[(&str, String, &[u8])]) -> Gateway {
    let setup = routes
        .iter()
        .fold(Setup::of("tls.yaml"), |setup, (id, url, ca_pem)| {
            let route = format!(
                "{{ id: {id}, listener: apis, match: {{ path: /{id} }}, callers: public, \
             upstream: {{ url: {url}, ca_file: {id}.pem }} }}"
            );
            setup
                .file(&format!("{id}.pem"), ca_pem)
                .put("/routes", &route)
        });
    setup.gateway().await
}

/// What this route answers, and the reason and detail in its access line.
async fn outcome(gateway: &Gateway, id: &str, lines: usize) -> (u16, String, String) {
    let reply = gateway.get("apis", &format!("/{id}"), &[]).await;
    let line = gateway.lines(lines).await.pop().unwrap();
    let detail = line["detail"].as_str().unwrap_or_default().to_owned();
    (reply.status, reply.reason(), detail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_verified_for_a_name_and_for_an_address() {
    let (api, authority) = api();
    let ca_pem = authority.certificate_pem().unwrap();
    let port = api.address().port();
    let gateway = gateway(&[
        ("name", format!("https://localhost:{port}"), &ca_pem),
        ("address", format!("https://127.0.0.1:{port}"), &ca_pem),
    ])
    .await;
    for (lines, id) in ["name", "address", "name", "address"]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            outcome(&gateway, id, lines + 1).await,
            (200, String::new(), String::new()),
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_name_or_address_is_refused() {
    let other = TlsOrigin::open(&["other.example"], SslVersion::TLS1_3);
    // A name that reads like the address is no address.
    let posing = TlsOrigin::open(&["127.0.0.1"], SslVersion::TLS1_3);
    let gateway = gateway(&[
        (
            "name",
            format!("https://localhost:{}", other.address.port()),
            &other.ca_pem,
        ),
        (
            "address",
            format!("https://{}", other.address),
            &other.ca_pem,
        ),
        (
            "posing",
            format!("https://{}", posing.address),
            &posing.ca_pem,
        ),
    ])
    .await;
    let rows = [
        ("name", "another host"),
        ("address", "does not name the address"),
        ("posing", "does not name the address"),
    ];
    for (lines, (id, told)) in rows.into_iter().enumerate() {
        let (status, reason, detail) = outcome(&gateway, id, lines + 1).await;
        assert_eq!(
            (status, reason.as_str()),
            (502, "upstream_unreachable"),
            "{id}: {detail}"
        );
        assert!(detail.contains(told), "{id}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_is_not_trusted_is_named_in_the_log() {
    let (api, _) = api();
    let stranger = CertificateAuthority::generate()
        .unwrap()
        .certificate_pem()
        .unwrap();
    let gateway = gateway(&[("calc", api.base(), &stranger)]).await;
    let (status, reason, detail) = outcome(&gateway, "calc", 1).await;
    assert_eq!((status, reason.as_str()), (502, "upstream_unreachable"));
    assert!(detail.contains("certificate verify failed"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_older_than_1_2_is_refused() {
    for (newest, status) in [
        (SslVersion::TLS1_2, 200),
        (SslVersion::TLS1_1, 502),
        (SslVersion::TLS1, 502),
    ] {
        let origin = TlsOrigin::open(&["localhost"], newest);
        let url = format!("https://localhost:{}", origin.address.port());
        let gateway = gateway(&[("old", url, &origin.ca_pem)]).await;
        let (got, _, detail) = outcome(&gateway, "old", 1).await;
        assert_eq!(got, status, "{newest:?}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_route_has_verified_is_worth_nothing_to_a_route_that_trusts_another_authority() {
    let (api, authority) = api();
    let trusted = authority.certificate_pem().unwrap();
    let stranger = CertificateAuthority::generate()
        .unwrap()
        .certificate_pem()
        .unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}", api.address().port());
        let gateway = gateway(&[("right", url.clone(), &trusted), ("wrong", url, &stranger)]).await;
        for round in 0..3 {
            assert_eq!(outcome(&gateway, "right", round * 2 + 1).await.0, 200);
            let (status, reason, _) = outcome(&gateway, "wrong", round * 2 + 2).await;
            assert_eq!((status, reason.as_str()), (502, "upstream_unreachable"));
        }
    }
}
