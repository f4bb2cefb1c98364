//! A tenant as an issuer: both versions of its access tokens, verified by one set of keys.

use crate::entra::{Authority, Endpoint};
pub(super) use crate::entra::{token_principal as principal, token_profile as profile};

/// v1's document is not fetched: the key material is the same, v2's is a superset of it, and only
/// v2's members carry the `issuer` that ties a key to a tenant. v1 tokens verify with it as well.
pub(super) fn keys_url(authority: &Authority) -> String {
    authority.keys_url(Endpoint::V2)
}

/// The tenant, and where its clients log in.
pub(super) fn challenge(authority: &Authority) -> String {
    let (tenant, uri) = (authority.tenant(), authority.authorization_uri());
    format!("realm=\"{tenant}\", authorization_uri=\"{uri}\"")
}
