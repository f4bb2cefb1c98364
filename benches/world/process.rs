//! A process of ours on its cores: what it says, what it has spent, and its end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Ended when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// This very program in another role; its first line says that it is ready, or how it went.
    pub(crate) fn role(cores: &str, arguments: &[String]) -> Self {
        let myself = std::env::current_exe().unwrap();
        Self::start(cores, myself.as_os_str(), arguments, Stdio::piped())
    }

    /// Any program.
    pub(crate) fn start(cores: &str, program: &OsStr, arguments: &[String], out: Stdio) -> Self {
        let mut child = Command::new("taskset")
            .args(["-c", cores])
            .arg(program)
            .args(arguments)
            .stdout(out)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("taskset, of util-linux");
        let lines = child.stdout.take().map(BufReader::new);
        Self { child, lines }
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        if let Some(lines) = &mut self.lines {
            lines.read_line(&mut line).unwrap();
        }
        line.trim().to_owned()
    }

    /// Time on a processor, all threads; to the nanosecond, where /proc/PID/stat has ticks of 10 ms.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let spent = tasks.filter_map(|task| {
            // A thread that has just ended has no file any more.
            let schedstat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            schedstat.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(spent.sum())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
