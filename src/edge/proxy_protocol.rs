//! Whom does a proxy speak for? The client's address, as the PROXY protocol (HAProxy's, versions 1 and 2)
//! says it before anything else. Only those of `trusted_proxies` are asked, and they must say it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;
/// The most that is read of version 2 behind its first 16 bytes: addresses, and what else a load balancer
/// has to tell.
const MOST: usize = 2048;

#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyHeaderError {
    #[error("there is none, and the proxy has to send one")]
    None,
    #[error("it cannot be read: {0}")]
    Malformed(&'static str),
    #[error("{0}")]
    Io(#[from] io::Error),
}

use ProxyHeaderError::Malformed;

/// Whom a proxy stands for that does not know whom. SECURITY: not for itself, or the client's own words would
/// be taken for the proxy's; it is nobody whose word counts.
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Reads the header, and not a byte more. `None`: the proxy speaks for itself, as its health checks do.
pub(super) async fn client(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut begin = [0; SIGNATURE.len()];
    from.read_exact(&mut begin).await?;
    if begin == SIGNATURE {
        return version_2(from).await;
    }
    if !begin.starts_with(b"PROXY ") {
        return Err(ProxyHeaderError::None);
    }
    let mut line = begin.to_vec();
    while !line.ends_with(b"\n") {
        if line.len() >= LONGEST_LINE {
            return Err(Malformed("the line is longer than 107 bytes"));
        }
        line.push(from.read_u8().await?);
    }
    version_1(&line)
}

/// `PROXY TCP4 192.0.2.7 192.0.2.1 4711 443`.
fn version_1(line: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let line = line
        .strip_suffix(b"\r\n")
        .ok_or(Malformed("the line does not end in CR LF"))?;
    let text = std::str::from_utf8(line).map_err(|_| Malformed("it is not ASCII"))?;
    let words: Vec<_> = text.split(' ').collect();
    let address = |text: &str, is_v4: bool| {
        let address = text.parse::<IpAddr>().ok();
        address.filter(|address| address.is_ipv4() == is_v4)
    };
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = plain && (text == "0" || !text.starts_with('0'));
        text.parse::<u16>().ok().filter(|_| plain)
    };
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(Some(UNKNOWN)),
        [
            "PROXY",
            kind @ ("TCP4" | "TCP6"),
            from,
            to,
            from_port,
            to_port,
        ] => {
            let is_v4 = kind == "TCP4";
            let both = address(from, is_v4).zip(address(to, is_v4));
            let ports = port(from_port).zip(port(to_port));
            let client = both.zip(ports);
            let client = client.map(|((from, _), (port, _))| SocketAddr::new(from, port));
            client
                .map(Some)
                .ok_or(Malformed("an address or a port is none"))
        }
        _ => Err(Malformed("it is neither of TCP4, of TCP6 nor UNKNOWN")),
    }
}

async fn version_2(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let [command, kind, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MOST {
        return Err(Malformed("it is longer than 2 KiB"));
    }
    let mut rest = vec![0; length];
    from.read_exact(&mut rest).await?;
    let short = Malformed("it is too short for its addresses");
    match (command, kind) {
        // LOCAL.
        (0x20, _) => Ok(None),
        (0x21, 0x00) => Ok(Some(UNKNOWN)),
        (0x21, 0x11) => {
            let (addresses, _) = rest.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            let port = u16::from_be_bytes([high, low]);
            Ok(Some((Ipv4Addr::new(a, b, c, d), port).into()))
        }
        (0x21, 0x21) => {
            let client = rest.first_chunk::<16>();
            // Behind the address that was asked for; the port that was asked for comes last.
            let port = rest.get(32..36).and_then(|ports| ports.first_chunk::<2>());
            let (client, port) = client.zip(port).ok_or(short)?;
            let port = u16::from_be_bytes(*port);
            Ok(Some((Ipv6Addr::from(*client), port).into()))
        }
        (0x21, _) => Err(Malformed("it is of no TCP connection")),
        _ => Err(Malformed("its version or command is unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of these bytes, and how many were left alone.
    async fn read(bytes: &[u8]) -> (Result<Option<SocketAddr>, String>, usize) {
        let mut rest = bytes;
        let client = client(&mut rest).await.map_err(|why| why.to_string());
        (client, rest.len())
    }

    fn two(command: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, kind], &length, rest].concat()
    }

    #[tokio::test]
    async fn both_versions_name_the_client_and_what_follows_is_left_alone() {
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
        v6[32..34].copy_from_slice(&4711_u16.to_be_bytes());
        let with_more = [&v4[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        let cases = [
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec(),
                Some("192.0.2.7:4711"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n".to_vec(),
                Some("[2001:db8::7]:4711"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), Some("0.0.0.0:0")),
            (
                b"PROXY UNKNOWN whatever it says 1 2\r\n".to_vec(),
                Some("0.0.0.0:0"),
            ),
            (two(0x21, 0x11, &v4), Some("192.0.2.7:4711")),
            (two(0x21, 0x11, &with_more), Some("192.0.2.7:4711")),
            (two(0x21, 0x21, &v6), Some("[2001:db8::7]:4711")),
            (two(0x20, 0x11, &v4), None),
            (two(0x20, 0x00, &[]), None),
            (two(0x21, 0x00, &[1, 2, 3]), Some("0.0.0.0:0")),
        ];
        for (header, expected) in cases {
            let expected = expected.map(|text| text.parse().unwrap());
            let bytes = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(read(&bytes).await, (Ok(expected), 16), "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_none_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        for line in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROXY",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 \r\n",
            "PROXY TCP4  192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
            "PROXY TCP6 192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 192.0.2.07 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 192.0.2.7 nowhere 4711 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 +471 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 04711 443\r\n",
            "PROXY UDP4 192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY tcp4 192.0.2.7 10.0.0.1 4711 443\r\n",
            &long,
        ] {
            assert!(read(line.as_bytes()).await.0.is_err(), "{line}");
        }
        for bytes in [
            two(0x21, 0x11, &[1; 11]),
            two(0x21, 0x21, &[1; 35]),
            two(0x21, 0x12, &[1; 12]),
            two(0x21, 0x31, &[1; 216]),
            two(0x22, 0x11, &[1; 12]),
            two(0x11, 0x11, &[1; 12]),
            two(0x21, 0x11, &[1; MOST + 1]),
            two(0x21, 0x11, &[1; 12])[..20].to_vec(),
            SIGNATURE.to_vec(),
        ] {
            assert!(read(&bytes).await.0.is_err(), "{bytes:?}");
        }
    }
}
