//! Which address is the next one to connect to? The upstream's own, or those that its name has now,
//! in turns.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::names::{Lead, Name};
use super::{EndpointDefinition, Names};

#[derive(Debug)]
pub(super) struct Addresses {
    host: Host,
    port: u16,
    turn: AtomicUsize,
}

#[derive(Debug)]
enum Host {
    /// Ready at once.
    Literal(SocketAddr),
    Name(Arc<Name>),
    /// It is reached by a socket; its name says the `Host` alone.
    Nowhere,
}

impl Addresses {
    /// A name needs a tokio runtime.
    pub(super) fn of(definition: &EndpointDefinition, names: &Names) -> Self {
        let (host, port) = definition.first_hop();
        let host = match host.parse() {
            _ if definition.socket.is_some() => Host::Nowhere,
            Ok(address) => Host::Literal(SocketAddr::new(address, port)),
            Err(_) => Host::Name(names.of(host)),
        };
        Self {
            host,
            port,
            turn: AtomicUsize::new(0),
        }
    }

    /// Addresses take turns; with one of a name comes how it was come by. Whoever comes before a name was
    /// first resolved waits for that, `most` at most.
    pub(super) async fn next(&self, most: Duration) -> Option<(SocketAddr, Option<Lead>)> {
        let name = match &self.host {
            Host::Literal(address) => return Some((*address, None)),
            Host::Name(name) => name,
            Host::Nowhere => return None,
        };
        name.asked(most).await;
        let addresses = name.addresses();
        let turn = match addresses.len() {
            0 => {
                name.want();
                return None;
            }
            1 => 0,
            several => self.turn.fetch_add(1, Ordering::Relaxed) % several,
        };
        let mut address = *addresses.get(turn)?;
        address.set_port(self.port);
        Some((address, Some(name.lead(address.ip()))))
    }

    /// Nobody was at the one that was next.
    pub(super) fn missed(&self) {
        if let Host::Name(name) = &self.host {
            name.want();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.resolved().unwrap_or(1)
    }

    /// How many a name has; `None` where it is none.
    pub(super) fn resolved(&self) -> Option<usize> {
        match &self.host {
            Host::Literal(_) | Host::Nowhere => None,
            Host::Name(name) => Some(name.addresses().len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::definition::tests::definition;
    use super::super::names::PAUSES;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn names(found: &[&str]) -> Names {
        let found: Vec<SocketAddr> = found.iter().map(|it| it.parse().unwrap()).collect();
        let lookup = move |_: &str| match found.is_empty() {
            true => Err(io::Error::other("no such host")),
            false => Ok(found.clone()),
        };
        Names::by(Arc::new(lookup), PAUSES)
    }

    #[tokio::test]
    async fn a_literal_address_is_ready_and_a_name_is_waited_for_once() {
        for (host, found, expected) in [
            ("127.0.0.1", [].as_slice(), Some("127.0.0.1:8080")),
            ("::1", &[], Some("[::1]:8080")),
            ("api.internal", &["10.0.0.1:0"], Some("10.0.0.1:8080")),
            ("api.internal", &["[fe80::1%2]:0"], Some("[fe80::1%2]:8080")),
            ("nowhere.internal", &[], None),
        ] {
            let addresses = Addresses::of(&definition(host), &names(found));
            let expected = expected.map(|it| it.parse().unwrap());
            for _ in 0..2 {
                let next = addresses.next(PATIENCE).await;
                assert_eq!(next.map(|(address, _)| address), expected, "{host}");
            }
            assert_eq!(addresses.count(), usize::from(expected.is_some()));
        }
    }

    #[tokio::test]
    async fn addresses_take_turns_and_each_upstream_has_its_own_port() {
        let names = names(&["10.0.0.2:0", "10.0.0.1:0", "10.0.0.2:0"]);
        let mut other = definition("api.internal");
        other.port = 9090;
        for (definition, port) in [(definition("api.internal"), 8080), (other, 9090)] {
            let addresses = Addresses::of(&definition, &names);
            for turn in [1, 2, 1] {
                let expected = SocketAddr::from(([10, 0, 0, turn], port));
                let next = addresses.next(PATIENCE).await;
                assert_eq!(next.map(|(address, _)| address), Some(expected));
            }
            assert_eq!(addresses.count(), 2);
        }
    }
}
