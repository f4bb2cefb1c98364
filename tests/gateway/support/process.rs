//! The gateway as its operators run it: a process with a log, signals and an exit code.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::eventually;

/// `bearergate serve`, running.
pub struct Process {
    child: Child,
    log: Text,
    out: Text,
}

/// What a process wrote so far.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<String>>);

impl Text {
    fn of(stream: impl std::io::Read + Send + 'static) -> Self {
        let text = Self::default();
        let kept = text.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = kept.0.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        text
    }

    fn now(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// The binary with these arguments, ended: exit code, standard output, standard error.
pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_bearergate"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        ended.status.code(),
        text(&ended.stdout),
        text(&ended.stderr),
    )
}

impl Process {
    /// Starts it with this file and waits until it accepts.
    pub async fn serve(yaml: &str, folder: &Path) -> Self {
        let file = folder.join("process.yaml");
        std::fs::write(&file, yaml).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bearergate"))
            .args(["serve", "--config"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Text::of(child.stderr.take().unwrap());
        let out = Text::of(child.stdout.take().unwrap());
        let process = Self { child, log, out };
        eventually("the process accepts", async || {
            process.log().contains("admin listening")
        })
        .await;
        process
    }

    /// Where one of its listeners accepts, or `admin`.
    pub fn address(&self, listener: &str) -> SocketAddr {
        let log = self.log();
        let lines = log.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let name = match line["message"].as_str()? {
                "listening" => line["listener"].as_str()?.to_owned(),
                "admin listening" => "admin".to_owned(),
                _ => return None,
            };
            Some((name, line["address"].as_str()?.parse().ok()?))
        });
        let found = lines.into_iter().find(|(name, _)| name == listener);
        found
            .unwrap_or_else(|| panic!("no listener {listener}: {log}"))
            .1
    }

    /// Sends it a signal, by its own pid.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        eventually("the process ends", async || {
            child.try_wait().unwrap().is_some()
        })
        .await;
        self.child.wait().unwrap().code()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.now()
    }

    /// What it wrote to standard output so far: access lines.
    pub fn out(&self) -> String {
        self.out.now()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
