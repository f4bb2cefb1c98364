//! Request targets: what clients send unescaped is escaped and goes on, what has no one reading is
//! refused in our own voice, and each has an access line.

use crate::support::{API_KEY, Origin, Setup, is};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_of_graph_send_unescaped_is_escaped_and_forwarded() {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    let rows: [(&[u8], &str); 6] = [
        (b"/m?$search=\"Mary\"", "/m?$search=%22Mary%22"),
        (
            b"/m?$search=\"from:ann\"&$top=5",
            "/m?$search=%22from:ann%22&$top=5",
        ),
        (b"/m?q=<a>`", "/m?q=%3Ca%3E%60"),
        (b"/<a>`\"", "/%3Ca%3E%60%22"),
        (b"/m?q=caf\xe9", "/m?q=caf%E9"),
        ("/é?q=é".as_bytes(), "/%C3%A9?q="),
    ];
    // On one connection, in one segment and in pieces.
    let mut caller = gateway.connect("apis").await;
    for (target, expected) in rows {
        let request = [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        for pieces in [1, 3] {
            for piece in request.chunks(request.len().div_ceil(pieces)) {
                caller.send_in_vain(piece).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(
                caller.reply().await.expect("an answer").status,
                200,
                "{expected}"
            );
            let head = origin.heads().pop().unwrap().1;
            assert!(head.starts_with(&format!("GET {expected}")), "{head}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_targets_are_refused_and_told_not_reinterpreted() {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    #[rustfmt::skip]
    let rows: &[(&[u8], &str, &str, &str)] = &[
        (b"GET pub/../a HTTP/1.1", "bad_path", "GET", "pub/../a"),
        (b"GET ?x=secret HTTP/1.1", "bad_path", "GET", ""),
        (b"POST pub HTTP/1.1", "bad_path", "POST", "pub"),
        (b"GET pub:80 HTTP/1.1", "bad_path", "GET", "pub:80"),
        (b"GET ftp://a/b HTTP/1.1", "bad_path", "GET", "ftp://a/b"),
        (b"GET /a#/../b HTTP/1.1", "bad_path", "GET", "/a"),
        (b"GET /a?b#c HTTP/1.1", "bad_path", "GET", "/a"),
        (b"GET #a HTTP/1.1", "bad_path", "GET", ""),
        (b"GET /a/../b HTTP/1.1", "bad_path", "GET", "/a/../b"),
        (b"GET /caf\xe9 HTTP/1.1", "bad_path", "GET", "/caf%E9"),
        (b"PUT /a b HTTP/1.1", "malformed_request", "PUT", "/a"),
        (b"DELETE /a HTTP/9.9", "malformed_request", "DELETE", "/a"),
        (b"GET /a", "malformed_request", "GET", "/a"),
        (b"GET /a\x01 HTTP/1.1", "malformed_request", "GET", "/a\u{fffd}"),
    ];
    for (number, (line, reason, method, path)) in rows.iter().enumerate() {
        let mut caller = gateway.connect("apis").await;
        let request = [line, &b"\r\nHost: a\r\n\r\n"[..]].concat();
        caller.send_in_vain(&request).await;
        let what = line.escape_ascii();
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.verdict(), is(400, reason), "{what}");
        let lines = gateway.lines(number + 1).await;
        assert_eq!(lines.len(), number + 1, "{what}");
        let told = &lines[number];
        assert_eq!(told["reason"], *reason, "{what}");
        assert_eq!(told["method"], *method, "{what}");
        let own = told["path"].as_str().unwrap();
        assert!(own == *path || own.starts_with("/a"), "{what}: {own}");
        assert!(!told.to_string().contains("secret"), "{what}");
    }
    assert!(origin.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_who_is_named_in_full_fits_where() {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let setup = Setup::open(&origin.url, "", "").put(
        "/routes",
        "id: guests\nlistener: apis\nmatch: { path: '/guests/{mailbox}' }\n\
         callers:\n- api_key: { id: payroll, key: { file: payroll.key } }\n  \
         where: { mailbox: ['ann_contoso.com#EXT#@fabrikam.example', '*@fabrikam.example'] }\n\
         upstream: { url: $UPSTREAM }",
    );
    let gateway = setup.gateway().await;
    let key = [format!("X-Api-Key: {API_KEY}")];
    for (mailbox, status) in [
        ("ann_contoso.com%23EXT%23@fabrikam.example", 200),
        ("Ann_Contoso.com%23ext%23%40fabrikam.example", 200),
        ("bob@fabrikam.example", 200),
        ("bob_contoso.com%23EXT%23@fabrikam.example", 403),
        ("ann_contoso.com%23EXT%23@contoso.example", 403),
        ("ceo%23@fabrikam.example", 403),
        ("ann_contoso.com%2523EXT%2523@fabrikam.example", 403),
    ] {
        let reply = gateway
            .get("apis", &format!("/guests/{mailbox}"), &key)
            .await;
        assert_eq!(reply.status, status, "{mailbox}: {}", reply.text());
    }
    let forwarded = origin.heads().remove(0).1;
    assert!(
        forwarded.starts_with("GET /guests/ann_contoso.com%23EXT%23@"),
        "{forwarded}"
    );
}
