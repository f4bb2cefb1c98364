//! What is wrong with a connection, or with a head? One closed list, with a text that is safe for any
//! log, for it quotes nothing.

/// A rule that a peer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    // Of a connection, which ends.
    #[error("what came is not HTTP/2, and this listener speaks nothing else")]
    Preface,
    #[error("too many frames that ask for nothing")]
    Flood,
    #[error("too many streams were reset by the one who opened them")]
    Resets,
    #[error("a head of too many frames")]
    Continuations,
    #[error("the head is too large")]
    HeadTooLarge,
    #[error("the connection's bytes are not HTTP/2 as it should be")]
    Connection,
    // Of a stream, which is reset or answered.
    #[error("the request is not HTTP/2 as it should be")]
    Stream,
    #[error("more streams at a time than limits.streams")]
    Streams,
    #[error("the head has too many fields")]
    TooManyFields,
    #[error("a field's name is too long")]
    NameTooLong,
    #[error("a field's value begins or ends with a blank")]
    Blank,
    #[error("a field belongs to a connection, of which HTTP/2 has none such")]
    OfConnection,
    #[error("a field's name looks like Content-Length or Transfer-Encoding")]
    Lookalike,
    #[error("the scheme is not http or https")]
    Scheme,
    #[error("the path does not begin with a slash, or has a `#`")]
    Path,
    #[error("a trailer field that belongs into the head")]
    TrailerForbidden,
    #[error("the trailers are too large")]
    TrailersTooLarge,
}

impl Fault {
    /// RFC 9113 §7: as a GOAWAY frame tells it.
    pub const fn code(self) -> u32 {
        match self {
            Self::Flood | Self::Resets | Self::Continuations | Self::HeadTooLarge => 0xb,
            _ => 0x1,
        }
    }
}
