//! Tokens of another issuer's in a file: those of a cluster for its pods, above all.

use std::sync::Arc;

use crate::support::{GRAPH, Ran, Setup, TlsOrigin, World, command, eventually, is};
use bearergate::fake::{CertificateAuthority, Contoso, KeyPair, bind, serve};
use openssl::ssl::SslVersion;
use serde_json::json;

use super::{in_an_hour, proof, signed, trust};
use crate::outbound::setup;

const ISSUER: &str = "https://oidc.prod-aks.azure.com/11111111-aaaa-4bbb-8ccc-222222222222/";
const SUBJECT: &str = "system:serviceaccount:mail:gateway";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A pod's token; its cluster's key.
fn pods(cluster: &KeyPair) -> String {
    token(cluster, ISSUER, SUBJECT, AUDIENCE, in_an_hour())
}

fn token(cluster: &KeyPair, issuer: &str, subject: &str, audience: &str, end: u64) -> String {
    let claims = json!({
        "iss": issuer, "sub": subject, "aud": [audience], "exp": end, "nbf": end - 7200, "iat": end - 7200,
        "kubernetes.io": { "namespace": "mail", "serviceaccount": { "name": "gateway" } },
    });
    signed(&claims, cluster)
}

/// An application that trusts the cluster, and an identity that has its token.
fn pod(cluster: &KeyPair, token: &str) -> Setup {
    let setup = setup()
        .file("token", token)
        .identity_with("pod", "$ISSUER", "federated_token: { file: token }")
        .route("pod", "$ECHO", "pod", GRAPH);
    trust(&setup, (ISSUER, SUBJECT, AUDIENCE), cluster);
    setup
}

