use http::Method;
use serde_json::Value;

use crate::fake::fixtures::{NOW, OTHER_KEY, ask, contoso};
use crate::fake::http::Request;
use crate::fake::{ApiRegistration, Contoso, TokenBuilder};

pub(super) const INVOICES: &str = "/v1.0/users/invoices@payroll.contoso.example";
pub(super) const GRAPH: &str = "https://graph.microsoft.com";

pub(super) fn graph_token(world: &Contoso) -> TokenBuilder {
    world
        .issuer
        .token(Contoso::MAIL_TENANT)
        .v1()
        .client(Contoso::MAIL_CLIENT)
        .audience(GRAPH)
        .issued_at(NOW)
        .expires_at(NOW.plus(std::time::Duration::from_secs(60)))
}

pub(super) fn reader(world: &Contoso) -> String {
    graph_token(world).role("Mail.Read").for_graph().mint()
}

pub(super) fn sender(world: &Contoso) -> String {
    graph_token(world).role("Mail.Send").for_graph().mint()
}

pub(super) fn request(method: Method, target: &str, token: &str) -> Request {
    Request::new(method, target, NOW)
        .with("host", "graph.microsoft.com")
        .with("authorization", &format!("Bearer {token}"))
}

fn list(world: &Contoso, target: &str) -> (u16, Value) {
    let request = request(Method::GET, target, &reader(world));
    let (status, body, _) = ask(&world.mailbox, &request);
    (status, body)
}

fn subjects(body: &Value) -> Vec<String> {
    let messages = body["value"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["subject"].to_string())
        .collect()
}

#[test]
fn the_ten_newest_messages_come_first_and_links_lead_through_all() {
    let world = contoso();
    let first = format!("{INVOICES}/messages?$top=10&$orderby=receivedDateTime%20desc");
    let (mut status, mut body) = list(&world, &first);
    assert_eq!(status, 200);
    assert_eq!(
        body["@odata.nextLink"],
        format!("{GRAPH}{INVOICES}/messages?$orderby=receivedDateTime%20desc&$top=10&$skip=10")
    );
    let (mut times, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = body["value"].as_array().unwrap().clone();
        pages.push(page.len());
        times.extend(
            page.iter()
                .map(|message| message["receivedDateTime"].to_string()),
        );
        let Some(link) = body["@odata.nextLink"].as_str() else {
            break;
        };
        (status, body) = list(&world, link.strip_prefix(GRAPH).unwrap());
        assert_eq!(status, 200);
    }
    assert_eq!(pages, [10, 10, 5]);
    let mut sorted = times.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.reverse();
    assert_eq!(times, sorted, "newest first, none twice");
}

#[test]
fn a_list_is_ordered_selected_and_paged_as_asked() {
    let world = contoso();
    let (_, newest) = list(&world, &format!("{INVOICES}/messages"));
    assert_eq!(
        newest["value"].as_array().unwrap().len(),
        10,
        "Graph's own page size"
    );
    let (_, all) = list(
        &world,
        &format!("{INVOICES}/mailFolders/Inbox/messages?$top=1000&$count=true"),
    );
    assert_eq!(all["@odata.count"], 25);
    assert_eq!(all.get("@odata.nextLink"), None);
    assert_eq!(subjects(&all)[..10], subjects(&newest)[..]);
    let (_, oldest) = list(
        &world,
        &format!("{INVOICES}/messages?%24top=25&$orderby=receivedDateTime+asc"),
    );
    let mut reversed = subjects(&oldest);
    reversed.reverse();
    assert_eq!(reversed, subjects(&all));

    let (_, body) = list(
        &world,
        &format!("{INVOICES}/messages?$top=1&$select=subject,from"),
    );
    let message = body["value"][0].as_object().unwrap();
    assert_eq!(
        message.keys().collect::<Vec<_>>(),
        ["@odata.etag", "from", "id", "subject"]
    );

    let id = newest["value"][3]["id"].as_str().unwrap();
    let (status, one) = list(&world, &format!("{INVOICES}/messages/{id}"));
    assert_eq!((status, &one), (200, &newest["value"][3]));
    let lower = id.to_ascii_lowercase();
    assert_eq!(
        list(&world, &format!("{INVOICES}/messages/{lower}")).0,
        404,
        "ids have a case"
    );

    let text = request(
        Method::GET,
        &format!("{INVOICES}/messages?$top=1"),
        &reader(&world),
    )
    .with("prefer", "outlook.body-content-type=\"text\"");
    let (_, body, response) = ask(&world.mailbox, &text);
    assert_eq!(body["value"][0]["body"]["contentType"], "text");
    assert!(response.headers.contains_key("preference-applied"));
}

