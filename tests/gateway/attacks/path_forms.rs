//! Forms of a path that routes allow, and what is tried by them.

use crate::support::{Setup, is};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_route_allows_goes_on_as_it_came_and_nothing_by_it() {
    let world = Setup::of("path-forms.yaml").start().await;
    for (target, forwarded) in [
        (
            "/projects/group%2fproject?x=%2f",
            "/projects/group%2Fproject?x=%2f",
        ),
        ("/projects/a%2Fsecret", "/projects/a%2Fsecret"),
        ("/blobs/a//b/", "/a//b/"),
        ("/blobs/a/b//", "/a/b//"),
        ("/orders/7;version=2/lines", "/orders/7;version=2/lines"),
        ("/orders/7/lines;version=", "/orders/7/lines;version="),
    ] {
        let reply = world.gateway.get("legacy", target, &[]).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        let path = forwarded.split('?').next().unwrap();
        assert_eq!(reply.json()["path"], path, "{target}");
    }
    let before = world.contoso.echo.count();
    for (target, status, reason) in [
        // Each is one option's, and no other's.
        ("/projects/a;version=2", 400, "bad_path"),
        ("/blobs/a%2Fb", 400, "bad_path"),
        ("/orders/7%2F8/lines", 400, "bad_path"),
        ("/rest/a%2Fb", 400, "bad_path"),
        ("/rest/a//b", 400, "bad_path"),
        ("/rest/a;version=2", 400, "bad_path"),
        ("/nowhere//a", 400, "bad_path"),
        ("/nowhere;version=2", 400, "bad_path"),
        ("//projects/a", 400, "bad_path"),
        // Out of the path that was matched.
        ("/projects/..%2Fadmin", 400, "bad_path"),
        ("/projects/a%2F..%2F..%2Fadmin", 400, "bad_path"),
        ("/projects/a%252F..%252Fadmin", 400, "bad_path"),
        ("/blobs/a//../b", 400, "bad_path"),
        ("/orders/..;version=2/lines", 400, "bad_path"),
        ("/orders/..%3Bversion=2/lines", 400, "bad_path"),
        ("/orders/7;version=2;jsessionid=1/lines", 400, "bad_path"),
        ("/orders/7;/lines", 400, "bad_path"),
        // To the upstream it would be another host's.
        ("/blobs//evil.example/a", 400, "bad_path"),
        // Into a stricter route.
        ("/projects/secret%2F1", 404, "path_not_exact"),
        ("/projects/secret%252F1", 404, "path_not_exact"),
        ("/blobs//admin/x", 404, "path_not_exact"),
        ("/blobs/admin//x", 400, "bad_path"),
        ("/orders/closed;version=2/lines", 400, "bad_path"),
        ("/orders/closed%3Bversion=2/lines", 404, "path_not_exact"),
        ("/orders/CLOSED;version=2/lines", 404, "path_not_exact"),
    ] {
        let reply = world.gateway.get_by_both("legacy", target, &[]).await;
        assert_eq!(reply.verdict(), is(status, reason), "{target}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}
