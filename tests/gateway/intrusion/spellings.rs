//! A path in other spellings: a stricter route is not evaded by them, and a route whose upstream takes
//! them takes them too.

use crate::support::{API_KEY, NIGHT_KEY, Reply, Setup, World, contoso, is};
use bearergate::fake::{ApiRegistration, AppRegistration, Contoso};

use super::CLIENT_SECRET;

async fn world() -> World {
    let app = AppRegistration::new(Contoso::MAIL_CLIENT)
        .in_tenant(Contoso::MAIL_TENANT)
        .secret(CLIENT_SECRET)
        .role(ApiRegistration::GRAPH, "Mail.Read");
    let contoso = contoso();
    contoso.issuer.register(|registry| registry.with_app(app));
    let setup = Setup::among(contoso, "spellings.yaml");
    setup.file("client.secret", CLIENT_SECRET).ready().await
}

async fn with_key(world: &World, key: &str, target: &str) -> Reply {
    let header = format!("X-Api-Key: {key}");
    world.gateway.get_by_both("legacy", target, &[header]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stricter_route_is_not_evaded_by_another_spelling() {
    let world = world().await;
    for (key, target) in [
        (NIGHT_KEY, "/graph/v1.0/users/a@b/sendMail"),
        (API_KEY, "/graph/v1.0/users/a@b/messages/"),
        (API_KEY, "/graph/v1.0/users('a@b')/messages"),
        (API_KEY, "/graph/v1.0/users/a@b/messages/AA%252FBB"),
        (NIGHT_KEY, "/api/admin/x"),
        (API_KEY, "/api/administrator"),
    ] {
        let reply = with_key(&world, key, target).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
    }
    let before = world.contoso.echo.count();
    let reply = with_key(&world, API_KEY, "/graph/v1.0/users/a@b/sendMail").await;
    assert_eq!(reply.verdict(), is(401, "bad_key"));
    for target in [
        "/graph/v1.0/users/a@b/sendMail/",
        "/graph/v1.0/users/a@b/SENDMAIL",
        "/graph/v1.0/Users/a@b/sendMail",
        "/graph/V1.0/users/a@b/sendMail",
        "/graph/v1.0/users/a@b/microsoft.graph.sendMail",
        "/graph/v1.0/users/a@b/graph.sendMail",
        "/graph/v1.0/users/a@b/microsoft.graph.user/sendMail",
        "/graph/v1.0/users/a@b/sendMail()",
        "/graph/v1.0/users('a@b')/sendMail",
        "/graph/v1.0/users(userPrincipalName='a@b')/sendMail",
        "/graph/v1.0/users/a@b/sendMail%20",
        "/graph/v1.0/users/a@b/sendMail.",
        "/graph/v1.0/users/a@b/sendMail%3F",
        "/graph/v1.0/users/a@b/%2573endMail",
        "/graph/v1.0/users/a@b%252FsendMail",
        "/graph/v1.0/myorganization/users/a@b/sendMail",
        "/api/ADMIN/x",
        "/api/%41dmin/x",
        "/api/%2561dmin/x",
        "/api/admin./x",
        "/api/Admin",
    ] {
        let reply = with_key(&world, API_KEY, target).await;
        assert_eq!(reply.verdict(), is(404, "path_not_exact"), "{target}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_ignores_case_takes_what_its_upstream_takes_and_forwards_what_came() {
    let world = world().await;
    for rest in [
        "/v1.0/users/a@b/messages",
        "/v1.0/Users/A@B/MESSAGES",
        "/v1.0/users/a@b/messages/",
        "/V1.0/users('a@b')/messages",
        "/v1.0/users/a@b/microsoft.graph.messages()",
    ] {
        let reply = with_key(&world, API_KEY, &format!("/Folding{rest}")).await;
        assert_eq!(reply.status, 200, "{rest}: {}", reply.text());
        assert_eq!(reply.json()["path"], rest);
    }
    for (target, status) in [
        ("/folding/v1.0/users('c@b')/messages", 403),
        ("/folding/v1.0/users/a@b('c')/messages", 403),
        ("/folding/v1.0/users(mail='a@b')/messages", 403),
        ("/folding/v1.0/users('a%2540b')/messages", 403),
        ("/folding/v1.0/users/a@b()/messages", 403),
        ("/folding/v1.0/users/c@b/MESSAGES", 403),
        ("/folding('v1.0')/users/a@b/messages", 404),
        ("/folding/v1.0/users/a@b/messages/x", 404),
        ("/folding/v1.0/users/a@b", 404),
    ] {
        let reply = with_key(&world, API_KEY, target).await;
        assert_eq!(reply.status, status, "{target}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_dot_segment_passes_however_often_it_is_escaped() {
    let world = world().await;
    let before = world.contoso.echo.count();
    for target in [
        "/graph/ok/%252E%252E%252Fbad",
        "/graph/ok/%252e%252e/bad",
        "/graph/ok/%25252e%25252e/bad",
        "/graph/ok%252F..%252Fbad",
        "/graph/ok/%25u002e%25u002e/bad",
        "/graph/ok/..%20/bad",
        "/graph/ok/..%255Cbad",
        "/graph/ok%2500",
        "/graph/ok%250d%250aHost:x",
        "/api/ok/%252E%252E/bad",
        "/folding/v1.0/users/%252e%252e/messages",
    ] {
        let reply = with_key(&world, API_KEY, target).await;
        assert_eq!(reply.verdict(), is(400, "bad_path"), "{target}");
    }
    assert_eq!(world.contoso.echo.count(), before);
    let reply = with_key(&world, API_KEY, "/graph/v1.0/me/messages/AA%252FBB%253D").await;
    assert_eq!(reply.json()["path"], "/v1.0/me/messages/AA%252FBB%253D");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_that_reach_past_the_path_do_not_go_with_our_token() {
    let world = world().await;
    let path = "/graph/v1.0/users/a@b/messages";
    for query in ["$select=id&$top=5", "$filter=a%20eq%20'b'", "api-version=1"] {
        let reply = with_key(&world, API_KEY, &format!("{path}?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    }
    let before = world.contoso.echo.count();
    for (query, reason) in [
        ("$expand=attachments", "expand_not_allowed"),
        ("expand=attachments", "expand_not_allowed"),
        ("%2524expand=a", "expand_not_allowed"),
        ("a=1%26$expand=a", "expand_not_allowed"),
        // Whose value is the upstream's own, and a name that has one in it.
        ("$skiptoken=x%26$expand=a", "expand_not_allowed"),
        ("a%26expand=b", "expand_not_allowed"),
        ("$select=members($expand=owners)", "expand_not_allowed"),
        ("$apply=expand(members)", "query_not_allowed"),
        ("$filter=$root/users", "query_not_allowed"),
        ("$id=../../users('c@b')", "query_not_allowed"),
        ("id=../../users('c@b')", "query_not_allowed"),
    ] {
        let reply = with_key(&world, API_KEY, &format!("{path}?{query}")).await;
        assert_eq!(reply.verdict(), is(403, reason), "{query}");
    }
    for (target, reason) in [
        ("/graph/v1.0/$batch", "batch_not_allowed"),
        ("/graph/v1.0/users/$query", "segment_not_allowed"),
        ("/graph/v1.0/groups/a/members/%24ref", "segment_not_allowed"),
        ("/graph/v1.0/groups/a%252F$ref", "segment_not_allowed"),
    ] {
        let reply = with_key(&world, API_KEY, target).await;
        assert_eq!(reply.verdict(), is(403, reason), "{target}");
    }
    // Nor where a caller is held to a part of the path, whoever's token goes on.
    let reply = with_key(&world, API_KEY, "/held/a?$apply=expand(b)").await;
    assert_eq!(reply.verdict(), is(403, "query_not_allowed"));
    assert_eq!(world.contoso.echo.count(), before);
    for target in ["/held/a?id=5", "/held/a?$expand=pictures"] {
        let reply = with_key(&world, API_KEY, target).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
    }
}