#[test]
fn mailboxes_differ_and_are_found_in_every_spelling() {
    let world = contoso();
    let (_, invoices) = list(&world, &format!("{INVOICES}/messages"));
    let (_, ceo) = list(&world, "/v1.0/users/ceo@contoso.example/messages");
    assert_ne!(subjects(&invoices), subjects(&ceo));
    for path in [
        "/v1.0/users/ceo%40contoso.example/messages",
        "/v1.0/users/CEO@Contoso.Example/messages",
        "/V1.0/Users/ceo@contoso.example/Messages",
        "/v1.0/users('ceo@contoso.example')/messages",
        "/v1.0/users/ceo@contoso.example/mailFolders/inbox/messages",
        "/beta/users/ceo@contoso.example/messages",
    ] {
        let (status, body) = list(&world, path);
        assert_eq!((status, subjects(&body)), (200, subjects(&ceo)), "{path}");
    }
}

#[test]
fn what_graph_does_not_know_is_refused() {
    let world = contoso();
    for (target, status, code) in [
        (
            "/v1.0/users/nobody@contoso.example/messages",
            404,
            "ErrorInvalidUser",
        ),
        ("/v1.0/me/messages", 400, "BadRequest"),
        (
            "/v2.0/users/ceo@contoso.example/messages",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/calendar",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users('ceo@contoso.example/messages",
            400,
            "BadRequest",
        ),
        ("/v1.0/users/%FF/messages", 400, "BadRequest"),
        ("/v1.0", 400, "BadRequest"),
        ("/", 400, "BadRequest"),
        (
            "/v1.0/users/ceo@contoso.example/messages?$top=0",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$top=1001",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$top=1&$top=2",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$skip=-1",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$orderby=subject",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$orderby=receivedDateTime%20up",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$filter=x",
            400,
            "BadRequest",
        ),
        (
            "/v1.0/users/ceo@contoso.example/messages?$select=salary",
            400,
            "RequestBroker--ParseUri",
        ),
        (
            "/v1.0/users/ceo@contoso.example/sendMail",
            405,
            "Request_BadRequest",
        ),
    ] {
        let (got, body) = list(&world, target);
        assert_eq!(
            (got, body["error"]["code"].as_str()),
            (status, Some(code)),
            "{target}"
        );
        assert!(body["error"]["innerError"]["request-id"].is_string());
    }
    let huge = format!(
        "/v1.0/users/ceo@contoso.example/messages?$skip={}",
        usize::MAX
    );
    let (status, body) = list(&world, &huge);
    assert_eq!((status, subjects(&body).len()), (200, 0));
}

