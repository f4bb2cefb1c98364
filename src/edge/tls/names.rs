//! Which certificate does a caller mean? The one that has the name it asks for, else the one that has
//! it by a wildcard, else the first.

use std::collections::HashMap;

use openssl::ssl::SslContext;

use crate::certified_key::CertifiedKey;

/// The host names that a certificate is for, in lower case: its `subjectAltName`, as clients read it
/// (RFC 9525 §6.3; the common name is nobody's any more).
pub fn server_names(certificate: &CertifiedKey) -> Vec<String> {
    let own = certificate.chain().first();
    let names = own.and_then(|own| own.subject_alt_names());
    let names = names.iter().flatten().filter_map(|name| name.dnsname());
    names.map(str::to_ascii_lowercase).collect()
}

/// Contexts by the names of their certificates.
pub(super) struct ByName(HashMap<String, SslContext>);

impl ByName {
    /// Of two that have one name, the first has it.
    pub(super) fn new(contexts: impl IntoIterator<Item = (Vec<String>, SslContext)>) -> Self {
        let mut by_name = HashMap::new();
        for (names, context) in contexts {
            for name in names {
                by_name.entry(name).or_insert_with(|| context.clone());
            }
        }
        Self(by_name)
    }

    pub(super) fn find(&self, asked: &str) -> Option<&SslContext> {
        let asked = asked.to_ascii_lowercase();
        self.0.get(&asked).or_else(|| {
            // A wildcard stands for exactly one label.
            let (_, rest) = asked.split_once('.')?;
            self.0.get(&format!("*.{rest}"))
        })
    }
}
