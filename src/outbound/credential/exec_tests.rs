use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::reason::Reason;

fn shell(script: &str) -> ExecCredential {
    shell_given(script, Duration::from_secs(20), Vec::new())
}

fn shell_given(
    script: &str,
    timeout: Duration,
    environment: Vec<(String, Secret<String>)>,
) -> ExecCredential {
    let arguments = vec!["-c".to_owned(), script.to_owned()];
    ExecCredential::new(
        "/bin/sh".into(),
        arguments,
        Prints::Secret,
        timeout,
        environment,
    )
}

async fn printed(exec: &ExecCredential) -> Result<String, String> {
    let told = [("BEARERGATE_CLIENT_ID", "client")];
    let bytes = command::output(exec, &told).await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn it_prints_and_its_surroundings_are_its_own() {
    let given = vec![("GIVEN".to_owned(), Secret::new("word".to_owned()))];
    let exec = shell_given("/usr/bin/env; pwd; cat", Duration::from_secs(20), given);
    let printed = printed(&exec).await.unwrap();
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    // What the shell itself sets.
    lines.retain(|line| {
        !["PWD=", "SHLVL=", "_="]
            .iter()
            .any(|own| line.starts_with(own))
    });
    let path = format!("PATH={}", command::PATH);
    assert_eq!(
        lines,
        ["/", "BEARERGATE_CLIENT_ID=client", "GIVEN=word", &path]
    );
}

#[tokio::test]
async fn how_it_failed_is_told_and_what_it_printed_is_not() {
    let given = vec![("GIVEN".to_owned(), Secret::new("a-hidden-word".to_owned()))];
    for (script, expected) in [
        ("echo MARK; exit 3", "ended with exit code 3"),
        (
            "echo MARK; echo 'no such key' >&2; exit 1",
            "ended with exit code 1; it says: no such key",
        ),
        (
            "echo first >&2; echo last >&2; exit 1",
            "ended with exit code 1; it says: last",
        ),
        ("echo $GIVEN >&2; exit 1", "ended with exit code 1"),
        (
            "echo eyJhbGciOiJub25lIn0.e30. >&2; exit 1",
            "ended with exit code 1",
        ),
        (
            "printf 'a\\033[31mb' >&2; exit 1",
            "ended with exit code 1; it says: a\u{fffd}[31mb",
        ),
        ("kill -9 $$", "was ended by signal: 9 (SIGKILL)"),
        ("yes MARK", "printed more than 65536 bytes and was killed"),
    ] {
        let exec = shell_given(script, Duration::from_secs(20), given.clone());
        assert_eq!(printed(&exec).await.unwrap_err(), expected, "{script}");
    }
    let mut exec = shell("");
    exec.program = "/nonexistent".into();
    let why = printed(&exec).await.unwrap_err();
    assert!(why.starts_with("cannot be run: No such file"), "{why}");
}

#[tokio::test]
async fn long_complaints_hold_nobody_up() {
    let script = "i=0; while [ $i -lt 3000 ]; do echo 'a long complaint about nothing at all' >&2; i=$((i+1)); done; echo x";
    assert_eq!(printed(&shell(script)).await.unwrap(), "x\n");
}

/// Waits until no such process is left.
async fn is_gone(pid: &str) -> bool {
    let path = format!("/proc/{pid}/stat");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        // A zombie waits for whoever adopted it, and does nothing any more.
        let stat = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_what_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!(
        "sleep 1000 & echo $! > {0}; echo $$ >> {0}; sleep 1000",
        pids.display()
    );
    let exec = shell_given(&script, Duration::from_secs(1), Vec::new());
    let why = printed(&exec).await.unwrap_err();
    assert_eq!(why, "did not end within 1s and was killed");
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        assert!(is_gone(pid).await, "{pid} lives on");
    }
}

#[tokio::test]
async fn who_stays_behind_is_killed_and_holds_nobody_up() {
    let exec = shell("sleep 1000 & echo $!");
    let pid = printed(&exec).await.unwrap();
    assert!(is_gone(pid.trim()).await, "it lives on");
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_any_more_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let exec = shell(&format!("echo $$ > {}; sleep 1000", pids.display()));
    let running = tokio::spawn(async move { printed(&exec).await });
    while std::fs::read_to_string(&pids)
        .unwrap_or_default()
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    let pid = std::fs::read_to_string(&pids).unwrap();
    assert!(is_gone(pid.trim()).await, "it lives on");
}

#[test]
fn a_secret_is_one_line() {
    assert_eq!(secret(b"p~w q\n").unwrap().expose(), "p~w q");
    assert_eq!(secret(b"p\r\n").unwrap().expose(), "p");
    for printed in [&b""[..], b"\n", b"a\nb\n", b"a\0b", b"\xff", b"a\n\n"] {
        assert!(secret(printed).is_err(), "{printed:?}");
    }
}

mod asked {
    //! With a token endpoint that takes whatever comes.

    use std::sync::Arc;

    use http::StatusCode;
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;
    use crate::entra::{Dialect, Endpoint, Grant};
    use crate::fake::{Intake, Origin, Request, Response, Running, bind, serve};
    use crate::http_client::{FetchDefinition, HttpClient};

