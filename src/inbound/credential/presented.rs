//! Where do credentials stand in a request? `Authorization` is read once, for all kinds.

use http::HeaderMap;

use crate::request::{Authorization, AuthorizationError};

pub(in crate::inbound) struct Presented<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) authorization: Result<Option<Authorization<'a>>, AuthorizationError>,
}

impl<'a> Presented<'a> {
    pub(in crate::inbound) fn of(headers: &'a HeaderMap) -> Self {
        Self {
            headers,
            authorization: Authorization::of(headers),
        }
    }
}
