//! `bearergate why`: one request explained by the gateway that refused it.

use crate::support::{API_KEY, Connection, Process, Ran, Setup, command, eventually, run};

struct Running {
    setup: Setup,
    process: Process,
}

/// A gateway with this `admin`, as its users run it.
async fn running(admin: &str) -> Running {
    let mut setup = Setup::of("cli.yaml");
    setup.set("/admin", admin);
    let process = Process::serve(&setup.written()).await;
    Running { setup, process }
}

impl Running {
    /// Asks with a key that is none; the request's id.
    async fn refused(&self) -> String {
        let mut connection = Connection::open(self.process.address("legacy")).await;
        let key = "X-Api-Key: 0123456789abcdef0123456789abcdef";
        connection
            .send(format!("GET /mail/a HTTP/1.1\r\nHost: a\r\n{key}\r\n\r\n"))
            .await;
        let reply = connection.reply().await.unwrap();
        assert_eq!(reply.reason(), "bad_key");
        reply.header("x-request-id").unwrap().to_owned()
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.process.address("admin").port())
    }

    /// What the command says once the request has ended.
    async fn why(&self, id: &str, more: &[&str]) -> Ran {
        let address = self.address();
        let arguments: Vec<&str> = ["why", id, "--address", address.as_str()]
            .iter()
            .chain(more)
            .copied()
            .collect();
        let ask = || Ran::of(command(&arguments).output().unwrap());
        eventually("the request is remembered", async || ask().code == Some(0)).await;
        ask()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_was_proven_what_was_wanted_and_what_to_do() {
    let running = running("{ address: 127.0.0.1:0 }").await;
    let id = running.refused().await;
    let ran = running.why(&id, &[]).await.says(&[
        "GET /mail/a",
        "401, bad_key: The API key is not accepted here.",
        &id,
        "mail",
        "from          127.0.0.1",
        "proven        nothing",
        "what to do    A key lives with its route",
        "the caller    Compare the key",
    ]);
    assert_eq!(ran.err, "");
    let json: serde_json::Value =
        serde_json::from_str(&running.why(&id, &["--json"]).await.out).unwrap();
    assert_eq!(
        (&json["request_id"], &json["reason"]),
        (&id.as_str().into(), &"bad_key".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_says_whom_to_ask() {
    let mut running = running("{ address: 127.0.0.1:0 }").await;
    let id = running.refused().await;
    running.why(&id, &[]).await;
    let address = running.process.address("admin");
    running
        .setup
        .set("/admin", &format!("{{ address: \"{address}\" }}"));
    let file = running.setup.written();
    run(&["why", &id, "-c", &file]).ends(0).says(&["bad_key"]);
    let ran = command(&["why", &id])
        .env("BEARERGATE_CONFIG", &file)
        .output();
    Ran::of(ran.unwrap()).ends(0).says(&["bad_key"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_say_who_asks_does_so_by_a_file() {
    let admin =
        "{ address: 0.0.0.0:0, callers: [api_key: { id: payroll, key: { file: payroll.key } }] }";
    let running = running(admin).await;
    let id = running.refused().await;
    let address = running.address();
    run(&["why", &id, "--address", &address]).ends(1).says(&[
        "asks who you are",
        "--key-file",
        "admin.callers",
    ]);
    let key = running.setup.path("payroll.key").display().to_string();
    let ran = running
        .why(&id, &["--key-file", &key])
        .await
        .says(&["bad_key"]);
    assert!(!ran.out.contains(API_KEY));
    let wrong = running.setup.path("night.key").display().to_string();
    let ran = run(&["why", &id, "--address", &address, "--key-file", &wrong]).ends(1);
    assert!(!ran.err.contains("night-"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_remembered_and_who_cannot_be_asked_is_said() {
    let running = running("{ address: 127.0.0.1:0 }").await;
    let address = running.address();
    run(&["why", "nobody", "--address", &address])
        .ends(1)
        .says(&["does not remember nobody", "access line"]);
    let traffic = format!("http://{}", running.process.address("legacy"));
    run(&["why", "nobody", "--address", &traffic])
        .ends(1)
        .says(&["does not exist", "admin listener"]);
    run(&["why", "nobody", "--address", "http://127.0.0.1:1"])
        .ends(1)
        .says(&["does not answer"]);
    run(&["why", "nobody", "--address", "http://192.0.2.1:9090"])
        .ends(2)
        .says(&["only https, or http to a loopback address"]);
    run(&["why", "nobody"]).ends(2).says(&["--address"]);
    let mut setup = Setup::of("cli.yaml");
    setup.tree.as_object_mut().unwrap().remove("admin");
    run(&["why", "nobody", "-c", &setup.written()])
        .ends(2)
        .says(&["no `admin`"]);
}
