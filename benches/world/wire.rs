//! How a listener is spoken to.

use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Http1,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 over TLS, agreed on by ALPN.
    Http2,
    /// HTTP/2 in clear, by prior knowledge.
    H2c,
}

impl Wire {
    pub(crate) const ALL: [Self; 4] = [Self::Http1, Self::Tls, Self::Http2, Self::H2c];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Tls => "tls",
            Self::Http2 => "http2",
            Self::H2c => "h2c",
        }
    }

    pub(crate) fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Http2)
    }

    pub(crate) fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::H2c)
    }

    /// What a file says of such a listener beside its address.
    pub(crate) fn config(self, folder: &Path) -> String {
        let folder = folder.display();
        match self {
            Self::Http1 => String::new(),
            Self::Tls | Self::Http2 => {
                format!(", tls: {{ certificate: {folder}/own.pem, key: {folder}/own.key }}")
            }
            Self::H2c => ", protocols: [http1, h2c]".to_owned(),
        }
    }
}
