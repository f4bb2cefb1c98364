//! Everything a decision needs, read by each request from one snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use super::HeaderRules;
use crate::inbound::Issuer;
use crate::outbound::AppTokens;
use crate::routing::Table;

#[derive(Debug)]
pub struct Plan {
    pub routes: Table,
    pub headers: HeaderRules,
    /// The issuers by their names in the file.
    pub issuers: HashMap<Arc<str>, Arc<Issuer>>,
    /// The tokens of all (identity, scope) that routes carry.
    pub tokens: Vec<Arc<AppTokens>>,
}
