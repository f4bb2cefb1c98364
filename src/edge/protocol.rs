//! Which versions of HTTP does a listener speak, and which one does a connection?

use std::fmt;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// A word of `protocols`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1 and 1.0, with and without TLS.
    Http1,
    /// HTTP/2 by ALPN, over TLS.
    H2,
    /// HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.3).
    H2c,
}

/// What a listener speaks. Never nothing, unless it was made of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocols(u8);

impl Spoken {
    pub const ALL: [Self; 3] = [Self::Http1, Self::H2, Self::H2c];

    /// As the file writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::H2 => "h2",
            Self::H2c => "h2c",
        }
    }
}

impl Protocols {
    /// What a listener without TLS speaks unless its file says more.
    pub const PLAIN: Self = Self(1 << Spoken::Http1 as u8);
    /// What a listener with TLS speaks unless its file says less.
    pub const TLS: Self = Self(Self::PLAIN.0 | 1 << Spoken::H2 as u8);

    pub const fn speaks(self, word: Spoken) -> bool {
        self.0 & 1 << word as u8 != 0
    }

    /// What is offered by ALPN, in its form: a length before each name, what we like best first
    /// (RFC 7301 §3.1).
    pub const fn alpn(self) -> &'static [u8] {
        match (self.speaks(Spoken::H2), self.speaks(Spoken::Http1)) {
            (true, true) => b"\x02h2\x08http/1.1",
            (true, false) => b"\x02h2",
            (false, true) => b"\x08http/1.1",
            (false, false) => b"",
        }
    }

    /// What a connection speaks whose ALPN came to this; without ALPN, HTTP/1.1 is meant. `None`:
    /// not with us.
    pub fn by_alpn(self, chosen: Option<&[u8]>) -> Option<Protocol> {
        match chosen {
            Some(b"h2") if self.speaks(Spoken::H2) => Some(Protocol::Http2),
            Some(b"http/1.1") | None if self.speaks(Spoken::Http1) => Some(Protocol::Http1),
            _ => None,
        }
    }
}

impl FromIterator<Spoken> for Protocols {
    fn from_iter<I: IntoIterator<Item = Spoken>>(words: I) -> Self {
        let bits = words.into_iter().map(|word| 1 << word as u8);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl fmt::Display for Protocols {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spoken = Spoken::ALL.into_iter().filter(|word| self.speaks(*word));
        for (at, word) in spoken.enumerate() {
            out.write_str(if at == 0 { "" } else { ", " })?;
            out.write_str(word.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoken_is_what_is_offered_and_taken() {
        let only_h2 = Protocols::from_iter([Spoken::H2]);
        let all = Protocols::from_iter(Spoken::ALL);
        for (protocols, offered, of_h2, of_none, text) in [
            (
                Protocols::PLAIN,
                &b"\x08http/1.1"[..],
                None,
                Some(Protocol::Http1),
                "http1",
            ),
            (
                Protocols::TLS,
                b"\x02h2\x08http/1.1",
                Some(Protocol::Http2),
                Some(Protocol::Http1),
                "http1, h2",
            ),
            (only_h2, b"\x02h2", Some(Protocol::Http2), None, "h2"),
            (
                all,
                b"\x02h2\x08http/1.1",
                Some(Protocol::Http2),
                Some(Protocol::Http1),
                "http1, h2, h2c",
            ),
        ] {
            assert_eq!(protocols.alpn(), offered);
            assert_eq!(protocols.by_alpn(Some(b"h2")), of_h2, "{text}");
            assert_eq!(protocols.by_alpn(None), of_none, "{text}");
            assert_eq!(protocols.by_alpn(Some(b"h3")), None);
            assert_eq!(protocols.to_string(), text);
        }
    }
}
