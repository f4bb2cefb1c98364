//! Traces: what of requests is told to a collector.

use std::time::Duration;

use crate::config::secret_ref::SecretRef;
use crate::config::value::Percent;
use crate::located::{FilePath, HttpUrl, May, Must, Named, Or, Text, object};

object! {
    /// Traces of requests, sent to a collector by OTLP over HTTP (protobuf).
    Traces "a mapping such as `{ endpoint: http://127.0.0.1:4318/v1/traces }`" {
        /// What is posted to, the path included. By http, callers' names and paths can be read on the way.
        endpoint: Must<HttpUrl>,
        /// Of the traces that are recorded: of those that begin here, and of those that a caller began who is no trusted proxy. What `trusted_proxies` say of theirs, holds.
        sample: Or<Percent> = "100%" in "0%" to "100%",
        /// `service.name` of the process.
        service: Or<Text> = "bearergate",
        /// More that is said of the process, such as `{ deployment.environment.name: production }`.
        attributes: Or<Named<Text>> = "{}",
        /// Sent with each post, by name; `{ file: … }` or `{ env: … }`.
        headers: Or<Named<SecretRef>> = "{}",
        /// PEM certificates to trust instead of the system's.
        ca_file: May<FilePath> = "the system's",
        /// For a whole post.
        timeout: Or<Duration> = "10s" in "1ms" to "5m",
    }
}
