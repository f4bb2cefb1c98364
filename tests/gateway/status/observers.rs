//! Whom the page is shown to: on loopback whoever is there, elsewhere those whom the file names, and
//! nobody by mistake.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const PAGES: [&str; 2] = ["/status", "/status.json"];
const OTHER_KEY: &str = "ops-fedcba9876543210fedcba9876543210";

/// The API that adds numbers, with this `admin`.
fn admin(yaml: &str) -> Setup {
    let mut setup = Setup::of("calc.yaml").file("ops.key", OTHER_KEY);
    setup.set("/admin", yaml);
    setup
}

async fn ask(world: &World, path: &str, host: &str, lines: &[&str]) -> Reply {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n");
    world.gateway.raw("admin", request).await
}

async fn statuses(world: &World, host: &str, lines: &[&str]) -> [u16; 2] {
    let mut statuses = [0; 2];
    for (place, path) in PAGES.iter().enumerate() {
        statuses[place] = ask(world, path, host, lines).await.status;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn off_loopback_it_is_for_nobody_unless_somebody_is_named() {
    let world = admin("{ address: 0.0.0.0:0 }").start().await;
    for host in ["localhost", "127.0.0.1", "gateway.example"] {
        assert_eq!(statuses(&world, host, &[]).await, [403, 403], "{host}");
    }
    let reply = ask(&world, "/status", "localhost", &[]).await;
    assert!(reply.text().contains("`admin.callers`"), "{}", reply.text());
    for probe in ["/livez", "/metrics"] {
        assert_eq!(ask(&world, probe, "gateway.example", &[]).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_loopback_it_is_for_whoever_is_there_but_no_web_page() {
    let world = admin("{ address: 127.0.0.1:0 }").start().await;
    assert_eq!(statuses(&world, "localhost", &[]).await, [200, 200]);
    assert_eq!(statuses(&world, "attacker.example", &[]).await, [421, 421]);
    // What a proxy on this host asks for, it asks for others.
    for line in [
        "X-Forwarded-For: 192.0.2.7",
        "Forwarded: for=192.0.2.7",
        "X-Real-IP: 192.0.2.7",
        "Via: 1.1 proxy",
        "Sec-Fetch-Site: cross-site",
        "Origin: http://attacker.example",
    ] {
        assert_eq!(
            statuses(&world, "localhost", &[line]).await,
            [403, 403],
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_it_and_no_other_key_does() {
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let yaml = format!(
            "{{ address: {address}, callers: [api_key: {{ id: ops, key: {{ file: ops.key }} }}] }}"
        );
        let world = admin(&yaml).ready().await;
        let basic = |user: &str, key: &str| {
            format!(
                "Authorization: Basic {}",
                STANDARD.encode(format!("{user}:{key}"))
            )
        };
        let good = format!("X-Api-Key: {OTHER_KEY}");
        let of_a_route = format!("X-Api-Key: {API_KEY}");
        for (lines, status) in [
            (vec![], 401),
            (vec![good.clone()], 200),
            (vec![basic("ops", OTHER_KEY)], 200),
            (vec![of_a_route], 401),
            (vec![basic("payroll", OTHER_KEY)], 401),
            (vec![good.clone(), good.clone()], 400),
            (vec![good.clone(), "X-Api-Key: x".to_owned()], 400),
            (vec!["Authorization: Bearer a.b.c".to_owned()], 401),
        ] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(
                statuses(&world, "localhost", &lines).await,
                [status; 2],
                "{lines:?}"
            );
        }
        let asked = ask(&world, "/status", "localhost", &[]).await;
        let challenge = asked.header("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Basic realm=\"bearergate status\""),
            "{challenge}"
        );
        assert_eq!(asked.reason(), "no_credential");
        assert!(
            !asked.text().contains("ops"),
            "it does not say who would be let in"
        );
        // What probes and Prometheus ask is open as before.
        for open in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(
                ask(&world, open, "localhost", &[]).await.status,
                200,
                "{open}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_it_as_it_would_a_route() {
    let callers = "[bearer: { issuer: contoso, audiences: [$CALC_API], roles: [Operator] }]";
    let yaml = format!("{{ address: 0.0.0.0:0, callers: {callers} }}");
    let mut world = admin(&yaml).ready().await;
    let token = |role: &str| format!("Authorization: Bearer {}", world.token().role(role).mint());
    let (operator, other) = (token("Operator"), token("Other"));
    let expired = world.token().role("Operator").claim("exp", 1).mint();
    let expired = format!("Authorization: Bearer {expired}");
    for (line, status) in [(&operator, 200), (&other, 403), (&expired, 401)] {
        assert_eq!(
            statuses(&world, "gateway.example", &[line]).await,
            [status; 2]
        );
    }
    // The keys are asked for by nobody else, and an outage is no refusal.
    let unknown = world.token().role("Operator").kid("nobody").mint();
    world.stop_issuer().await;
    let line = format!("Authorization: Bearer {unknown}");
    let reply = ask(&world, "/status", "gateway.example", &[&line]).await;
    assert_eq!(reply.reason(), "keys_unavailable");
    assert!(reply.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_opens_it_and_is_not_to_be_claimed() {
    let near = admin("{ address: 0.0.0.0:0, callers: [network: [127.0.0.0/8]] }")
        .start()
        .await;
    assert_eq!(statuses(&near, "127.0.0.1:9090", &[]).await, [200, 200]);
    assert_eq!(statuses(&near, "localhost:9090", &[]).await, [200, 200]);
    // A web page's own name that leads here (DNS rebinding).
    for (host, status) in [
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
        ("localhost@attacker.example", 400),
    ] {
        assert_eq!(statuses(&near, host, &[]).await, [status; 2], "{host}");
    }
    let far = admin("{ address: 0.0.0.0:0, callers: [network: [10.0.0.0/8]] }")
        .start()
        .await;
    for claim in [
        "X-Forwarded-For: 10.0.0.1",
        "Forwarded: for=10.0.0.1",
        "X-Real-Ip: 10.0.0.1",
    ] {
        assert_eq!(
            statuses(&far, "127.0.0.1", &[claim]).await,
            [403, 403],
            "{claim}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_file_becomes_holds_with_the_next_request() {
    let mut world = admin("{ address: 127.0.0.1:0 }").start().await;
    assert_eq!(statuses(&world, "localhost", &[]).await, [200, 200]);
    world.add(
        "/admin",
        "callers: [api_key: { id: ops, key: { file: ops.key } }]",
    );
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(statuses(&world, "localhost", &[]).await, [401, 401]);
    let good = format!("X-Api-Key: {OTHER_KEY}");
    assert_eq!(statuses(&world, "localhost", &[&good]).await, [200, 200]);
    std::fs::write(world.path("ops.key"), API_KEY).unwrap();
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(statuses(&world, "localhost", &[&good]).await, [401, 401]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_guarded_like_the_page() {
    let open = admin("{ address: 127.0.0.1:0 }").start().await;
    let closed = admin(
        "{ address: 127.0.0.1:0, callers: [api_key: { id: ops, key: { file: payroll.key } }] }",
    )
    .start()
    .await;
    for (world, lines, status) in [
        (&open, "Host: localhost", 200),
        (&open, "Host: attacker.example", 421),
        (
            &open,
            "Host: localhost\r\nOrigin: http://attacker.example",
            403,
        ),
        (&closed, "Host: localhost", 401),
    ] {
        let request = format!("GET /status HTTP/1.1\r\n{lines}\r\nConnection: close\r\n\r\n");
        let reply = world.gateway.raw("admin", request).await;
        assert_eq!(reply.status, status, "{lines}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{status}");
        }
    }
    let two = "GET /status HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example\r\nConnection: close\r\n\r\n";
    let status = open.gateway.raw("admin", two).await.status;
    assert!([400, 421].contains(&status), "{status}");
}