    const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);

    #[derive(Default)]
    struct Door {
        came: Mutex<Vec<String>>,
        refuses: Mutex<u32>,
    }

    impl Origin for Door {
        fn intake(&self) -> Intake {
            Intake::Whole(64 * 1024)
        }

        fn answer(&self, request: &Request) -> Response {
            let form = url::form_urlencoded::parse(&request.body.kept);
            let proof = |name: &str| ["client_secret", "client_assertion"].contains(&name);
            let mut proofs = form.into_owned().filter(|(name, _)| proof(name));
            self.came.lock().push(proofs.next().unwrap().1);
            let mut refuses = self.refuses.lock();
            if *refuses > 0 {
                *refuses -= 1;
                let body = json!({ "error": "invalid_client", "error_codes": [700_024] });
                return Response::json(StatusCode::UNAUTHORIZED, &body);
            }
            let body = json!({ "token_type": "Bearer", "access_token": "a.b.c", "expires_in": 60 });
            Response::json(StatusCode::OK, &body)
        }
    }

    async fn acquire(
        exec: &ExecCredential,
        door: &Running,
        seconds: u64,
    ) -> Result<TokenResponse, TokenRequestError> {
        acquire_at(exec, &door.base(), seconds).await
    }

    async fn acquire_at(
        exec: &ExecCredential,
        url: &str,
        seconds: u64,
    ) -> Result<TokenResponse, TokenRequestError> {
        let request = TokenRequest {
            http: &HttpClient::new(&FetchDefinition::default()).unwrap(),
            url,
            audience: url,
            dialect: Dialect::Entra(Endpoint::V2),
            client_id: "client",
            scope: "x/.default",
            grant: Grant::ClientCredentials,
            claims: None,
            is_elsewhere: false,
            now: NOW.plus(Duration::from_secs(seconds)),
        };
        exec.acquire(&request).await
    }

    fn open() -> (Arc<Door>, Running) {
        let door = Arc::new(Door::default());
        let running = serve(bind(0).unwrap(), None, Arc::clone(&door) as Arc<dyn Origin>);
        (door, running.unwrap())
    }

    /// Prints an assertion that ends `life` seconds after NOW, another one each time.
    fn mint(folder: &Path, life: u64) -> ExecCredential {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let end = NOW.seconds() + life;
        let start = format!(
            "{}.{}.",
            part(r#"{"alg":"RS256"}"#),
            part(&format!(r#"{{"exp":{end}}}"#))
        );
        let count = folder.join("count");
        // base64url without padding, whatever the count is.
        let script = format!(
            "echo x >> {0}; printf '{start}AAA%s' $(wc -l < {0})",
            count.display()
        );
        let mut exec = shell(&script);
        exec.prints = Prints::Assertion;
        exec
    }

    #[tokio::test]
    async fn an_assertion_is_used_until_a_minute_before_its_end() {
        let (door, running) = open();
        let folder = tempfile::tempdir().unwrap();
        let exec = mint(folder.path(), 600);
        for (seconds, runs) in [(0, 1), (1, 1), (539, 1), (540, 2)] {
            acquire(&exec, &running, seconds).await.unwrap();
            let came = door.came.lock();
            let last = came.last().unwrap();
            assert!(last.ends_with(&format!("AAA{runs}")), "{seconds}: {last}");
        }
        assert_eq!(exec.ends_at(), Some(NOW.plus(Duration::from_secs(600))));
        let error = acquire(&exec, &running, 600).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "/bin/sh printed an assertion that has ended"
        );
        assert_eq!(error.reason(), Reason::CredentialUnavailable);
        assert!(error.blames_credential());
    }

    #[tokio::test]
    async fn a_kept_assertion_that_is_refused_is_made_anew_once() {
        let (door, running) = open();
        let folder = tempfile::tempdir().unwrap();
        let exec = mint(folder.path(), 600);
        acquire(&exec, &running, 0).await.unwrap();
        *door.refuses.lock() = 1;
        acquire(&exec, &running, 1).await.unwrap();
        *door.refuses.lock() = 2;
        assert!(acquire(&exec, &running, 2).await.is_err());
        let came = std::mem::take(&mut *door.came.lock());
        let ends: Vec<_> = came
            .iter()
            .map(|it| it[it.len() - 1..].to_owned())
            .collect();
        assert_eq!(ends, ["1", "1", "2", "2", "3"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_the_token_endpoint_that_another_waits_for() {
        let (_door, running) = open();
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let exec = mint(folder.path(), 600);
        let beside = async {
            let _socket = silent.accept().await.unwrap();
            acquire(&exec, &running, 1).await
        };
        tokio::select! {
            _ = acquire_at(&exec, &url, 0) => panic!("nobody answers there"),
            token = beside => assert!(token.is_ok()),
        }
    }

    #[tokio::test]
    async fn a_secret_is_asked_for_each_time_and_what_is_none_goes_nowhere() {
        let (door, running) = open();
        acquire(&shell("echo 'p~w'"), &running, 0).await.unwrap();
        assert_eq!(*door.came.lock(), ["p~w"]);
        let mut assertion = shell("echo 'p~w'");
        assertion.prints = Prints::Assertion;
        for exec in [assertion, shell("printf 'a\\nb\\n'"), shell("exit 7")] {
            let error = acquire(&exec, &running, 0).await.unwrap_err();
            assert_eq!(error.reason(), Reason::CredentialUnavailable, "{error}");
            assert!(!error.to_string().contains("p~w"), "{error}");
        }
        assert_eq!(door.came.lock().len(), 1);
    }
}