#[test]
fn only_a_genuine_token_for_graph_opens_a_mailbox() {
    let world = contoso();
    let target = format!("{INVOICES}/messages");
    let token = || graph_token(&world).role("Mail.Read").for_graph();
    let bare = || Request::new(Method::GET, &target, NOW).with("host", "graph.microsoft.com");
    let bearer = |token: String| request(Method::GET, &target, &token);
    for (name, request, status) in [
        ("by URI", bearer(token().mint()), 200),
        (
            "by client id",
            bearer(token().audience(ApiRegistration::GRAPH).mint()),
            200,
        ),
        (
            "scheme in lower case",
            bare().with("authorization", &format!("bearer {}", token().mint())),
            200,
        ),
        (
            "from a browser",
            bearer(token().mint()).with("origin", "https://x.example"),
            200,
        ),
        ("none", bare(), 401),
        ("empty", bare().with("authorization", "Bearer "), 401),
        ("basic", bare().with("authorization", "Basic eDp5"), 401),
        (
            "two",
            bearer(token().mint()).with("authorization", "Bearer x"),
            401,
        ),
        ("garbage", bearer("x.y.z".to_owned()), 401),
        (
            "another API's",
            bearer(token().audience(Contoso::CALC_API).mint()),
            401,
        ),
        (
            "another key's",
            bearer(token().signed_by(&OTHER_KEY).mint()),
            401,
        ),
        ("expired", bearer(token().expires_at(NOW).mint()), 401),
        ("without a role", bearer(graph_token(&world).mint()), 403),
        ("with another role", bearer(sender(&world)), 403),
    ] {
        let (got, body, response) = ask(&world.mailbox, &request);
        assert_eq!(got, status, "{name}");
        match got {
            401 => {
                assert_eq!(
                    body["error"]["code"], "InvalidAuthenticationToken",
                    "{name}"
                );
                let challenge = response.headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains("client_id=\"00000003-0000-0000-c000-000000000000\""));
            }
            403 => assert_eq!(body["error"]["code"], "ErrorAccessDenied", "{name}"),
            _ => {}
        }
    }
}

#[test]
fn me_is_who_stands_behind_a_delegated_token() {
    let world = contoso();
    let token = graph_token(&world)
        .user("ceo@contoso.example")
        .scope("Mail.Read");
    let mine = request(Method::GET, "/v1.0/me/messages", &token.clone().mint());
    let (status, body, _) = ask(&world.mailbox, &mine);
    let (_, ceo) = list(&world, "/v1.0/users/ceo@contoso.example/messages");
    assert_eq!((status, subjects(&body)), (200, subjects(&ceo)));
    // An app role in a user's token is no permission of the user's.
    let roles_only = graph_token(&world)
        .user("ceo@contoso.example")
        .scope("x")
        .role("Mail.Read");
    let mine = request(Method::GET, "/v1.0/me/messages", &roles_only.mint());
    assert_eq!(ask(&world.mailbox, &mine).0, 403);
}

#[test]
fn graph_is_known_by_its_host_alone() {
    let world = contoso();
    world.mailbox.accept_host("127.0.0.1:8402");
    let authorization = format!("Bearer {}", reader(&world));
    for (hosts, status) in [
        (&["graph.microsoft.com"][..], 200),
        (&["Graph.Microsoft.com"], 200),
        (&["127.0.0.1:8402"], 200),
        (&["127.0.0.1:8081"], 400),
        (&["gateway.contoso.example"], 400),
        (&["graph.microsoft.com", "graph.microsoft.com"], 400),
        (&[], 400),
    ] {
        let mut request = Request::new(Method::GET, &format!("{INVOICES}/messages"), NOW)
            .with("authorization", &authorization);
        for host in hosts {
            request = request.with("host", host);
        }
        assert_eq!(ask(&world.mailbox, &request).0, status, "{hosts:?}");
    }
}

#[test]
fn it_fails_on_request_as_graph_throttles() {
    let world = contoso();
    world.mailbox.faults().fail_next(1, 429, Some("10"));
    let request = request(
        Method::GET,
        &format!("{INVOICES}/messages"),
        &reader(&world),
    );
    let (status, _, response) = ask(&world.mailbox, &request);
    assert_eq!(
        (status, response.headers["retry-after"].to_str().unwrap()),
        (429, "10")
    );
    assert_eq!(ask(&world.mailbox, &request).0, 200);
    assert_eq!(world.mailbox.faults().requests(), 2);
    assert_eq!(
        world.mailbox.last().unwrap().path(),
        format!("{INVOICES}/messages")
    );
}
