//! How are names asked for? By the system's own resolver, so that `/etc/hosts`, search domains and
//! `ndots` mean what they mean everywhere on the machine; a few at a time, and failures told in few
//! lines however many there are.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// The resolver blocks a thread for as long as it asks: so many threads, and no more.
const AT_ONCE: usize = 3;
/// Of them, those that names which failed last may hold: what is never answered takes seconds each
/// time, and others must not wait for it.
const FAILED_AT_ONCE: usize = 2;

/// Lines in each window; further ones are counted.
const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(30);

/// The addresses of a host, ports 0. Blocks.
pub(super) type Lookup = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

pub(super) struct Lookups {
    lookup: Arc<Lookup>,
    all: Arc<Semaphore>,
    failed: Semaphore,
    telling: Mutex<Telling>,
}

impl Lookups {
    pub(super) fn by(lookup: Arc<Lookup>) -> Self {
        Self {
            lookup,
            all: Arc::new(Semaphore::new(AT_ONCE)),
            failed: Semaphore::new(FAILED_AT_ONCE),
            telling: Mutex::new(Telling::default()),
        }
    }

    /// Asks once, when it is this name's turn.
    pub(super) async fn ask(&self, host: &Arc<str>, failed: bool) -> io::Result<Vec<SocketAddr>> {
        let _lane = match failed {
            true => Some(self.failed.acquire().await.map_err(io::Error::other)?),
            false => None,
        };
        let turn = Arc::clone(&self.all).acquire_owned();
        let turn = turn.await.map_err(io::Error::other)?;
        let (lookup, host) = (Arc::clone(&self.lookup), Arc::clone(host));
        let asking = tokio::task::spawn_blocking(move || {
            // Until the thread is free again, whoever still waits for its answer.
            let _turn = turn;
            lookup(&host)
        });
        match asking.await {
            Ok(Ok(found)) if found.is_empty() => Err(io::Error::other("it has no address")),
            Ok(found) => found,
            Err(ended) => Err(io::Error::other(ended)),
        }
    }

    pub(super) fn tell(&self, host: &str, outcome: Result<(), &io::Error>) {
        let (more, aloud) = self.telling.lock().next(Instant::now());
        if let Some(more) = more {
            tracing::warn!(
                more,
                "upstream names not resolved or resolved again, untold"
            );
        }
        match outcome {
            _ if !aloud => {}
            Ok(()) => tracing::info!(%host, "upstream name resolved again"),
            Err(error) => tracing::warn!(%host, %error, "upstream name not resolved"),
        }
    }
}

/// `getaddrinfo`.
pub(super) fn by_the_system(host: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((host, 0).to_socket_addrs()?.collect())
}

/// How many lines there were in this window, and how many more there would have been.
#[derive(Debug, Default)]
struct Telling {
    since: Option<Instant>,
    told: u32,
    more: u64,
}

impl Telling {
    /// How many went untold in the window before, once it is over; and whether to tell this one.
    fn next(&mut self, now: Instant) -> (Option<u64>, bool) {
        let over = |since| now.saturating_duration_since(since) >= WINDOW;
        let mut untold = None;
        if self.since.is_none_or(over) {
            untold = Some(self.more).filter(|more| *more > 0);
            *self = Self {
                since: Some(now),
                ..Self::default()
            };
        }
        let aloud = self.told < LINES;
        if aloud {
            self.told += 1;
        } else {
            self.more += 1;
        }
        (untold, aloud)
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lookups").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_failures_are_told_in_eleven_lines_a_window() {
        let mut telling = Telling::default();
        let begun = Instant::now();
        let aloud = (0..10_000).filter(|_| telling.next(begun).1).count();
        assert_eq!(aloud, LINES as usize);
        let (untold, aloud) = telling.next(begun + WINDOW);
        assert_eq!((untold, aloud), (Some(10_000 - u64::from(LINES)), true));
        let (untold, aloud) = telling.next(begun + 2 * WINDOW);
        assert_eq!((untold, aloud), (None, true), "none went untold");
    }
}
