//! How does a gateway end? No longer ready, then no longer accepting; who is being served or about
//! to ask is waited for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::App;
use super::listen::Accept;
use crate::config::ShutdownDefinition;

/// How long connections at rest are left to ask once more, at least: to be told with an answer that
/// they end costs nobody a request.
const FAREWELL: Duration = Duration::from_secs(2);

impl App {
    /// Drains, and waits `grace` at most. Gives back how many were cut off.
    pub async fn drain(&self) -> usize {
        let shutdown = self.current.lock().shutdown;
        self.drain_by(shutdown).await
    }

    /// The same where a successor accepts already: nobody new comes, also not to the admin pages, and
    /// who is connected hears with its next answer that its connection ends.
    pub async fn drain_succeeded(&self) -> usize {
        self.doors.accept.send_replace(Accept::NoMore);
        let mut shutdown = self.current.lock().shutdown;
        shutdown.delay = shutdown.delay.max(FAREWELL);
        self.drain_by(shutdown).await
    }

    async fn drain_by(&self, shutdown: ShutdownDefinition) -> usize {
        self.readiness.drain();
        self.shared.draining.store(true, Ordering::Release);
        tracing::info!(delay = ?shutdown.delay, grace = ?shutdown.grace, "draining");
        tokio::time::sleep(shutdown.delay).await;
        // Nobody listening is no reason not to go on.
        let _ = self.doors.stop.send(true);
        let empty = async {
            self.doors.accepting.close();
            self.doors.accepting.wait().await;
            // Connections, not requests: one whose head is half here is asking already, and one
            // whose answer is written is not closed yet.
            for edge in &self.doors.edges {
                edge.ended().await;
            }
        };
        let _ = tokio::time::timeout(shutdown.grace, empty).await;
        let edges = self.doors.edges.iter();
        let open: usize = edges.map(|edge| edge.open_connections()).sum();
        let left = self.shared.in_flight.load(Ordering::Acquire).max(open);
        self.shared.access_log.flush();
        let export = self.current.lock().live.export();
        if let Some(export) = export {
            export.flush().await;
        }
        left
    }
}
