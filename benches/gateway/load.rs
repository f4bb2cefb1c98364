//! 64 keep-alive connections that send requests: as fast as they are answered, or at a constant rate,
//! where latency counts from when a request was due. Prints how many were answered as they must be
//! and the 99th percentile of their latency in microseconds, or what came instead.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::upstream::content_length;

const CONNECTIONS: usize = 64;
/// Requests a second of a steady load.
const RATE: u32 = 3_000;
const MEGABYTE: usize = 1 << 20;

/// What requests are like, beside their credential.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// 1 KiB down.
    Small,
    /// 1 MiB down.
    Download,
    /// 1 MiB up.
    Upload,
    /// Small ones, at a constant rate.
    Steady,
}

impl Shape {
    const ALL: [Self; 4] = [Self::Small, Self::Download, Self::Upload, Self::Steady];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Steady => "steady",
        }
    }
}

/// What is sent: each line of a file is one request's credential.
pub(super) struct Load {
    /// Where to.
    pub(super) address: String,
    /// How long, at most.
    pub(super) seconds: f64,
    /// The status every answer must have.
    pub(super) status: u16,
    /// The lines.
    pub(super) file: String,
    /// Which of them.
    pub(super) lines: std::ops::Range<usize>,
    /// Each line only once, else over and over.
    pub(super) once: bool,
    pub(super) shape: Shape,
}

impl Load {
    pub(super) fn arguments(&self) -> [String; 9] {
        [
            "load".to_owned(),
            self.address.clone(),
            self.seconds.to_string(),
            self.status.to_string(),
            self.file.clone(),
            self.lines.start.to_string(),
            self.lines.end.to_string(),
            self.once.to_string(),
            self.shape.name().to_owned(),
        ]
    }

    fn of(arguments: &[String]) -> Self {
        let mut shapes = Shape::ALL.into_iter();
        Self {
            address: arguments[1].clone(),
            seconds: arguments[2].parse().unwrap(),
            status: arguments[3].parse().unwrap(),
            file: arguments[4].clone(),
            lines: arguments[5].parse().unwrap()..arguments[6].parse().unwrap(),
            once: arguments[7].parse().unwrap(),
            shape: shapes.find(|shape| shape.name() == arguments[8]).unwrap(),
        }
    }

    /// The requests, ready to be written: nothing is built while it counts.
    fn requests(&self) -> Vec<Vec<u8>> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let lines = text.lines().skip(self.lines.start).take(self.lines.len());
        let (first, body) = match self.shape {
            Shape::Small | Shape::Steady => ("GET /r0/items/17", 0),
            Shape::Download => ("GET /r0/large", 0),
            Shape::Upload => ("POST /r0/items", MEGABYTE),
        };
        let length = match body {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let head = format!("{first} HTTP/1.1\r\nHost: {}\r\n{length}", self.address);
        let requests = lines.map(|line| {
            let mut request =
                format!("{head}Accept: */*\r\nUser-Agent: load\r\n{line}\r\n\r\n").into_bytes();
            request.resize(request.len() + body, b'x');
            request
        });
        requests.collect()
    }
}

pub(super) fn run(arguments: &[String]) {
    let load = Load::of(arguments);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match tokio::task::LocalSet::new().block_on(&runtime, drive(&load)) {
        Ok(mut latencies) => {
            latencies.sort_unstable();
            let place = (latencies.len() * 99 / 100).min(latencies.len().saturating_sub(1));
            let p99 = latencies.get(place).copied().unwrap_or_default();
            println!("{} {}", latencies.len(), p99.as_secs_f64() * 1e6);
        }
        Err(instead) => println!("{instead}"),
    }
}

/// What all connections share.
struct Turns {
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
    began: Instant,
    until: Instant,
    once: bool,
    steady: bool,
    status: String,
    latencies: RefCell<Vec<Duration>>,
}

async fn drive(load: &Load) -> Result<Vec<Duration>, String> {
    let requests = load.requests();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(&load.address).await.map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        streams.push(stream);
    }
    let began = Instant::now();
    let turns = Rc::new(Turns {
        requests,
        next: AtomicUsize::new(0),
        began,
        until: began + Duration::from_secs_f64(load.seconds),
        once: load.once,
        steady: load.shape == Shape::Steady,
        status: format!("HTTP/1.1 {} ", load.status),
        latencies: RefCell::default(),
    });
    let start = |stream| tokio::task::spawn_local(send(stream, Rc::clone(&turns)));
    let connections: Vec<_> = streams.into_iter().map(start).collect();
    for connection in connections {
        connection.await.unwrap()?;
    }
    Ok(turns.latencies.take())
}

fn told(why: std::io::Error) -> String {
    why.to_string()
}

/// One connection, until the time is over or every line has been sent.
async fn send(mut stream: TcpStream, turns: Rc<Turns>) -> Result<(), String> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let turn = turns.next.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let due = if turns.steady {
            turns.began + Duration::from_secs(1) / RATE * u32::try_from(turn).unwrap()
        } else {
            now
        };
        if due.max(now) >= turns.until || (turns.once && turn >= turns.requests.len()) {
            return Ok(());
        }
        // The timer of Tokio is not as fine as that.
        while Instant::now() < due {
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
        let request = &turns.requests[turn % turns.requests.len()];
        stream.write_all(request).await.map_err(told)?;
        answer(&mut stream, &mut buffer, &turns.status).await?;
        turns.latencies.borrow_mut().push(due.elapsed());
    }
}

/// One whole answer of this status.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8], status: &str) -> Result<(), String> {
    let mut held = 0;
    let end = loop {
        held += match stream.read(&mut buffer[held..]).await.map_err(told)? {
            0 => return Err("closed in the middle of an answer".to_owned()),
            read => read,
        };
        let head = buffer[..held].windows(4);
        if let Some(end) = head.into_iter().position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = &buffer[..end];
    if !head.starts_with(status.as_bytes()) {
        return Err(String::from_utf8_lossy(head).replace("\r\n", " | "));
    }
    let mut missing = (end + 4 + content_length(head).expect("a Content-Length")) - held;
    while missing > 0 {
        match stream.read(buffer).await.map_err(told)? {
            0 => return Err("closed in the middle of a body".to_owned()),
            read => missing -= read,
        }
    }
    Ok(())
}
