//! A stand-in for Redis, as far as the gateway speaks to it (RESP2), that can be away, slow, silent or full.
//! The judges run the real ones.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Each answer takes so long.
    Slow(Duration),
    /// It takes connections and answers nothing.
    Silent,
    /// It takes no more values.
    Full,
    /// It announces an answer of a gigabyte, and sends what it can of it.
    Endless,
    /// Whatever it is asked, it answers something else.
    Nonsense,
    /// The user may run no script.
    Strict,
}

type Data = HashMap<Vec<u8>, (Vec<u8>, Instant)>;

pub struct Redis {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    mood: Mutex<Mood>,
    data: Mutex<Data>,
    connections: Mutex<Vec<JoinHandle<()>>>,
    password: Option<String>,
}

impl Redis {
    pub async fn start() -> Self {
        Self::wanting(None).await
    }

    /// One that wants a password.
    pub async fn wanting(password: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            mood: Mutex::new(Mood::Well),
            data: Mutex::default(),
            connections: Mutex::default(),
            password: password.map(str::to_owned),
        });
        Self {
            address: listener.local_addr().unwrap(),
            accepting: Some(accept(listener, Arc::clone(&shared))),
            shared,
        }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn is(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Ends every connection, and takes no other.
    pub fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }

    /// Comes back where it was, with what it had.
    pub async fn come_back(&mut self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        self.accepting = Some(accept(listener, Arc::clone(&self.shared)));
    }

    /// Keys and values that are there.
    pub fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let data = self.shared.data.lock().unwrap();
        let alive = data.iter().filter(|(_, (_, end))| *end > Instant::now());
        let kept = alive
            .map(|(key, (value, _))| (String::from_utf8_lossy(key).into_owned(), value.clone()));
        kept.collect()
    }

    /// Puts this in the place of every value.
    pub fn overwrite(&self, change: impl Fn(&mut Vec<u8>)) {
        let mut data = self.shared.data.lock().unwrap();
        data.values_mut().for_each(|(value, _)| change(value));
    }

    /// Lets every key live for so long from now on.
    pub fn keep_for(&self, life: Duration) {
        let mut data = self.shared.data.lock().unwrap();
        let end = Instant::now() + life;
        data.values_mut().for_each(|(_, known)| *known = end);
    }

    pub fn clear(&self) {
        self.shared.data.lock().unwrap().clear();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: TcpListener, shared: Arc<Shared>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let connection = tokio::spawn(serve(socket, Arc::clone(&shared)));
            shared.connections.lock().unwrap().push(connection);
        }
    })
}

async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let (mut bytes, mut is_known) = (Vec::new(), shared.password.is_none());
    loop {
        while let Some((command, length)) = command(&bytes) {
            bytes.drain(..length);
            let mood = *shared.mood.lock().unwrap();
            match mood {
                Mood::Slow(by) => tokio::time::sleep(by).await,
                Mood::Silent => std::future::pending().await,
                Mood::Endless => {
                    let _ = socket.write_all(b"$1000000000\r\n").await;
                    while socket.write_all(&[b'x'; 4096]).await.is_ok() {}
                    return;
                }
                Mood::Well | Mood::Full | Mood::Nonsense | Mood::Strict => {}
            }
            let answer = shared.answer(&command, mood, &mut is_known);
            if socket.write_all(&answer).await.is_err() {
                return;
            }
        }
        match socket.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// A whole command at the beginning of these bytes, and its length.
fn command(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let (count, mut place) = number(bytes, 0, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, begin) = number(bytes, place, b'$')?;
        place = begin + length + 2;
        words.push(bytes.get(begin..place)?[..length].to_vec());
    }
    Some((words, place))
}

/// The number of a line that begins with this mark, and where the next line begins.
fn number(bytes: &[u8], place: usize, mark: u8) -> Option<(usize, usize)> {
    let rest = bytes.get(place..)?;
    let length = rest.windows(2).position(|it| it == b"\r\n")?;
    assert_eq!(rest[0], mark);
    let text = std::str::from_utf8(&rest[1..length]).unwrap();
    Some((text.parse().unwrap(), place + length + 2))
}

