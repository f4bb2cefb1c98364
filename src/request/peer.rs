//! Which address is this request from? The socket's, or behind trusted proxies the rightmost
//! `X-Forwarded-For` hop that is not one of them.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// How many hops are read, from the right. No honest chain of proxies is that long.
const MOST_HOPS: usize = 64;

/// The two ends as far as addresses tell. IPv4-mapped IPv6 addresses are IPv4 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The socket's other end; unspecified (`::`, `0.0.0.0`) where that has no address.
    pub address: IpAddr,
    /// The client behind trusted proxies; the socket's other end where there are none.
    pub client: Client,
    /// Whether the socket's other end is one of `trusted_proxies`.
    pub trusted: bool,
    /// Whether it speaks to us over TLS.
    pub encrypted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Known(IpAddr),
    /// A trusted proxy told of nobody. It may ask for itself, or hide for whom.
    Proxy(IpAddr),
    /// A trusted proxy sent a hop that is no address, or the peer has none: every `network` condition
    /// fails.
    Unknown,
}

impl Peer {
    /// Reads the client's address out of `X-Forwarded-For`, but only from a trusted proxy.
    pub fn of(address: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Self {
        let address = address.to_canonical();
        let trusted = is_in(trusted_proxies, address);
        Self {
            address,
            client: match trusted {
                true => client(address, headers, trusted_proxies),
                // SECURITY: it stands for a peer that has none, and is in no network.
                false if address.is_unspecified() => Client::Unknown,
                false => Client::Known(address),
            },
            trusted,
            encrypted: false,
        }
    }

    /// The same, whose connection is TLS or is not.
    pub fn over(self, encrypted: bool) -> Self {
        Self { encrypted, ..self }
    }
}

/// As which address its neighbours count too: whoever has one of IPv6 has its whole /64.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
        v4 => v4,
    }
}

/// How an address is written, kept on the stack: each request shows its own twice.
#[derive(Clone, Copy)]
pub struct AddressText {
    /// The longest, an IPv6 address that ends as IPv4, has 45.
    bytes: [u8; 45],
    length: usize,
}

