//! Ways to spell a path that another route takes, tried on a table with a broader one.

use http::Method;

use super::super::index::Index;
use super::super::samples::definition;
use super::super::{RouteDefinition, RouteMiss};
use crate::request::CanonicalPath;

fn found(routes: &[RouteDefinition], method: &str, path: &str) -> String {
    let (index, _) = Index::of(routes.iter());
    let Ok(path) = CanonicalPath::parse(path) else {
        return "400".to_owned();
    };
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    match index.find("apis", None, &path, &method) {
        Ok(place) => routes[place].id.to_string(),
        Err(RouteMiss::NoRoute) => "404".to_owned(),
        Err(RouteMiss::MethodNotAllowed { .. }) => "405".to_owned(),
        Err(RouteMiss::PathNotExact { narrower }) => format!("not exactly {narrower}"),
    }
}

const SPELLINGS_OF_SEND_MAIL: &[&str] = &[
    "/graph/v1.0/users/a@b/sendMail/",
    "/graph/v1.0/users/a@b/SENDMAIL",
    "/graph/v1.0/users/a@b/sendmail",
    "/graph/v1.0/Users/a@b/sendMail",
    "/graph/V1.0/users/a@b/sendMail",
    "/graph/v1.0/users/a@b/sendMail()",
    "/graph/v1.0/users/a@b/sendMail()/",
    "/graph/v1.0/users/a@b/sendMail()()",
    "/graph/v1.0/users/a@b/sendMail(a=1)",
    "/graph/v1.0/users/a@b/microsoft.graph.sendMail",
    "/graph/v1.0/users/a@b/Microsoft.Graph.sendMail",
    "/graph/v1.0/users/a@b/microsoft.graph.sendMail()",
    "/graph/v1.0/users/a@b/graph.sendMail",
    "/graph/v1.0/users/a@b/microsoft.graph.user/sendMail",
    "/graph/v1.0/users/microsoft.graph.user/a@b/sendMail",
    "/graph/v1.0/users/microsoft.graph.user('a@b')/sendMail",
    "/graph/v1.0/users('a@b')/sendMail",
    "/graph/v1.0/users(%27a@b%27)/sendMail",
    "/graph/v1.0/users%28%27a@b%27%29/sendMail",
    "/graph/v1.0/users(a@b)/sendMail",
    "/graph/v1.0/users(userPrincipalName='a@b')/sendMail",
    "/graph/v1.0/users(id='a@b')/microsoft.graph.sendMail()/",
    "/graph/v1.0/users/a@b/sendMail%20",
    "/graph/v1.0/users/a@b/sendMail%20/",
    "/graph/v1.0/users/a@b/%20sendMail",
    "/graph/v1.0/users/a@b/sendMail+",
    "/graph/v1.0/users/a@b/sendMail.",
    "/graph/v1.0/users/a@b/sendMail...",
    "/graph/v1.0/users/a@b/sendMail%C2%A0",
    "/graph/v1.0/users/a@b/sendMail%3Ba=b",
    "/graph/v1.0/users/a@b/sendMail%3Fa=b",
    "/graph/v1.0/users/a@b/sendMail%23a",
    "/graph/v1.0/users/a@b/sendMail%253Fa",
    "/graph/v1.0/users/a@b/sendMail::$DATA",
    "/graph/v1.0/users/a@b/send%254Dail",
    "/graph/v1.0/users/a@b/send%25u004Dail",
    "/graph/v1.0/users/a@b/send%2525254Dail",
    "/graph/v1.0/users/a@b%252FsendMail",
    "/graph/v1.0/users/a@b%25252fsendMail",
    "/graph/v1.0/users/a@b/$/sendMail",
    "/graph/v1.0/myorganization/users/a@b/sendMail",
    "/graph/v1.0/contoso.example/users/a@b/sendMail",
    "/graph/v1.0%20/contoso.example/users/a@b/sendMail",
    "/graph/v1.0./myorganization/users/a@b/sendMail",
    "/graph/V1.0()/myorganization/users/a@b/sendMail",
    "/graph/v1.0/5e0699a2-7e10-4d08-8ebb-4f7d7406ad09/users/a@b/sendMail",
    "/graph/v1.0/users/a('b')/SENDMAIL",
    "/graph/v1.0/users/%20/SENDMAIL",
    "/graph/v1.0/u%C5%BFers/a@b/sendMail",
];

fn graph_routes() -> [RouteDefinition; 2] {
    [
        definition("send", "/graph/v1.0/users/{mailbox}/sendMail").for_key("sender"),
        definition("rest", "/graph/**").for_key("reader"),
    ]
}

