//! How many connections may there be? As many as the file says, and as the process can have files open:
//! each may need one to its upstream too, and the admin pages and the gateway's own fetches must find
//! some left whatever callers do.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::edge::{Limits, ListenerDefinition};

/// Descriptors for all but callers and their upstreams: sockets that listen, files, fetches, the admin
/// pages. Of few, a quarter.
const KEPT: usize = 256;
/// Of them, connections to the admin pages.
const ADMIN: usize = 64;

/// What the descriptors of a process come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptors {
    /// `None`: without end.
    all: Option<usize>,
}

impl Descriptors {
    /// Raises the process's limit as far as it may (`RLIMIT_NOFILE`, soft to hard).
    pub(super) fn raised() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let most = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if limit.current != limit.maximum && setrlimit(Resource::Nofile, most).is_err() {
            tracing::warn!(
                limit = limit.current,
                "the limit of open files cannot be raised"
            );
        }
        let all = getrlimit(Resource::Nofile).current;
        Self {
            all: all.map(|all| usize::try_from(all).unwrap_or(usize::MAX)),
        }
    }

    fn kept(self) -> usize {
        self.all.map_or(KEPT, |all| KEPT.min(all / 4))
    }

    /// How many connections callers may have, on all listeners together.
    fn connections(self) -> usize {
        let all = self.all.unwrap_or(usize::MAX);
        (all - self.kept().min(all)) / 2
    }

    /// A listener's limits, in the proportion that the file has. What one address may have stays as it
    /// is written while that is no more than half: a few stay a few.
    pub(super) fn share(self, listener: &ListenerDefinition, wanted: usize) -> Limits {
        let mut limits = listener.limits;
        let most = self.connections();
        if wanted > most {
            let share = limits.connections as f64 * most as f64 / wanted as f64;
            limits.connections = (share as usize).max(1);
            let scaled = limits.per_address as f64 * most as f64 / wanted as f64;
            let most = (scaled as usize).max(limits.connections.div_ceil(2));
            limits.per_address = limits.per_address.min(most);
        }
        limits
    }

    pub(super) fn admin(self) -> Limits {
        let connections = ADMIN.min(self.kept() / 2).max(1);
        Limits {
            connections,
            per_address: connections,
            ..Limits::default()
        }
    }

    /// Says what it comes to.
    pub(super) fn tell(self, wanted: usize) {
        let (limit, kept) = (self.all, self.kept());
        let connections = wanted.min(self.connections());
        // Nearly as many as the file says, or as it leaves out to say, is nobody's trouble.
        if connections < wanted / 4 {
            tracing::warn!(
                limit,
                kept,
                connections,
                wanted,
                "fewer connections than the file says: raise the limit of open files (ulimit -n)"
            );
        } else {
            tracing::info!(limit, kept, connections, wanted, "open files");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::edge::{Protocols, Timeouts};

    fn shared(all: Option<usize>, wanted: [usize; 2]) -> [usize; 2] {
        let of = |connections| (connections, 1);
        limits(all, wanted.map(of)).map(|it| it.connections)
    }

    fn limits(all: Option<usize>, wanted: [(usize, usize); 2]) -> [Limits; 2] {
        let sum = wanted.iter().map(|(connections, _)| connections).sum();
        wanted.map(|(connections, per_address)| {
            let listener = ListenerDefinition {
                name: "apis".into(),
                address: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
                protocols: Protocols::PLAIN,
                tls: None,
                proxy_protocol: false,
                trusted_proxies: Vec::new(),
                limits: Limits {
                    connections,
                    per_address,
                    ..Limits::default()
                },
                timeouts: Timeouts {
                    idle: Duration::ZERO,
                    ..Timeouts::default()
                },
            };
            Descriptors { all }.share(&listener, sum)
        })
    }

    #[test]
    fn each_connection_has_two_and_some_are_kept() {
        assert_eq!(shared(None, [10_000, 10_000]), [10_000, 10_000]);
        assert_eq!(shared(Some(1 << 20), [10_000, 10_000]), [10_000, 10_000]);
        assert_eq!(shared(Some(1024), [300, 84]), [300, 84]);
        assert_eq!(shared(Some(1024), [10_000, 10_000]), [192, 192]);
        assert_eq!(shared(Some(1024), [30_000, 10_000]), [288, 96]);
        assert_eq!(shared(Some(64), [10_000, 1]), [23, 1]);
        assert_eq!(shared(Some(0), [10_000, 1]), [1, 1]);
    }

    #[test]
    fn one_address_has_no_larger_part_of_fewer_connections() {
        for (all, connections, per_address, scaled) in [
            (1 << 20, 10_000, 5_000, 5_000),
            (1024, 10_000, 5_000, 192),
            (1024, 10_000, 10_000, 384),
            (1024, 10_000, 7_500, 288),
            (1024, 10_000, 100, 100),
            (1024, 10_000, 200, 192),
            (0, 10_000, 5_000, 1),
        ] {
            let [limits, _] = limits(Some(all), [(connections, per_address), (0, 1)]);
            assert_eq!(limits.per_address, scaled, "{all} {per_address}");
            assert!(limits.per_address <= limits.connections);
        }
    }

    #[test]
    fn the_admin_pages_have_a_part_of_what_is_kept() {
        for (all, connections) in [(None, 64), (Some(1024), 64), (Some(256), 32), (Some(0), 1)] {
            assert_eq!(Descriptors { all }.admin().connections, connections);
        }
    }
}
