//! Callers that ask without a pause, each on a connection that it keeps for as long as it may.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use crate::support::{Connection, eventually};

/// How many there are for each request.
const CALLERS: usize = 3;

pub struct Load {
    ends: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// Puts these requests to an address again and again.
    pub async fn on(address: SocketAddr, requests: Vec<String>) -> Self {
        let (ends, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let callers = requests.iter().cycle().take(requests.len() * CALLERS);
        let callers = callers.map(|request| {
            let (ends, answered) = (Arc::clone(&ends), Arc::clone(&answered));
            tokio::spawn(ask(address, request.clone(), ends, answered))
        });
        let load = Self {
            callers: callers.collect(),
            ends,
            answered,
        };
        eventually("all have asked", async || {
            load.answered() > requests.len() * CALLERS * 4
        })
        .await;
        load
    }

    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many were answered; none may have failed.
    pub async fn end(self) -> usize {
        self.ends.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for caller in self.callers {
            failed.extend(caller.await.unwrap());
        }
        let answered = self.answered.load(Ordering::Relaxed);
        assert_eq!(failed, Vec::<String>::new(), "of {answered}");
        answered
    }
}

/// Asks until it is told to end; what failed.
async fn ask(
    address: SocketAddr,
    request: String,
    ends: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut failed = Vec::new();
    let mut kept = None;
    while !ends.load(Ordering::Relaxed) {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(address).await,
        };
        connection.send(&request).await;
        match connection.reply().await {
            Some(reply) if reply.status == 200 => {
                answered.fetch_add(1, Ordering::Relaxed);
                let closes = reply.header("connection") == Some("close");
                kept = (!closes).then_some(connection);
            }
            Some(reply) => failed.push(format!("{} {}", reply.status, reply.text())),
            None => failed.push("no answer".to_owned()),
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    failed
}