#[test]
fn another_spelling_of_a_narrower_path_never_goes_by_a_broader_route() {
    let routes = graph_routes();
    for path in SPELLINGS_OF_SEND_MAIL {
        let found = found(&routes, "POST", path);
        assert!(
            ["send", "not exactly send"].contains(&&*found),
            "{path}: {found}"
        );
    }
    for path in [
        "/graph/v1.0/users/a@b/messages",
        "/graph/v1.0/users/a@b/messages/",
        "/graph/v1.0/users('a@b')/messages",
        "/graph/v1.0/users/a@b/sendMails",
        "/graph/v1.0/users/a@b/xsendMail",
        "/graph/v1.0/users/a@b/sendMail/x",
        "/graph/v1.0/users/a@b/messages/sendMail",
        "/graph/v1.0/users/sendMail",
        "/graph/v1.0/groups/a@b/sendMail",
        "/graph/beta/users/a@b/sendMail",
        "/graph",
        "/graph/",
    ] {
        assert_eq!(found(&routes, "GET", path), "rest", "{path}");
    }
    let path = "/graph/v1.0/users/a@b/sendMail";
    assert_eq!(found(&routes, "POST", path), "send");
}

#[test]
fn each_route_of_a_pattern_yields() {
    let routes = [
        definition("read", "/api/**").taking(&["GET"]).for_key("x"),
        definition("write", "/api/**")
            .taking(&["POST"])
            .for_key("y"),
        definition("admin", "/api/admin/x")
            .taking(&["GET"])
            .for_key("x"),
    ];
    assert_eq!(found(&routes, "POST", "/api/admin/x"), "405");
    for path in ["/api/ADMIN/x", "/api/admin/x/", "/api/admin/x."] {
        assert_eq!(found(&routes, "POST", path), "not exactly admin", "{path}");
    }
}

#[test]
fn a_method_is_kept_back_by_each_pattern_of_a_folded_form() {
    let routes = [
        definition("any", "/{p}").taking(&["GET"]).for_key("m"),
        definition("slash", "/a/").taking(&["GET"]).for_key("m"),
        definition("exact", "/a").taking(&["POST"]).for_key("k"),
    ];
    assert_eq!(found(&routes, "GET", "/a"), "405");
    assert_eq!(found(&routes, "GET", "/a/"), "slash");
    assert_eq!(found(&routes, "GET", "/%2561"), "not exactly exact");
    assert_eq!(found(&routes, "GET", "/b"), "any");
}

#[test]
fn what_is_under_a_narrower_route_may_be_a_second_key_of_the_same_name() {
    let routes = [
        definition("narrow", "/b/{key}/**").for_key("one"),
        definition("broad", "/**").for_key("other"),
    ];
    for path in [
        "/b('a')('a')",
        "/b(%27a')(%27a')",
        "/b(1)(2)(3)",
        "/b('a')('a')/c",
    ] {
        assert_eq!(found(&routes, "GET", path), "not exactly narrow", "{path}");
    }
    assert_eq!(found(&routes, "GET", "/b"), "broad");
}

#[test]
fn a_file_with_a_number_in_parentheses_is_no_key() {
    let routes = [
        definition("file", "/files/{folder}/{name}").for_key("x"),
        definition("files", "/files/**").for_key("y"),
    ];
    for path in ["/files/report%20(1).pdf", "/files/a(b"] {
        assert_eq!(found(&routes, "GET", path), "files", "{path}");
    }
}

#[test]
fn upstreams_that_ignore_case_are_not_fooled_by_it() {
    let routes = [
        definition("admin", "/api/admin/**").for_key("admin"),
        definition("all", "/api/**").for_key("user"),
    ];
    for path in [
        "/api/ADMIN/x",
        "/api/%41dmin/x",
        "/api/Admin",
        "/api/admin./x",
        "/api/admin%20/x",
        "/api/%2561dmin/x",
        "/api/x%252Fadmin/../y",
        "/api%252FADMIN/x",
        "/API/admin/x",
    ] {
        let found = found(&routes, "GET", path);
        assert!(
            ["not exactly admin", "400", "404"].contains(&&*found),
            "{path}: {found}"
        );
    }
    assert_eq!(found(&routes, "GET", "/api/administrator"), "all");
    assert_eq!(found(&routes, "GET", "/api/x/ADMIN"), "all");
}

#[test]
fn routes_on_the_same_terms_stand_in_for_each_other() {
    let routes = [
        definition("export", "/orders/export").for_key("a"),
        definition("one", "/orders/{id}").for_key("a"),
    ];
    assert_eq!(found(&routes, "GET", "/orders/EXPORT"), "one");
}

#[test]
fn a_method_that_is_kept_back_is_kept_back_in_every_spelling() {
    let routes = [
        definition("read", "/orders/export")
            .for_key("a")
            .taking(&["GET"]),
        definition("one", "/orders/{id}").for_key("a"),
    ];
    assert_eq!(found(&routes, "GET", "/orders/EXPORT"), "one");
    assert_eq!(found(&routes, "DELETE", "/orders/export"), "405");
    assert_eq!(
        found(&routes, "DELETE", "/orders/EXPORT"),
        "not exactly read"
    );
}

