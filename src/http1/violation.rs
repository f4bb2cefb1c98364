//! What is wrong with a message? One closed list: each rule of RFC 9112 that is held here, with a
//! text that is safe for any log, for it quotes nothing.

/// Declares the list once: variant, kind, text.
macro_rules! violations {
    ($($(#[$doc:meta])* $variant:ident $kind:ident $text:literal;)*) => {
        /// A rule that a message breaks. The connection cannot be read any further.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum Violation {
            $($(#[$doc])* #[error($text)] $variant,)*
        }

        impl Violation {
            /// Every rule, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }
        }
    };
}

/// What the edge makes of a violation: the status of a request, or what is said of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The head's or body's syntax: 400.
    Malformed,
    /// Where the message ends is not told, or told twice: 400.
    Framing,
    /// The request target's syntax: 400.
    Target,
    /// 414.
    TargetTooLong,
    /// 431.
    HeadTooLarge,
    /// The connection ended within a message.
    Truncated,
    /// Bytes that nobody asked for.
    Unasked,
}

violations! {
    // RFC 9112 §2.2: lines.
    BareLineFeed Malformed "a line ends in a line feed alone";
    BareCarriageReturn Malformed "a carriage return stands alone";
    Control Malformed "a control character stands in the head";
    EmptyLines Malformed "too many empty lines stand before the request line";
    // §3: request lines. §4: status lines.
    Method Malformed "the method is not a token";
    RequestLine Malformed "the request line is not three parts with single spaces between them";
    Version Malformed "the version is not HTTP/1.0 or HTTP/1.1";
    Target Target "the request target has a character that no URI has";
    TargetTooLong TargetTooLong "the request target is too long";
    StatusLine Malformed "the status line is malformed";
    // §5: fields.
    Folded Malformed "a line begins with a blank";
    NoColon Malformed "a field has no colon";
    EmptyName Malformed "a field has no name";
    BlankBeforeColon Malformed "a blank stands before a field's colon";
    Name Malformed "a field's name is not a token";
    NameTooLong HeadTooLarge "a field's name is too long";
    TooManyFields HeadTooLarge "the head has too many fields";
    HeadTooLarge HeadTooLarge "the head is too large";
    // §6: where the body ends.
    Length Framing "Content-Length is not one number";
    RepeatedLength Framing "Content-Length was sent more than once";
    Coding Framing "Transfer-Encoding is not exactly `chunked`";
    RepeatedCoding Framing "Transfer-Encoding was sent more than once";
    LengthBesideCoding Framing "Content-Length beside Transfer-Encoding";
    CodingInOldVersion Framing "Transfer-Encoding in HTTP/1.0";
    /// Gateways to CGI and WSGI read `_` as `-`.
    Lookalike Framing "a field's name looks like Content-Length or Transfer-Encoding";
    BodyForbidden Framing "an answer that has no body announces one";
    TooManyInterim Framing "too many interim answers";
    // §7.1: chunks.
    ChunkSize Framing "a chunk's size is not a hexadecimal number";
    ChunkExtension Framing "a chunk's extension has a character that it must not have";
    ChunkExtensionTooLong Framing "the chunks' extensions are too long";
    ChunkLineEnd Framing "a chunk's line does not end in carriage return and line feed";
    ChunkDataEnd Framing "a chunk's data is longer than its size";
    Trailer Malformed "a trailer field is malformed";
    TrailerForbidden Framing "a trailer field that belongs into the head";
    TrailersTooLarge Framing "the trailers are too large";
    // §8: the end.
    Truncated Truncated "the connection ended within a message";
    Unasked Unasked "bytes came that no request asked for";
}
