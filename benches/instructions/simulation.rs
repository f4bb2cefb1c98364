//! One kind of request through the real gateway under callgrind, twice: what the longer run has more
//! than the shorter one is what the additional requests cost, without start and end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::callgrind::Profile;
use super::kind::Kind;
use super::world::credentials::Credentials;
use super::world::gateway::{free_address, wait_for};
use super::world::wire::Wire;

/// Caches fill, buffers grow, every token in rotation has been seen.
const WARM_UP: usize = 100;
/// What is counted.
const COUNTED: usize = 400;
/// All that one gateway is sent.
pub(super) const REQUESTS: usize = WARM_UP + COUNTED;
/// Before each answer and each request. The gateway, fifty times slower than usual, has come to rest
/// each time: whether bytes are there already when it first looks is not left to chance.
const PAUSE: Duration = Duration::from_millis(2);

/// What one request of this kind costs.
pub(super) fn simulate(kind: &Kind, gateway: &Path, credentials: &Credentials) -> Profile {
    let upstream = upstream();
    let run = |requests| profile(kind, gateway, credentials, &upstream, requests);
    let (short, long) = (run(WARM_UP), run(REQUESTS));
    long.of_one(&short, COUNTED)
}

fn profile(
    kind: &Kind,
    gateway: &Path,
    credentials: &Credentials,
    upstream: &str,
    requests: usize,
) -> Profile {
    let address = free_address();
    let config = kind
        .route
        .write(1, (Wire::Http1, &address), upstream, credentials);
    let out = credentials.folder.join("callgrind.out");
    let mut process = Simulated::start(gateway, &config, &out);
    wait_for(&address);
    let text = std::fs::read_to_string(credentials.file(kind.carries)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_nodelay(true).unwrap();
    for number in 0..requests {
        let line = lines[number % lines.len()];
        std::thread::sleep(PAUSE);
        ask(&mut stream, line, kind);
    }
    drop(stream);
    process.end();
    Profile::read(&std::fs::read_to_string(&out).unwrap())
}

fn ask(stream: &mut TcpStream, line: &str, kind: &Kind) {
    let request = format!(
        "GET /r0/items/17/parts?filter=new&page=2 HTTP/1.1\r\nHost: api.contoso.example\r\n\
         User-Agent: bench/1.0\r\nAccept: application/json\r\n{line}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        let mut part = [0; 16 * 1024];
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "{}: closed in the middle of an answer", kind.name);
        answer.extend_from_slice(&part[..read]);
    }
    let expected = format!("HTTP/1.1 {} ", kind.status);
    let told = String::from_utf8_lossy(&answer);
    assert!(told.starts_with(&expected), "{}: {told}", kind.name);
}

/// Whether head and body are there.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a Content-Length");
    body.len() >= length.parse().unwrap()
}

/// 1 KiB for every request, in one piece; where it listens.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || serve(&mut stream));
        }
    });
    address
}

fn serve(stream: &mut TcpStream) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n{}",
        "x".repeat(1024)
    );
    let (mut head, mut part) = (Vec::new(), [0; 16 * 1024]);
    while let Ok(read @ 1..) = stream.read(&mut part) {
        head.extend_from_slice(&part[..read]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            std::thread::sleep(PAUSE);
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// A gateway in valgrind; killed when dropped.
struct Simulated(Child);

impl Simulated {
    fn start(gateway: &Path, config: &Path, out: &Path) -> Self {
        let child = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(gateway)
            .args(["serve", "--config"])
            .arg(config)
            // What glibc and OpenSSL choose by must be the same everywhere. Long copies are one
            // instruction (`rep movsb`), which valgrind counts once for each byte: not that way.
            .env_clear()
            .env(
                "GLIBC_TUNABLES",
                "glibc.cpu.x86_rep_movsb_threshold=1073741824",
            )
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("valgrind");
        Self(child)
    }

    /// Asks it to end, and waits until it has written its profile.
    fn end(&mut self) {
        let id = self.0.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap();
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
