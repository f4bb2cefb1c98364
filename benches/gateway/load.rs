//! A closed loop over 64 keep-alive connections. Prints how many requests were answered as they
//! must be, or what came instead.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 64;

/// What is sent: each line of a file is one request's credential.
pub(super) struct Load {
    /// Where to.
    pub(super) address: String,
    /// How long, at most.
    pub(super) seconds: u64,
    /// The status every answer must have.
    pub(super) status: u16,
    /// The lines.
    pub(super) file: String,
    /// Which of them.
    pub(super) lines: std::ops::Range<usize>,
    /// Each line only once, else over and over.
    pub(super) once: bool,
}

impl Load {
    pub(super) fn arguments(&self) -> [String; 8] {
        [
            "load".to_owned(),
            self.address.clone(),
            self.seconds.to_string(),
            self.status.to_string(),
            self.file.clone(),
            self.lines.start.to_string(),
            self.lines.end.to_string(),
            self.once.to_string(),
        ]
    }

    fn of(arguments: &[String]) -> Self {
        Self {
            address: arguments[1].clone(),
            seconds: arguments[2].parse().unwrap(),
            status: arguments[3].parse().unwrap(),
            file: arguments[4].clone(),
            lines: arguments[5].parse().unwrap()..arguments[6].parse().unwrap(),
            once: arguments[7].parse().unwrap(),
        }
    }

    /// The requests, ready to be written: nothing is built while it counts.
    fn requests(&self) -> Vec<Vec<u8>> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let lines = text.lines().skip(self.lines.start).take(self.lines.len());
        let head = format!("GET /r0/items/17 HTTP/1.1\r\nHost: {}\r\n", self.address);
        lines
            .map(|line| {
                format!("{head}Accept: */*\r\nUser-Agent: load\r\n{line}\r\n\r\n").into_bytes()
            })
            .collect()
    }
}

pub(super) fn run(arguments: &[String]) {
    let load = Load::of(arguments);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answered = tokio::task::LocalSet::new().block_on(&runtime, drive(load));
    match answered {
        Ok(answers) => println!("{answers}"),
        Err(instead) => println!("{instead}"),
    }
}

async fn drive(load: Load) -> Result<usize, String> {
    let requests = Rc::new(load.requests());
    let next = Rc::new(AtomicUsize::new(0));
    let over = Rc::new(AtomicBool::new(false));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(&load.address)
            .await
            .map_err(|why| why.to_string())?;
        stream.set_nodelay(true).unwrap();
        let (requests, next, over) = (Rc::clone(&requests), Rc::clone(&next), Rc::clone(&over));
        let (once, status) = (load.once, format!("HTTP/1.1 {} ", load.status));
        connections.push(tokio::task::spawn_local(async move {
            let mut buffer = vec![0; 16 * 1024];
            let mut answers = 0;
            while !over.load(Ordering::Relaxed) {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if once && turn >= requests.len() {
                    break;
                }
                let request = &requests[turn % requests.len()];
                stream
                    .write_all(request)
                    .await
                    .map_err(|why| why.to_string())?;
                let answer = answer(&mut stream, &mut buffer).await?;
                if !answer.starts_with(status.as_bytes()) {
                    return Err(String::from_utf8_lossy(answer).replace("\r\n", " | "));
                }
                answers += 1;
            }
            Ok(answers)
        }));
    }
    tokio::task::spawn_local(async move {
        tokio::time::sleep(Duration::from_secs(load.seconds)).await;
        over.store(true, Ordering::Relaxed);
    });
    let mut sum = 0;
    for connection in connections {
        sum += connection.await.unwrap()?;
    }
    Ok(sum)
}

/// One whole answer.
async fn answer<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> Result<&'a [u8], String> {
    let mut held = 0;
    let mut whole = None;
    loop {
        match stream.read(&mut buffer[held..]).await {
            Ok(0) => return Err("closed in the middle of an answer".to_owned()),
            Ok(read) => held += read,
            Err(why) => return Err(why.to_string()),
        }
        if whole.is_none() {
            let head = buffer[..held]
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            whole = head.map(|end| end + 4 + content_length(&buffer[..end]));
        }
        if whole.is_some_and(|whole| held >= whole) {
            return Ok(&buffer[..held]);
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length: ";
    let at = head
        .windows(NAME.len())
        .position(|some| some.eq_ignore_ascii_case(NAME));
    let digits = head[at.expect("a Content-Length") + NAME.len()..].iter();
    digits
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |sum, byte| sum * 10 + usize::from(byte - b'0'))
}
