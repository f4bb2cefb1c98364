//! How is a listener spoken to? TLS as the plan shows it.

use std::iter::once;

use crate::edge::{TlsDefinition, TlsVersion, server_names};

/// The most names that are listed of a certificate.
const MOST_NAMED: usize = 12;

/// As whom a listener shows itself, and who may speak to it.
pub(super) fn spoken(tls: &TlsDefinition) -> Vec<String> {
    let certificates = tls.certificates.iter().map(|certificate| {
        let mut names = server_names(certificate);
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        match (names.is_empty(), more) {
            (true, _) => "  as nobody by name".to_owned(),
            (false, 0) => format!("  as {}", names.join(", ")),
            (false, more) => format!("  as {} and {more} more", names.join(", ")),
        }
    });
    let clients = tls.clients.as_ref().map(|clients| match clients.required {
        true => "  to those who show a certificate of client_ca".to_owned(),
        false => "  a client certificate, where there is one, is of client_ca".to_owned(),
    });
    once(format!("  {}", oldest(tls.minimum)))
        .chain(certificates)
        .chain(clients)
        .collect()
}

pub(super) fn oldest(version: TlsVersion) -> String {
    let version = match version {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    };
    format!("TLS {version} or newer")
}

/// Whether it is the least that is ever spoken.
pub(super) fn is_usual(version: TlsVersion) -> bool {
    version == TlsVersion::V1_2
}
