//! The binary as its users run it: a command that ends, or a process with a log and signals.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::{eventually, scan};

/// `bearergate` with these arguments and nothing of this process's environment that it reads.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bearergate"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["BEARERGATE_CONFIG", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("RUST_BACKTRACE", "1");
    command
}

pub fn run(arguments: &[&str]) -> Ran {
    Ran::of(command(arguments).output().unwrap())
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let ran = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        scan::look("standard error", &ran.err);
        for word in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!ran.err.contains(word), "{}", ran.err);
        }
        ran
    }

    /// Ended with this code; a failure says so on standard error, in lines of its own.
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(code == 0 || self.err.ends_with('\n'), "{self:?}");
        self
    }

    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "{word} in {self:?}"
            );
        }
        self
    }
}

/// A process that is ended with the test.
pub struct Process {
    child: Child,
    out: Stream,
    log: Stream,
}

/// What a process writes to one of its streams.
struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let kept = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = kept.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn now(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// All of it, once the process has ended.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.now()
    }
}

impl Process {
    pub fn start(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        Self::spawn(command(arguments), change)
    }

    /// The same by another program, which starts it.
    pub fn start_as(program: &str, change: impl FnOnce(&mut Command)) -> Self {
        Self::spawn(Command::new(program), change)
    }

    fn spawn(mut command: Command, change: impl FnOnce(&mut Command)) -> Self {
        change(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut child = command.spawn().unwrap();
        let out = Stream::of(child.stdout.take().unwrap());
        let log = Stream::of(child.stderr.take().unwrap());
        Self { child, out, log }
    }

    /// Serves this file, and accepts.
    pub async fn serve(config: &str) -> Self {
        Self::serve_as(config, |_| {}).await
    }

    /// The same with another environment.
    pub async fn serve_as(config: &str, change: impl FnOnce(&mut Command)) -> Self {
        let process = Self::start(&["serve", "--config", config], change);
        process.says("admin listening").await;
        process
    }

    /// Waits until it has written this, to whichever stream.
    pub async fn says(&self, words: &str) {
        eventually(words, async || {
            self.log().contains(words) || self.out().contains(words)
        })
        .await;
    }

    /// Where one of its listeners accepts, or `admin`.
    pub fn address(&self, listener: &str) -> SocketAddr {
        let log = self.log();
        let mut lines = log.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let name = match line["message"].as_str()? {
                "listening" => line["listener"].as_str()?,
                "admin listening" => "admin",
                _ => return None,
            };
            (name == listener).then(|| line["address"].as_str()?.parse().ok())?
        });
        let found = lines.next();
        found.unwrap_or_else(|| panic!("no listener {listener}: {log}"))
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

    /// Ends it as its operator does: the exit code, standard output, and the log.
    pub async fn stop(mut self) -> (Option<i32>, String, String) {
        self.signal("TERM");
        let code = self.ended().await;
        (code, self.out.whole(), self.log.whole())
    }

    /// How many threads it has now.
    pub fn threads(&self) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        tasks.unwrap().count()
    }

    /// How many files and sockets it has open.
    pub fn descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        open.unwrap().count()
    }

    /// The memory that it has resident, in KiB.
    pub fn memory(&self) -> usize {
        let about = format!("/proc/{}/status", self.child.id());
        let about = std::fs::read_to_string(about).unwrap();
        let line = about.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.now()
    }

    /// What it wrote to standard output so far.
    pub fn out(&self) -> String {
        self.out.now()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        scan::look("the program's log", &self.log.now());
    }
}
