//! Two issuers beside each other: whose word counts for what, and whose trouble is whose.

use crate::support::{eventually, is};

use super::{API, Both, OTHER_API, TENANT, bearer, fabrikam, setup, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_issuer_of_a_route_vouches_for_its_own_only() {
    let world = world().await;
    let (ours, theirs) = (
        world.contoso.issuer.signing_key(),
        world.fabrikam.issuer.signing_key(),
    );
    let kid = theirs.kid().to_owned();
    #[rustfmt::skip]
    let rows = [
        ("contoso's", world.token().role("First"), is(200, "")),
        ("fabrikam's", world.foreign().role("First"), is(200, "")),
        ("fabrikam's for contoso's entry", world.foreign().audience(API).role("First"), is(401, "wrong_audience")),
        ("contoso's for fabrikam's entry", world.token().audience(OTHER_API).role("First"), is(401, "wrong_audience")),
        ("fabrikam's by contoso's key", world.foreign().signed_by(&ours).role("First"), is(401, "unknown_key")),
        ("and under its kid", world.foreign().signed_by(&ours).kid(&kid).role("First"), is(401, "bad_signature")),
        ("contoso's by fabrikam's key", world.token().signed_by(&theirs).role("First"), is(401, "unknown_key")),
        ("tid of the other", world.foreign().claim("tid", TENANT).role("First"), is(401, "wrong_tenant")),
    ];
    for (what, token, expected) in rows {
        let token = token.mint();
        for _ in 0..2 {
            assert_eq!(world.present("/both", &token).await, expected, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_versions_that_are_named_are_accepted() {
    let world = world().await;
    let v2 = world.token().role("First").mint();
    let v1 = world.token().v1().role("First").mint();
    // Keys name v2's issuer, whichever version they sign.
    for (target, token, expected) in [
        ("/modern", &v2, is(200, "")),
        ("/modern", &v1, is(401, "unknown_issuer")),
        ("/classic", &v1, is(200, "")),
        ("/classic", &v2, is(401, "unknown_issuer")),
        ("/first", &v1, is(200, "")),
        ("/first", &v2, is(200, "")),
    ] {
        assert_eq!(world.present(target, token).await, expected, "{target}");
    }
    // Each was asked by both protocols.
    let lines = world.gateway.lines(12).await;
    let told = lines[2]["detail"].as_str().unwrap();
    assert!(told.contains("`issuers.*.entra.versions`"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_issuer_is_asked_does_not_depend_on_what_is_cached() {
    let world = world().await;
    let token = world
        .fabrikam
        .issuer
        .token(TENANT)
        .audience(API)
        .role("First")
        .mint();
    assert_eq!(
        world.present("/twins", &token).await,
        is(401, "unknown_key")
    );
    assert_eq!(world.present("/twin", &token).await, is(200, ""));
    assert_eq!(
        world.present("/twins", &token).await,
        is(401, "unknown_key")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_at_one_issuer_is_not_felt_at_the_other() {
    let world = world().await;
    let before = [&world.contoso, &world.fabrikam].map(|one| one.issuer.key_fetches());
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let token = world.foreign().kid(&format!("flood-{number}")).mint();
            let request = format!(
                "GET /both HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
                bearer(&token)
            );
            world.gateway.apart("apis", request)
        })
        .collect();
    let good = world.token().role("First").mint();
    assert_eq!(world.present("/both", &good).await, is(200, ""));
    for caller in flood {
        let (status, reason) = caller.await.unwrap().unwrap().verdict();
        let told = [(401, "unknown_key"), (503, "keys_unavailable")];
        assert!(told.contains(&(status, &reason)), "{status} {reason}");
    }
    let after = [&world.contoso, &world.fabrikam].map(|one| one.issuer.key_fetches());
    assert_eq!(after[0], before[0]);
    // `twin` asks at the same door, but nobody asked `twin`.
    assert!(after[1] <= before[1] + 1, "{before:?} {after:?}");
    let known = world.foreign().role("First").mint();
    assert_eq!(
        world.present("/both", &known).await,
        is(200, ""),
        "known keys are not affected"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_hangs_keeps_nobody_waiting_but_its_own_callers() {
    let fabrikam = fabrikam();
    fabrikam.issuer.key_endpoint().hang();
    let world = setup(&fabrikam).start().await;
    let world = Both { world, fabrikam };
    let theirs = world.foreign().role("First").mint();
    let request = format!(
        "GET /both HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
        bearer(&theirs)
    );
    let mut waiting = world.gateway.connect("apis").await;
    waiting.send(request).await;
    let ours = world.token().role("First").mint();
    eventually("contoso's caller is let in", async || {
        world.present("/both", &ours).await.0 == 200
    })
    .await;
    let reply = waiting.reply().await.unwrap();
    assert_eq!(
        reply.verdict(),
        is(503, "keys_unavailable"),
        "and theirs wait only so long"
    );
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.header("www-authenticate"), None);
}
