//! How is a command run that nobody may wait for long, and that must leave nothing behind? In a process
//! group of its own, which is killed as a whole when the command has ended, or has not in time.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::exec::ExecCredential;
use crate::located::visible;

/// The most that it may print; what proves us is a few KiB.
const LARGEST: usize = 64 * 1024;

/// So much of what it complains of is kept, and so much of that is told.
const COMPLAINT: usize = 4 * 1024;
const TOLD: usize = 300;

/// How often it is looked after.
const LOOK: Duration = Duration::from_millis(5);

/// Where it finds programs of its own.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What it printed. `told` goes into its environment too.
///
/// # Errors
/// What went wrong, to stand behind its name. SECURITY: never what it printed.
pub(super) async fn output(
    exec: &ExecCredential,
    told: &[(&str, &str)],
) -> Result<Zeroizing<Vec<u8>>, String> {
    let running = run(exec, told);
    match tokio::time::timeout(exec.timeout, running).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let most = humantime::format_duration(exec.timeout);
            Err(format!("did not end within {most} and was killed"))
        }
    }
}

async fn run(exec: &ExecCredential, told: &[(&str, &str)]) -> Result<Zeroizing<Vec<u8>>, String> {
    let given = exec.environment.iter();
    let given = given.map(|(name, value)| (name.as_str(), value.expose().as_str()));
    let mut child = Command::new(&exec.program)
        .args(&exec.arguments)
        .env_clear()
        .env("PATH", PATH)
        .envs(given)
        .envs(told.iter().copied())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|why| format!("cannot be run: {why}"))?;
    let pid = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (Some(pid), Some(out), Some(err)) = (pid, child.stdout.take(), child.stderr.take()) else {
        return Err("cannot be run: it has no process id".to_owned());
    };
    let mut group = Group::of(pid);
    let reading = async { tokio::try_join!(whole(out), async { Ok(beginning(err).await) }) };
    tokio::pin!(reading);
    let read = tokio::select! {
        read = &mut reading => read,
        () = ended(pid) => {
            // What it left behind may hold its ends of the pipes for ever.
            group.kill();
            reading.await
        }
    };
    let (printed, complaint) = read?;
    ended(pid).await;
    // Before its end is taken note of: until then nobody else has its number.
    group.kill();
    let status = child
        .wait()
        .await
        .map_err(|why| format!("is lost: {why}"))?;
    match status.success() {
        true => Ok(printed),
        false => Err(failure(exec, status, &complaint)),
    }
}

/// The processes that a command began, and those that they did, but for one that leaves the group.
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(pid: Pid) -> Self {
        Self(Some(pid))
    }

    fn kill(&mut self) {
        if let Some(pid) = self.0.take() {
            // There may be none left.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns when the process has ended, and leaves that to be taken note of.
async fn ended(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while let Ok(None) = waitid(WaitId::Pid(pid), options) {
        tokio::time::sleep(LOOK).await;
    }
}

/// All that it printed; too much ends it.
async fn whole(mut from: impl AsyncRead + Unpin) -> Result<Zeroizing<Vec<u8>>, String> {
    // Room for all of it, so that growing leaves no copy behind.
    let mut kept = Zeroizing::new(Vec::with_capacity(LARGEST));
    let mut chunk = Zeroizing::new([0; 4 * 1024]);
    loop {
        match from.read(&mut *chunk).await {
            Ok(0) | Err(_) => return Ok(kept),
            Ok(read) if read > LARGEST - kept.len() => {
                return Err(format!("printed more than {LARGEST} bytes and was killed"));
            }
            Ok(read) => kept.extend_from_slice(&chunk[..read]),
        }
    }
}

/// What comes first of it; the rest is read and forgotten, so that nobody waits for room.
async fn beginning(mut from: impl AsyncRead + Unpin) -> Vec<u8> {
    let (mut kept, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return kept,
            Ok(read) => kept.extend_from_slice(&chunk[..read.min(COMPLAINT - kept.len())]),
        }
    }
}

/// How it ended, and what it said of that, where that gives nothing away.
fn failure(exec: &ExecCredential, status: ExitStatus, complaint: &[u8]) -> String {
    let how = match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was ended by {status}"),
    };
    let text = String::from_utf8_lossy(complaint);
    let said = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    let mut secrets = exec.environment.iter().map(|(_, value)| value.expose());
    match said {
        // SECURITY: what it was given, and what looks like a token, stays out of the log.
        Some(said) if !said.contains("eyJ") && !secrets.any(|it| said.contains(it.as_str())) => {
            let said: String = said.chars().take(TOLD).map(visible).collect();
            format!("{how}; it says: {said}")
        }
        _ => how,
    }
}
