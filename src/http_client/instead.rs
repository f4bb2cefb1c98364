//! A host that answers for every name.

use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves any name to the addresses of this one host.
pub(super) struct Instead(pub(super) Arc<str>);

impl Resolve for Instead {
    fn resolve(&self, _: Name) -> Resolving {
        // Brackets are for URLs (RFC 3986 §3.2.2).
        let host = self.0.trim_matches(['[', ']']).to_owned();
        Box::pin(async move {
            // The port is the URL's.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let found: Vec<_> = found.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
