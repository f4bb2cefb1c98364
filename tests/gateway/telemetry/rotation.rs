//! Access lines in a file that is moved away under load, as logrotate does it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Connection, Process, Setup, eventually, run};

const CALLERS: usize = 4;
const ROTATIONS: usize = 8;

fn setup(path: &str) -> Setup {
    let mut setup = Setup::of("reload.yaml");
    setup.tree["log"] = serde_json::json!({ "access": { "file": path } });
    setup
}

/// Every line, parsed; each is whole.
fn lines(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "{}",
        path.display()
    );
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["kind"], "access");
    }
    text.lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_and_none_is_torn_while_files_are_moved_away() {
    let setup = setup("access.log");
    let gate = Process::serve(&setup.written()).await;
    let address = gate.address("apis");
    let (asked, ends) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (asked, ends) = (Arc::clone(&asked), Arc::clone(&ends));
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                while !ends.load(Ordering::Acquire) {
                    let request = "GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n";
                    connection.send(request).await;
                    assert_eq!(connection.reply().await.unwrap().status, 200);
                    asked.fetch_add(1, Ordering::AcqRel);
                }
            })
        })
        .collect();
    let path = setup.path("access.log");
    let moved = |number| setup.path(&format!("access.log.{number}"));
    for number in 0..ROTATIONS {
        let before = asked.load(Ordering::Acquire);
        eventually("lines come", async || {
            asked.load(Ordering::Acquire) > before + 20 && path.exists()
        })
        .await;
        std::fs::rename(&path, moved(number)).unwrap();
        gate.signal("USR1");
        eventually("the file is there anew", async || path.exists()).await;
    }
    ends.store(true, Ordering::Release);
    for caller in callers {
        caller.await.unwrap();
    }
    let (code, out, log) = gate.stop().await;
    assert_eq!((code, out.as_str()), (Some(0), ""), "{log}");
    assert_eq!(
        log.matches("access log opened anew").count(),
        ROTATIONS,
        "{log}"
    );
    let all: usize = (0..ROTATIONS).map(|number| lines(&moved(number))).sum();
    assert_eq!(all + lines(&path), asked.load(Ordering::Acquire));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_lines_go_to_a_file_the_signal_does_no_harm() {
    let mut gate = Process::serve(&Setup::of("reload.yaml").written()).await;
    gate.signal("USR1");
    gate.says("SIGUSR1").await;
    assert!(gate.is_running());
    assert_eq!(gate.stop().await.0, Some(0));
}

#[tokio::test]
async fn a_start_fails_where_the_file_cannot_be_written() {
    let setup = setup("nowhere/access.log");
    run(&["serve", "--config", &setup.written()])
        .ends(1)
        .says(&["log.access.file", "nowhere/access.log", "No such file"]);
}