impl Shared {
    fn answer(&self, command: &[Vec<u8>], mood: Mood, is_known: &mut bool) -> Vec<u8> {
        let word = |place: usize| command.get(place).map_or(&b""[..], Vec::as_slice);
        let mut data = self.data.lock().unwrap();
        data.retain(|_, (_, end)| *end > Instant::now());
        let value = |key: &[u8]| match data.get(key) {
            Some((value, _)) => bulk(value),
            None => b"$-1\r\n".to_vec(),
        };
        match command[0].as_slice() {
            b"AUTH" => {
                let password = command.last().unwrap();
                *is_known = self.password.as_ref().map(String::as_bytes) == Some(password);
                match *is_known {
                    true => b"+OK\r\n".to_vec(),
                    false => b"-WRONGPASS invalid username-password pair\r\n".to_vec(),
                }
            }
            _ if !*is_known => b"-NOAUTH Authentication required.\r\n".to_vec(),
            b"PING" => b"+PONG\r\n".to_vec(),
            _ if mood == Mood::Nonsense => b"*2\r\n$3\r\nyes\r\n*0\r\n".to_vec(),
            b"SELECT" => b"+OK\r\n".to_vec(),
            b"GET" => value(word(1)),
            b"MGET" => {
                let values = command[1..].iter().map(|key| value(key));
                let head = format!("*{}\r\n", command.len() - 1).into_bytes();
                [head].into_iter().chain(values).flatten().collect()
            }
            b"EVAL" if mood == Mood::Strict => {
                b"-NOPERM this user has no permissions to run the 'eval' command\r\n".to_vec()
            }
            b"SET" | b"EVAL" if mood == Mood::Full => {
                b"-OOM command not allowed when used memory > 'maxmemory'.\r\n".to_vec()
            }
            b"SET" => {
                let options = &command[3..];
                let at = options.iter().position(|it| it == b"PX").unwrap();
                let life = std::str::from_utf8(&options[at + 1]).unwrap().parse();
                let end = Instant::now() + Duration::from_millis(life.unwrap());
                if options.iter().any(|it| it == b"NX") && data.contains_key(word(1)) {
                    return b"$-1\r\n".to_vec();
                }
                data.insert(word(1).to_vec(), (word(2).to_vec(), end));
                b"+OK\r\n".to_vec()
            }
            b"EVAL" => put_off(&mut data, command),
            b"DEL" => {
                let gone = command[1..]
                    .iter()
                    .filter(|key| data.remove(*key).is_some());
                format!(":{}\r\n", gone.count()).into_bytes()
            }
            other => {
                let name = String::from_utf8_lossy(other);
                format!("-ERR unknown command '{name}'\r\n").into_bytes()
            }
        }
    }
}

/// What the gateway's one script does: each key lives on for so many milliseconds more, and for so many at
/// most; the answer is how long they live.
fn put_off(data: &mut Data, command: &[Vec<u8>]) -> Vec<u8> {
    let number = |word: &[u8]| std::str::from_utf8(word).unwrap().parse::<u64>().unwrap();
    let count = usize::try_from(number(&command[2])).unwrap();
    let (keys, times) = command[3..].split_at(count);
    let mut answer = format!("*{count}\r\n");
    for (key, times) in keys.iter().zip(times.chunks(2)) {
        let now = Instant::now();
        let left = data.get(key).map_or(Duration::ZERO, |(_, end)| *end - now);
        let left = left + Duration::from_millis(number(&times[0]));
        let left = left.min(Duration::from_millis(number(&times[1])));
        data.insert(key.clone(), (Vec::new(), now + left));
        answer += &format!(":{}\r\n", left.as_millis());
    }
    answer.into_bytes()
}

fn bulk(value: &[u8]) -> Vec<u8> {
    let head = format!("${}\r\n", value.len()).into_bytes();
    [&head, value, b"\r\n"].concat()
}
