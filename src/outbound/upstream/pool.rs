//! Which connections of an endpoint are idle? A pool is one endpoint's, so whatever a connection's
//! TLS has proven holds for all who find it there.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::Connection;

/// Idle connections are closed before most servers close them.
const IDLE: Duration = Duration::from_secs(55);
/// Between two looks at what rests here: those that the upstream has closed are let go.
const LOOK: Duration = Duration::from_secs(5);
/// How many may rest; the oldest goes.
const MOST: usize = 512;

#[derive(Default)]
pub(super) struct Pool {
    resting: Mutex<Resting>,
}

#[derive(Default)]
struct Resting {
    /// The one that rested last stands last, and is taken first.
    #[allow(
        clippy::vec_box,
        reason = "boxed by those who use it, and moved twice a request"
    )]
    connections: Vec<Box<Connection>>,
    is_watched: bool,
}

impl Pool {
    /// One that is neither closed nor has anything to say that nobody asked for.
    pub(super) fn take(&self) -> Option<Box<Connection>> {
        loop {
            let mut connection = self.resting.lock().connections.pop()?;
            if connection.is_good() {
                return Some(connection);
            }
        }
    }

    pub(super) fn keep(self: &Arc<Self>, mut connection: Box<Connection>) {
        connection.rests();
        let mut resting = self.resting.lock();
        if resting.connections.len() == MOST {
            resting.connections.remove(0);
        }
        resting.connections.push(connection);
        if !std::mem::replace(&mut resting.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Lets go of what has rested too long or is closed. False when nothing is left.
    fn tidy(&self) -> bool {
        // Closing may take a moment, and others wait for the lock.
        let mut gone = Vec::new();
        let mut resting = self.resting.lock();
        for mut connection in std::mem::take(&mut resting.connections) {
            if connection.has_rested_for() < IDLE && connection.is_good() {
                resting.connections.push(connection);
            } else {
                gone.push(connection);
            }
        }
        resting.is_watched = !resting.connections.is_empty();
        resting.is_watched
    }
}

async fn watch(pool: Weak<Pool>) {
    let mut next = Instant::now();
    loop {
        next += LOOK;
        tokio::time::sleep_until(next).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.tidy() {
            return;
        }
    }
}
