//! 64 keep-alive connections that send requests: as fast as they are answered, or at a constant rate,
//! where latency counts from when a request was due. Prints how many were answered as they must be
//! and the 99th percentile of their latency in microseconds, or what came instead.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::{Dial, Stream, told};
use super::load_http2;
use super::world::upstream::content_length;
use super::world::wire::Wire;

pub(super) const CONNECTIONS: usize = 64;
/// Requests a second of a steady load.
const RATE: u32 = 3_000;
pub(super) const MEGABYTE: usize = 1 << 20;

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
    /// Small ones, each on a connection of its own.
    Fresh,
}

impl Shape {
    const ALL: [Self; 5] = [
        Self::Small,
        Self::Download,
        Self::Upload,
        Self::Steady,
        Self::Fresh,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Steady => "steady",
            Self::Fresh => "fresh",
        }
    }

    /// Method and path.
    pub(super) fn asks(self) -> (&'static str, &'static str) {
        match self {
            Self::Small | Self::Steady | Self::Fresh => ("GET", "/r0/items/17"),
            Self::Download => ("GET", "/r0/large"),
            Self::Upload => ("POST", "/r0/items"),
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
    pub(super) wire: Wire,
}

impl Load {
    pub(super) fn arguments(&self) -> [String; 10] {
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
            self.wire.name().to_owned(),
        ]
    }

    fn of(arguments: &[String]) -> Self {
        let mut shapes = Shape::ALL.into_iter();
        let mut wires = Wire::ALL.into_iter();
        Self {
            address: arguments[1].clone(),
            seconds: arguments[2].parse().unwrap(),
            status: arguments[3].parse().unwrap(),
            file: arguments[4].clone(),
            lines: arguments[5].parse().unwrap()..arguments[6].parse().unwrap(),
            once: arguments[7].parse().unwrap(),
            shape: shapes.find(|shape| shape.name() == arguments[8]).unwrap(),
            wire: wires.find(|wire| wire.name() == arguments[9]).unwrap(),
        }
    }

    /// The header line of each request.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let lines = text.lines().skip(self.lines.start).take(self.lines.len());
        lines.map(str::to_owned).collect()
    }

    /// The requests, ready to be written: nothing is built while it counts.
    fn requests(&self) -> Vec<Vec<u8>> {
        let (method, path) = self.shape.asks();
        let (more, body) = match self.shape {
            Shape::Upload => (format!("Content-Length: {MEGABYTE}\r\n"), MEGABYTE),
            Shape::Fresh => ("Connection: close\r\n".to_owned(), 0),
            _ => (String::new(), 0),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{more}",
            self.address
        );
        let lines = self.lines();
        let requests = lines.iter().map(|line| {
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
pub(super) struct Turns {
    next: AtomicUsize,
    began: Cell<Instant>,
    lasts: Duration,
    /// How many there are at most.
    most: usize,
    steady: bool,
    latencies: RefCell<Vec<Duration>>,
}

impl Turns {
    /// All connections are there.
    pub(super) fn begin(&self) {
        self.began.set(Instant::now());
    }

    /// When the next request is due, once it is, and which it is; `None`: there is none any more.
    pub(super) async fn next(&self) -> Option<(Instant, usize)> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let due = if self.steady {
            self.began.get() + Duration::from_secs(1) / RATE * u32::try_from(turn).unwrap()
        } else {
            now
        };
        if due.max(now) >= self.began.get() + self.lasts || turn >= self.most {
            return None;
        }
        // The timer of Tokio is not as fine as that.
        while Instant::now() < due {
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
        Some((due, turn))
    }

    pub(super) fn answered(&self, due: Instant) {
        self.latencies.borrow_mut().push(due.elapsed());
    }
}

async fn drive(load: &Load) -> Result<Vec<Duration>, String> {
    let turns = Rc::new(Turns {
        next: AtomicUsize::new(0),
        began: Cell::new(Instant::now()),
        lasts: Duration::from_secs_f64(load.seconds),
        most: if load.once {
            load.lines.len()
        } else {
            usize::MAX
        },
        steady: load.shape == Shape::Steady,
        latencies: RefCell::default(),
    });
    if load.wire.is_http2() {
        load_http2::drive(load, &turns).await?;
    } else {
        let caller = Rc::new(Caller {
            requests: load.requests(),
            dial: Dial::new(&load.address, load.wire),
            status: format!("HTTP/1.1 {} ", load.status),
            keeps: load.shape != Shape::Fresh,
        });
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let kept = caller.keeps.then(|| caller.dial.connect());
            streams.push(match kept {
                Some(connecting) => Some(connecting.await?),
                None => None,
            });
        }
        turns.begin();
        let start =
            |kept| tokio::task::spawn_local(send(Rc::clone(&caller), kept, Rc::clone(&turns)));
        let connections: Vec<_> = streams.into_iter().map(start).collect();
        for connection in connections {
            connection.await.unwrap()?;
        }
    }
    Ok(turns.latencies.take())
}

/// Who asks by HTTP/1.1.
struct Caller {
    requests: Vec<Vec<u8>>,
    dial: Dial,
    status: String,
    /// Whether connections stay.
    keeps: bool,
}

/// One request after the other, until the time is over or every line has been sent.
async fn send(
    caller: Rc<Caller>,
    mut kept: Option<Box<dyn Stream>>,
    turns: Rc<Turns>,
) -> Result<(), String> {
    let mut buffer = vec![0; 64 * 1024];
    while let Some((due, turn)) = turns.next().await {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => caller.dial.connect().await?,
        };
        let request = &caller.requests[turn % caller.requests.len()];
        stream.write_all(request).await.map_err(told)?;
        answer(&mut *stream, &mut buffer, &caller.status).await?;
        turns.answered(due);
        kept = caller.keeps.then_some(stream);
    }
    Ok(())
}

/// One whole answer of this status.
async fn answer(stream: &mut dyn Stream, buffer: &mut [u8], status: &str) -> Result<(), String> {
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
