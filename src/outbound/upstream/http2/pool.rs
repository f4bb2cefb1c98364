//! Which of an upstream's HTTP/2 connections takes the next request? The first that has a place; a
//! new one is made by one caller at a time, for all who wait.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::shared::Shared;
use super::stream::Stream;

/// Unused ones are closed before most servers close them.
const IDLE: Duration = Duration::from_secs(55);
/// Between two looks at what rests here.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(in super::super) struct SharedPool {
    open: Mutex<Open>,
    /// Whose turn it is to connect.
    pub(in super::super) turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Open {
    connections: Vec<Arc<Shared>>,
    is_watched: bool,
}

impl SharedPool {
    /// A place on a connection that is there.
    pub(in super::super) fn take(&self, patience: Duration) -> Option<Box<Stream>> {
        let mut open = self.open.lock();
        let mut place = 0;
        while let Some(connection) = open.connections.get(place) {
            if connection.is_over() {
                open.connections.swap_remove(place);
                continue;
            }
            if let Some(lease) = connection.lease() {
                return Some(Box::new(Stream::on(lease, patience)));
            }
            place += 1;
        }
        None
    }

    /// A place on a new connection, which others may use from now on.
    pub(in super::super) fn add(
        self: &Arc<Self>,
        connection: Arc<Shared>,
        patience: Duration,
    ) -> Box<Stream> {
        let lease = connection.first_lease();
        let mut open = self.open.lock();
        open.connections.push(connection);
        if !std::mem::replace(&mut open.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
        drop(open);
        Box::new(Stream::on(lease, patience))
    }

    /// Lets go of what is over, or has rested too long. False when nothing is left.
    fn tidy(&self) -> bool {
        let mut open = self.open.lock();
        open.connections
            .retain(|it| !it.is_over() && it.has_rested_for() < IDLE);
        open.is_watched = !open.connections.is_empty();
        open.is_watched
    }
}

async fn watch(pool: Weak<SharedPool>) {
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
