//! Which web pages may call a route.

use std::time::Duration;

use crate::config::value::{FieldName, PageOrigin, Verb};
use crate::located::{At, Filled, May, Must, Or, object};

object! {
    /// Which web pages may call a route (CORS).
    Cors "a mapping such as `{ origins: [https://app.example.com] }`" {
        /// The pages' origins as browsers send them, scheme, host and port, such as `https://app.example.com`; or `["*"]`, every page. Requests with any other `Origin` are refused, also the gateway's own: name it where pages of it call.
        origins: Must<Filled<PageOrigin>>,
        /// Header fields that pages may send, beside those that always may.
        headers: May<Filled<FieldName>> = "`Authorization` and `Content-Type`",
        /// Methods that pages may use, of those that the route takes.
        methods: May<Filled<Verb>> = "the route's",
        /// Header fields of answers that pages may read, beside those that always may and those of the gateway's own answers.
        expose: Or<Vec<At<FieldName>>> = "[]",
        /// Whether browsers may send cookies, and what else they keep for the gateway's host.
        credentials: Or<bool> = "false",
        /// How long browsers need not ask again. They have limits of their own, of hours.
        max_age: Or<Duration> = "10m" in "0s" to "1d",
    }
}