impl AddressText {
    pub fn of(address: IpAddr) -> Self {
        let mut bytes = [0; 45];
        let length = match address {
            IpAddr::V4(address) => dotted(address.octets(), &mut bytes),
            IpAddr::V6(_) => {
                let mut rest = &mut bytes[..];
                // INVARIANT: no address is longer than what is there for it.
                let _ = write!(rest, "{address}");
                45 - rest.len()
            }
        };
        Self { bytes, length }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub fn as_str(&self) -> &str {
        // INVARIANT: digits, letters, dots and colons.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Writes four decimal numbers, without the machinery of `write!`; how many bytes they are.
fn dotted(octets: [u8; 4], text: &mut [u8; 45]) -> usize {
    let mut length = 0;
    let mut push = |byte: u8| {
        text[length] = byte;
        length += 1;
    };
    for (place, octet) in octets.into_iter().enumerate() {
        if place > 0 {
            push(b'.');
        }
        if octet > 99 {
            push(b'0' + octet / 100);
        }
        if octet > 9 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    length
}

/// Walks the chain towards the client for as long as the hops are trusted themselves: what stands
/// left of the first untrusted one was written by it. Where all are trusted, the leftmost is meant.
fn client(address: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Client {
    // RFC 9110 §5.3: several lines are one list, in their order.
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut nearest = None;
    for (index, text) in hops.enumerate() {
        match hop(text) {
            Some(hop) if index < MOST_HOPS => nearest = Some(hop),
            _ => return Client::Unknown,
        }
        if !nearest.is_some_and(|hop| is_in(trusted_proxies, hop)) {
            break;
        }
    }
    // SECURITY: a proxy is not the client because it says nothing of one.
    nearest.map_or(Client::Proxy(address), Client::Known)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(literal) => IpAddr::V6(literal.parse().ok()?),
        None => text
            .parse()
            .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
            .ok()?,
    };
    let address = address.to_canonical();
    // What some proxies write for a peer without an address names nobody.
    (!address.is_unspecified()).then_some(address)
}

/// Whether an address, normalised, is in one of the networks; one may be written IPv4-mapped.
fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| match (network, address) {
        // A prefix of 96 bits or more that holds a mapped address lies within ::ffff:0:0/96.
        (IpNet::V6(network), IpAddr::V4(address)) if network.prefix_len() >= 96 => {
            network.contains(&address.to_ipv6_mapped())
        }
        _ => network.contains(&address),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn of(address: &str, lines: &[&str], trusted: &[&str]) -> Peer {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                X_FORWARDED_FOR,
                HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        Peer::of(address.parse().unwrap(), &headers, &trusted)
    }

    fn known(address: &str) -> Client {
        Client::Known(address.parse().unwrap())
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let peer = of("192.0.2.7", &["10.9.9.9"], &[]);
        assert_eq!(peer.client, known("192.0.2.7"));
        assert!(!peer.trusted);
    }

    #[test]
    fn an_untrusted_peer_cannot_name_another_client() {
        for line in ["10.9.9.9", "nonsense", "", "10.0.0.1"] {
            let peer = of("192.0.2.7", &[line], &["10.0.0.0/8"]);
            assert_eq!(peer.client, known("192.0.2.7"), "{line}");
            assert!(!peer.trusted);
        }
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_client() {
        let table: &[(&[&str], &str)] = &[
            (&["192.0.2.7"], "192.0.2.7"),
            (&["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
            (&["1.1.1.1,192.0.2.7,10.0.0.2"], "192.0.2.7"),
            (&["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7", "10.0.0.3, 10.0.0.2"], "192.0.2.7"),
            (&["nonsense, 192.0.2.7"], "192.0.2.7"),
            (&["10.0.0.5, 10.0.0.4"], "10.0.0.5"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:DB8::7]:4711"], "2001:db8::7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"),
            (&["\t192.0.2.7 "], "192.0.2.7"),
        ];
        for (lines, client) in table {
            let peer = of(PROXY, lines, &["10.0.0.0/8"]);
            assert_eq!(peer.client, known(client), "{lines:?}");
            assert!(peer.trusted);
        }
    }

    #[test]
    fn a_trusted_proxy_that_tells_of_nobody_is_not_the_client() {
        let peer = of(PROXY, &[], &["10.0.0.0/8"]);
        assert_eq!(peer.client, Client::Proxy(PROXY.parse().unwrap()));
        assert!(peer.trusted);
    }

    #[test]
    fn a_hop_that_is_no_address_is_an_unknown_client() {
        for line in [
            "",
            "unknown",
            "_hidden",
            "192.0.2.7,",
            "192.0.2.7,,10.0.0.2",
            "192.0.2.7, x, 10.0.0.2",
            "010.0.0.1",
            "::",
            "0.0.0.0",
            "::ffff:0.0.0.0",
            "192.0.2.7, ::",
            "192.0.2",
            "192.0.2.7:port",
            "192.0.2.7:99999",
            "192.0.2.7:",
            "[192.0.2.7]",
            "[2001:db8::7",
            "fe80::1%eth0",
            "\"[2001:db8::7]\"",
            "for=192.0.2.7",
            "192.0.2.7\u{a0}",
        ] {
            assert_eq!(
                of(PROXY, &[line], &["10.0.0.0/8"]).client,
                Client::Unknown,
                "{line:?}"
            );
        }
    }

    #[test]
    fn an_endless_chain_is_an_unknown_client() {
        let chain = |hops: usize| vec!["10.0.0.2"; hops].join(",");
        let client = |hops| of(PROXY, &[&chain(hops)], &["10.0.0.0/8"]).client;
        assert_eq!(client(MOST_HOPS), known("10.0.0.2"));
        assert_eq!(client(MOST_HOPS + 1), Client::Unknown);
    }

    #[test]
    fn mapped_addresses_and_networks_are_ipv4() {
        let mapped = of("::ffff:10.0.0.1", &["192.0.2.7"], &["10.0.0.0/8"]);
        assert_eq!(mapped.address, "10.0.0.1".parse::<IpAddr>().unwrap());
        assert_eq!(mapped.client, known("192.0.2.7"));
        assert!(of(PROXY, &[], &["::ffff:10.0.0.0/104"]).trusted);
        assert!(!of("11.0.0.1", &[], &["::ffff:10.0.0.0/104"]).trusted);
        assert!(!of(PROXY, &[], &["::/0"]).trusted);
    }

    #[test]
    fn an_address_is_written_as_it_shows() {
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "255.10.99.100",
            "192.168.109.90",
            "::",
            "2001:db8::a",
            "::ffff:255.255.255.255",
            longest,
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(AddressText::of(address).as_str(), text);
            assert_eq!(AddressText::of(address).as_bytes(), text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn every_address_is_written_as_it_shows(bits in any::<u32>()) {
            let address = std::net::Ipv4Addr::from(bits);
            let text = AddressText::of(address.into());
            prop_assert_eq!(text.as_str(), address.to_string());
        }

        #[test]
        fn whatever_is_sent_an_untrusted_peer_stays_itself(line in "[ -~]{0,40}") {
            let peer = of("192.0.2.7", &[&line], &["10.0.0.0/8"]);
            prop_assert_eq!(peer.client, known("192.0.2.7"));
        }
    }
}