#[test]
fn routes_that_fold_take_every_spelling_that_their_upstream_takes() {
    let [send, rest] = graph_routes();
    let routes = [send.ignoring_case(), rest.ignoring_case()];
    for path in [
        "/graph/v1.0/users/a@b/sendMail",
        "/graph/v1.0/users/a@b/sendmail",
        "/graph/v1.0/users/a@b/sendMail/",
        "/Graph/V1.0/Users/a@b/SENDMAIL",
        "/graph/v1.0/users('a@b')/sendMail",
        "/graph/v1.0/users/a@b/microsoft.graph.sendMail()",
        "/graph/v1.0/users/a@b/sendMail%20",
    ] {
        assert_eq!(found(&routes, "POST", path), "send", "{path}");
    }
    for path in SPELLINGS_OF_SEND_MAIL {
        let found = found(&routes, "POST", path);
        assert!(
            ["send", "not exactly send"].contains(&&*found),
            "{path}: {found}"
        );
    }
    assert_eq!(found(&routes, "GET", "/GRAPH/v1.0/users"), "rest");
    assert_eq!(
        found(&routes[..1], "GET", "/graph/v1.0/users/a@b/messages"),
        "404"
    );
}

#[test]
fn guests_of_graph_are_no_cut_path() {
    let routes = [
        definition("user", "/graph/v1.0/users/{mailbox}").for_key("a"),
        definition("rest", "/graph/**").for_key("b").ignoring_case(),
    ];
    let path = "/graph/v1.0/users/ann_contoso.com%23EXT%23@x.example/messages";
    assert_eq!(found(&routes, "GET", path), "rest");
    let path = "/graph/v1.0/users/ann_contoso.com%23x/messages";
    assert_eq!(found(&routes, "GET", path), "not exactly user");
}

#[test]
fn a_value_is_all_of_a_key_or_none_that_where_takes() {
    let route = definition("send", "/users/{mailbox}/messages").ignoring_case();
    for (path, expected) in [
        ("/users/a@b/messages", "a@b"),
        ("/users('a@b')/messages", "a@b"),
        ("/Users(a@b)/messages", "a@b"),
        ("/users('o''brien@b')/messages", "o'brien@b"),
        ("/users(id='a@b')/messages", "/users(id='a@b')"),
        ("/users(id=a@b)/messages", "/users(id=a@b)"),
        ("/users(id='x',z=a@b)/messages", "/users(id='x',z=a@b)"),
        ("/users('x',a@b)/messages", "/users('x',a@b)"),
        ("/users('x'%20or%20a@b)/messages", "/users('x' or a@b)"),
        ("/users('x'a@b')/messages", "/users('x'a@b')"),
        ("/users('x')(a@b)/messages", "/users('x')(a@b)"),
    ] {
        let path = CanonicalPath::parse(path).unwrap();
        let params = route.params(&path).unwrap();
        assert_eq!(params.value("mailbox"), Some(expected));
    }
    let unclosed = CanonicalPath::parse("/users(a@b/messages").unwrap();
    assert!(route.params(&unclosed).is_none());
}

#[test]
fn a_path_with_too_many_readings_is_refused() {
    let routes = [
        definition("deep", "/{a}/{b}/{c}/{d}/{e}/{f}/x").for_key("a"),
        definition("rest", "/**").for_key("b"),
    ];
    let path = "/microsoft.a('b')".repeat(400);
    assert!(found(&routes, "GET", &path).starts_with("not exactly"));
}

#[test]
fn paths_that_differ_where_their_upstream_does_not_are_equal() {
    let routes = [
        definition("one", "/users/{m}/sendMail").ignoring_case(),
        definition("two", "/Users/{n}/microsoft.graph.sendmail"),
        definition("three", "/x"),
        definition("four", "/X"),
    ];
    let errors = crate::routing::Table::conflicts(&routes);
    let places: Vec<_> = errors
        .iter()
        .map(|error| (error.first, error.second))
        .collect();
    assert_eq!(places, [(0, 1)]);
    assert!(errors[0].problem.contains("spelling alone"), "{errors:?}");
}

#[test]
fn a_broader_route_knows_what_it_yields_to() {
    let routes = [
        definition("rest", "/graph/**").for_key("a"),
        definition("send", "/graph/v1.0/users/{m}/sendMail").for_key("b"),
        definition("read", "/graph/v1.0/users/{m}/messages").for_key("a"),
        definition("other", "/api/**").for_key("c"),
        definition("exact", "/graph/v1.0/Users").for_key("c"),
    ];
    let yielding = crate::routing::Table::yielding(&routes);
    assert_eq!(yielding, [vec![1, 4], vec![], vec![], vec![], vec![]]);
}
