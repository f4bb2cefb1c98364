//! The process that has the module, from within: it opens what the first line says, and signs what the others
//! hold, until nobody asks any more.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{DumpableBehavior, Signal, getpid, kill_process, set_dumpable_behavior};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::messages::{Answer, LARGEST, Refusal};
use super::module::Token;

/// Asked on standard input, answered on standard output; returns where what is asked makes no sense.
///
/// # Errors
/// Standard output is no pipe that can be written to.
pub fn serve() -> std::io::Result<()> {
    // SECURITY: it holds a PIN, and whoever may trace it, or finds its core, would too.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut answers = File::from(rustix::io::dup(rustix::stdio::stdout())?);
    // What modules print is no answer of ours.
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    let lines = lines();
    let mut answer = |answer: &Answer| {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        answers.write_all(&line)
    };
    let Some(opening) = next(&lines) else {
        return Ok(());
    };
    let token = match Token::open(&opening) {
        Ok(token) => token,
        Err(refusal) => return answer(&Answer::Refused(refusal)),
    };
    drop(opening);
    answer(&Answer::Opened)?;
    while let Some(digest) = next(&lines) {
        answer(&match token.sign(&digest) {
            Ok(signature) => Answer::Signed(STANDARD.encode(signature)),
            Err(why) => Answer::Refused(Refusal::new(why)),
        })?;
    }
    Ok(())
}

/// What is asked. Once the gateway is gone this ends at once: a module that hangs, or that wants to be told
/// goodbye, must not keep it.
fn lines() -> Receiver<Zeroizing<Vec<u8>>> {
    let (to, lines) = sync_channel(1);
    std::thread::spawn(move || {
        let mut from = BufReader::new(std::io::stdin());
        loop {
            let mut line = Zeroizing::new(Vec::with_capacity(LARGEST));
            let read = (&mut from)
                .take(LARGEST as u64)
                .read_until(b'\n', &mut line);
            if !matches!(read, Ok(1..)) || to.send(line).is_err() {
                let _ = kill_process(getpid(), Signal::KILL);
                return;
            }
        }
    });
    lines
}

fn next<T: DeserializeOwned>(lines: &Receiver<Zeroizing<Vec<u8>>>) -> Option<T> {
    serde_json::from_slice(&lines.recv().ok()?).ok()
}
