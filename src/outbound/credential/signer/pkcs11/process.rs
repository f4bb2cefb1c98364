//! The process that has the module: started, asked, and killed with all that it began.

use std::io;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Pid;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use zeroize::Zeroizing;

use super::Pkcs11Key;
use super::messages::{Answer, Digest, LARGEST, Opening, Refusal};
use crate::outbound::credential::command::{Group, PATH};

/// What this program is told to do there; no command for people.
pub const SIGNING_COMMAND: &str = "sign-by-pkcs11";

pub(super) struct Process {
    // Dropped first: until its end is taken note of, nobody else has its number.
    _group: Group,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// Why there is no signature.
#[derive(Debug)]
pub(super) enum Failure {
    /// The module, or the token, said so.
    Refused(Refusal),
    /// The process could not be started, or is lost.
    Process(String),
}

impl Process {
    /// One that is logged in to the token, and has found the key.
    pub(super) async fn start(key: &Pkcs11Key, opening: &Opening) -> Result<Self, Failure> {
        let given = key.environment.iter();
        let given = given.map(|(name, value)| (name.as_str(), value.expose().as_str()));
        let mut child = Command::new(&key.program)
            .arg(SIGNING_COMMAND)
            .env_clear()
            .env("PATH", PATH)
            .envs(given)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Modules tell of their troubles in words of their own; those for us come as answers.
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| lost(format!("cannot be started: {why}")))?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (Some(pid), Some(to), Some(from)) = (pid, child.stdin.take(), child.stdout.take())
        else {
            return Err(lost("cannot be started: it has no process id"));
        };
        let mut process = Self {
            _group: Group::of(pid),
            child,
            to,
            from: BufReader::new(from),
        };
        match process.ask(opening).await? {
            Answer::Opened => Ok(process),
            other => Err(process.unexpected(other)),
        }
    }

    pub(super) async fn sign(&mut self, digest: &Digest) -> Result<Vec<u8>, Failure> {
        match self.ask(digest).await? {
            Answer::Signed(signature) => {
                let signature = STANDARD.decode(signature).ok();
                signature.ok_or_else(|| lost("says what is no signature"))
            }
            other => Err(self.unexpected(other)),
        }
    }

    async fn ask(&mut self, what: &impl Serialize) -> Result<Answer, Failure> {
        // SECURITY: it may hold the PIN. Room for all of it, so that growing leaves no copy behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LARGEST));
        serde_json::to_writer(&mut *line, what).map_err(|why| lost(why.to_string()))?;
        line.push(b'\n');
        let asked = self.exchange(&line).await;
        match asked.map(|answer| serde_json::from_slice(&answer)) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(self.ended().await),
            Err(_) => Err(self.ended().await),
        }
    }

    /// A line for a line.
    async fn exchange(&mut self, line: &[u8]) -> io::Result<Vec<u8>> {
        self.to.write_all(line).await?;
        self.to.flush().await?;
        let mut answer = Vec::new();
        let mut bounded = (&mut self.from).take(LARGEST as u64);
        bounded.read_until(b'\n', &mut answer).await?;
        Ok(answer)
    }

    /// It does not answer as it should. What became of it?
    async fn ended(&mut self) -> Failure {
        let _ = self.child.start_kill();
        match self.child.wait().await {
            Ok(status) => lost(format!("ended ({status})")),
            Err(why) => lost(format!("is lost: {why}")),
        }
    }

    fn unexpected(&self, answer: Answer) -> Failure {
        match answer {
            Answer::Refused(refusal) => Failure::Refused(refusal),
            Answer::Opened | Answer::Signed(_) => lost("answers what it was not asked"),
        }
    }
}

fn lost(how: impl AsRef<str>) -> Failure {
    Failure::Process(format!(
        "the process that loads the module {}",
        how.as_ref()
    ))
}
