//! Under steady load, a file that changes again and again, secrets and keys that are rotated: nobody's
//! request fails, and nothing is left behind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bearergate::fake::Contoso;
use serde_json::json;

use super::load::Load;
use super::{REFUSED, metric, setup};
use crate::support::{API_KEY, Authority, Process, Setup, TlsCaller, eventually};

const SUCCESS: &str = "bearergate_reloads_total{outcome=\"success\"} ";

fn requests(setup: &Setup) -> Vec<String> {
    let token = setup.token().role(Contoso::CALC_ROLE).mint();
    let ask = |path: &str, header: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n{header}\r\n\r\n")
    };
    vec![
        ask(
            "/calc/v1/add/1/1",
            &format!("Authorization: Bearer {token}"),
        ),
        ask("/mail/x", &format!("X-Api-Key: {API_KEY}")),
        ask("/open/x", "X-Some: thing"),
    ]
}

/// Changes something, and waits until that is taken over.
async fn taken_over(gate: &Process, change: impl FnOnce()) {
    let before = metric(gate, SUCCESS).await;
    change();
    eventually("it is taken over", async || {
        metric(gate, SUCCESS).await != before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_reloads_fail_nobody_and_leave_nothing_behind() {
    let mut setup = setup();
    let gate = Process::serve(&setup.written()).await;
    gate.says("\"message\":\"ready\"").await;
    let load = Load::on(gate.address("apis"), requests(&setup)).await;
    let mut memory = Vec::new();
    for turn in 0..200 {
        // Every kind of part is defined otherwise now and then.
        setup.tree["routes"][2]["match"]["path"] = json!("/open/**");
        setup.tree["listeners"]["apis"]["limits"] = json!({ "connections": 500 + turn });
        setup.tree["routes"][2]["upstream"]["timeouts"] =
            json!({ "connect": format!("{}s", 5 + turn % 3) });
        setup.tree["issuers"]["contoso"]["leeway"] = json!(format!("{}s", 30 + turn / 20));
        setup.tree["identities"]["mail-daemon"]["tokens"] =
            json!({ "cool_down": format!("{}s", 5 + turn / 50) });
        let more = json!({
            "id": format!("more-{turn}"), "listener": "apis", "match": { "path": format!("/more/{turn}/**") },
            "callers": "public", "upstream": { "url": "$ECHO" },
        });
        let routes = setup.tree["routes"].as_array_mut().unwrap();
        routes.truncate(3);
        routes.push(more);
        taken_over(&gate, || drop(setup.written())).await;
        if [5, 100, 199].contains(&turn) {
            memory.push(gate.memory());
        }
    }
    let answered = load.end().await;
    println!("{answered} answered; KiB after 5, 100 and 200 reloads: {memory:?}");
    let series = metric(&gate, "bearergate_requests_total").await;
    assert!(!series.is_empty());
    // Logs and the allocator's habits apart, the last is as large as the first.
    assert!(memory[2] < memory[0] + memory[0] / 5 + 4096, "{memory:?}");
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    assert!(!log.contains(REFUSED), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_rotations_of_secrets_and_keys_fail_nobody() {
    let (first, second) = (
        "first~secret-of-the-mail-daemon",
        "second~secret-of-the-mail-daemon",
    );
    let mut setup = setup()
        .file("mail.secret", first)
        .file("other.key", "x".repeat(40));
    // As Entra does: the old secret is good until somebody deletes it.
    setup.contoso.issuer.register(|registry| {
        registry.with_app_changed(Contoso::MAIL_CLIENT, |app| app.secret(first).secret(second))
    });
    setup.add(
        "/routes/1/callers",
        "api_key: { id: other, key: { file: other.key } }",
    );
    let gate = Process::serve(&setup.written()).await;
    gate.says("\"message\":\"ready\"").await;
    let load = Load::on(gate.address("apis"), requests(&setup)).await;
    for turn in 0..50 {
        let secret = if turn % 2 == 0 { second } else { first };
        let (secret_file, key_file) = (setup.path("mail.secret"), setup.path("other.key"));
        taken_over(&gate, || {
            // Half of them as an editor does, half as a script does.
            let new = setup.path("new");
            std::fs::write(&new, secret).unwrap();
            std::fs::rename(&new, secret_file).unwrap();
            std::fs::write(key_file, format!("{turn:040}")).unwrap();
        })
        .await;
    }
    println!("{} answered over 50 rotations", load.end().await);
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    assert!(!log.contains(REFUSED), "{log}");
}

/// Shakes hands and asks, again and again, by one connection or by many; how often, and what failed.
async fn shake_hands(
    address: SocketAddr,
    stays: bool,
    ends: Arc<AtomicBool>,
) -> (usize, Vec<String>) {
    let caller = TlsCaller::default();
    let mut connected = caller.connect(address).await.unwrap();
    let (mut answered, mut failed) = (0, Vec::new());
    while !ends.load(Ordering::Relaxed) {
        let asked = match stays {
            true => connected.get("/x").await,
            false => caller.get(address, "/x").await,
        };
        match asked {
            Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => answered += 1,
            Ok(answer) => failed.push(answer),
            Err(why) => failed.push(why),
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    (answered, failed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rotations_of_a_certificate_fail_no_handshake_and_end_no_connection() {
    let authority = Authority::new("authority");
    let issue = || authority.server(&["gateway.example"]);
    let own = issue();
    let tls = "tls: { certificate: own.cert, key: own.key }";
    let setup = Setup::open("$ECHO", tls, "")
        .put("", "log: { format: json }")
        .file("own.cert", own.chain())
        .file("own.key", own.key());
    let gate = Process::serve(&setup.written()).await;
    let (address, ends) = (gate.address("apis"), Arc::<AtomicBool>::default());
    let callers = [true, false, false]
        .map(|stays| tokio::spawn(shake_hands(address, stays, Arc::clone(&ends))));
    for _ in 0..20 {
        let new = issue();
        // One after the other, as most tools do: in between they do not belong together.
        taken_over(&gate, || {
            std::fs::write(setup.path("own.cert"), new.chain()).unwrap();
            std::fs::write(setup.path("own.key"), new.key()).unwrap();
        })
        .await;
    }
    ends.store(true, Ordering::Relaxed);
    let mut all = 0;
    for caller in callers {
        let (answered, failed) = caller.await.unwrap();
        assert_eq!(failed, Vec::<String>::new());
        all += answered;
    }
    println!("{all} answered over 20 rotations of a certificate");
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    assert!(!log.contains(REFUSED), "{log}");
}