async fn detail(world: &World, line: usize) -> String {
    let lines = world.gateway.lines(line + 1).await;
    lines[line]["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pods_token_buys_the_applications() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let world = pod(&cluster, &format!("{}\n", pods(&cluster)))
        .start()
        .await;
    assert_eq!(world.gateway.ask("/pod/x").await.status, 200);
    assert_eq!(proof(&world), "client_assertion");
    let claims = crate::outbound::claims(&world.echoed("authorization"));
    assert_eq!(claims["appid"], Contoso::MAIL_CLIENT);
    let ends = "bearergate_credential_expiry_seconds{identity=\"pod\",kind=\"federated_token\",number=\"1\"} ";
    let left = world.gateway.metric(ends).await.unwrap();
    assert!((3500.0..=3600.0).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_read_again_for_each_use() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let setup = pod(&cluster, &pods(&cluster));
    setup.contoso.issuer.misbehave(|it| it.refresh_in = Some(1));
    let world = setup.start().await;
    assert_eq!(world.gateway.ask("/pod/x").await.status, 200);
    let renewed = token(&cluster, ISSUER, SUBJECT, AUDIENCE, in_an_hour() + 60);
    std::fs::write(world.path("token"), &renewed).unwrap();
    eventually("the renewed token is shown", async || {
        world.gateway.ask("/pod/x").await;
        let request = world.contoso.issuer.last_token_request().unwrap();
        request.field("client_assertion") == Some(renewed.as_str())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_to_the_letter_is_refused_and_the_log_has_both_sides() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let stranger = KeyPair::generate("stranger").unwrap();
    let end = in_an_hour();
    let cases = [
        (
            token(
                &cluster,
                &ISSUER[..ISSUER.len() - 1],
                SUBJECT,
                AUDIENCE,
                end,
            ),
            "AADSTS700211",
        ),
        (
            token(
                &cluster,
                ISSUER,
                "system:serviceaccount:mail:other",
                AUDIENCE,
                end,
            ),
            "AADSTS700213",
        ),
        (
            token(&cluster, ISSUER, SUBJECT, "api://other", end),
            "AADSTS700212",
        ),
        (
            token(&cluster, ISSUER, SUBJECT, "api://azureadtokenexchange", end),
            "AADSTS7002138",
        ),
        (
            token(&stranger, ISSUER, SUBJECT, AUDIENCE, end),
            "AADSTS700027",
        ),
    ];
    for (token, code) in cases {
        let world = pod(&cluster, &token).start().await;
        let reply = world.gateway.ask("/pod/x").await;
        assert_eq!(reply.verdict(), is(502, "token_refused"), "{code}");
        let detail = detail(&world, 0).await;
        assert!(detail.contains(code), "{detail}");
        if code != "AADSTS700027" {
            assert!(
                detail.contains("The token's: issuer https://oidc.prod-aks"),
                "{detail}"
            );
            assert!(
                detail.contains("subject system:serviceaccount:mail:"),
                "{detail}"
            );
            assert!(detail.contains("audience api://"), "{detail}");
        }
        assert!(!detail.contains("eyJ"), "{detail}");
        assert_eq!(world.contoso.echo.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_token_or_has_ended_is_sent_to_nobody() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let world = pod(&cluster, &pods(&cluster)).start().await;
    let ended = token(&cluster, ISSUER, SUBJECT, AUDIENCE, in_an_hour() - 3601);
    let cases = [
        (ended, "holds a token that ended at 20"),
        ("root:x:0:0:root".to_owned(), "holds no JWT"),
        (String::new(), "is empty"),
    ];
    for (number, (content, why)) in cases.iter().enumerate() {
        std::fs::write(world.path("token"), pods(&cluster)).unwrap();
        let gateway = world.gateway().await;
        std::fs::write(world.path("token"), content).unwrap();
        let reply = gateway.ask("/pod/x").await;
        assert_eq!(
            reply.verdict(),
            is(503, "credential_unavailable"),
            "{number}"
        );
        assert!(reply.header("retry-after").is_some(), "{number}");
        let line = &gateway.lines(1).await[0];
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains(why) && detail.contains("token"), "{detail}");
        assert!(!detail.contains("root:x"), "{detail}");
    }
    assert_eq!(world.contoso.issuer.token_requests(), 0);
}

/// The cluster's proxy, which its own authority vouches for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity_bindings_ask_the_clusters_proxy_and_nobody_else() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let setup = setup();
    trust(&setup, (ISSUER, SUBJECT, AUDIENCE), &cluster);
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    let issuer = Arc::new(setup.contoso.issuer.clone());
    let proxy = serve(bind(0).unwrap(), Some(&certificate), issuer).unwrap();
    let stranger = CertificateAuthority::generate().unwrap();
    let world = setup
        .file("token", pods(&cluster))
        .file("ca.pem", stranger.certificate_pem().unwrap())
        .fill("PROXY", proxy.base())
        .identity_with(
            "pod",
            "https://login.contoso.example",
            "federated_token: { file: token, proxy: { url: $PROXY, ca_file: ca.pem } }",
        )
        .route("pod", "$ECHO", "pod", GRAPH)
        .start()
        .await;
    assert_eq!(
        world.gateway.ask("/pod/x").await.verdict(),
        is(503, "token_unavailable")
    );
    let detail = detail(&world, 0).await;
    assert!(detail.contains("`proxy.ca_file`"), "{detail}");
    assert_eq!(world.contoso.issuer.token_requests(), 0);

    // The cluster rotates its authority: the file is read again.
    std::fs::write(world.path("ca.pem"), authority.certificate_pem().unwrap()).unwrap();
    eventually("the new authority is trusted", async || {
        world.gateway.ask("/pod/x").await.status == 200
    })
    .await;
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clusters_proxy_is_verified_by_the_name_that_it_is_said_to_have() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let proxy = TlsOrigin::open(&["mail.ests.aks"], SslVersion::TLS1_3);
    for (name, expected) in [
        // It is spoken to, and is no token endpoint.
        ("mail.ests.aks", "no JSON of a token response"),
        ("other.ests.aks", "certificate verify failed"),
    ] {
        let federated = format!(
            "federated_token: {{ file: token, proxy: {{ url: 'https://{}', server_name: {name}, ca_file: ca.pem }} }}",
            proxy.address
        );
        let world = setup()
            .file("token", pods(&cluster))
            .file("ca.pem", &proxy.ca_pem)
            .identity_with("pod", "https://login.contoso.example", &federated)
            .route("pod", "$ECHO", "pod", GRAPH)
            .start()
            .await;
        assert_eq!(
            world.gateway.ask("/pod/x").await.verdict(),
            is(503, "token_unavailable")
        );
        let detail = detail(&world, 0).await;
        assert!(detail.contains(expected), "{name}: {detail}");
    }
}

/// As the webhook of Azure Workload Identity, or the chart, sets a pod's environment.
#[tokio::test]
async fn a_pods_environment_says_all_that_the_file_does_not() {
    let cluster = KeyPair::generate("cluster").unwrap();
    let setup = setup().file("token", pods(&cluster)).put(
        "/identities",
        "pod: { entra: {}, credentials: [federated_token: {}] }",
    );
    let path = setup.written();
    let check = |variables: &[(&str, &str)]| {
        let mut check = command(&["check", &path]);
        for name in [
            "TENANT_ID",
            "CLIENT_ID",
            "FEDERATED_TOKEN_FILE",
            "AUTHORITY_HOST",
        ] {
            check.env_remove(format!("AZURE_{name}"));
        }
        check.envs(variables.iter().copied());
        Ran::of(check.output().unwrap())
    };
    let token = setup.path("token").display().to_string();
    let all = [
        ("AZURE_TENANT_ID", Contoso::MAIL_TENANT),
        ("AZURE_CLIENT_ID", Contoso::MAIL_CLIENT),
        ("AZURE_FEDERATED_TOKEN_FILE", token.as_str()),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
    ];
    check(&all).ends(0);
    for (left_out, key) in [(0, "`tenant`"), (1, "`client_id`"), (2, "`file`")] {
        let mut some = all.to_vec();
        let (name, _) = some.remove(left_out);
        let said = format!("{key} is missing, and the variable {name} is not set");
        check(&some).ends(2).says(&[&said]);
    }
    let mut wrong = all;
    wrong[0].1 = "contoso.example";
    check(&wrong)
        .ends(2)
        .says(&["the variable AZURE_TENANT_ID"]);
    wrong = all;
    wrong[3].1 = "http://login.contoso.example/";
    check(&wrong)
        .ends(2)
        .says(&["the variable AZURE_AUTHORITY_HOST holds no https URL"]);
}
