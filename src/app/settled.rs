//! What can only a restart change? Sockets, threads and the log, as they were when they were made.

use std::net::SocketAddr;

use crate::config::Config;
use crate::edge::ListenerDefinition;
use crate::telemetry::LogDefinition;

/// What a running gateway cannot change.
pub(super) struct Settled {
    listeners: Vec<ListenerDefinition>,
    admin: Option<SocketAddr>,
    log: LogDefinition,
    threads: usize,
}

impl Settled {
    pub(super) fn of(config: Config) -> Self {
        Self {
            listeners: config.listeners,
            admin: config.admin,
            log: config.log,
            threads: config.threads,
        }
    }

    /// The paths in the file of what differs.
    pub(super) fn differences(&self, config: &Config) -> Vec<String> {
        let mut paths = Vec::new();
        let mut differ = |lists: [&[ListenerDefinition]; 2]| {
            for listener in lists[0].iter().filter(|it| !lists[1].contains(it)) {
                let path = format!("listeners.{}", listener.name);
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        };
        differ([&self.listeners, &config.listeners]);
        differ([&config.listeners, &self.listeners]);
        for (path, same) in [
            ("admin", self.admin == config.admin),
            ("log", self.log == config.log),
            ("threads", self.threads == config.threads),
        ] {
            if !same {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}
