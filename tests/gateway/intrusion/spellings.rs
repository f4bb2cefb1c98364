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
    world.gateway.get("legacy", target, &[header]).await
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
