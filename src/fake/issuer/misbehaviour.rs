//! What can tests make the issuer do, and what can they see of what it was asked? Bent answers of its
//! keys and tokens, and the last token request.

use http::HeaderMap;

use super::registration::Generation;

#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    pub keys: KeyAnswer,
    /// In seconds; else an hour.
    pub lifetime: Option<u64>,
    pub refresh_in: Option<u64>,
    pub expires_in: ExpiresIn,
    pub without_token: bool,
    /// An assertion is taken once only, and must have a `jti`. Entra takes one as often as it comes, and
    /// MSAL Python counts on that; what sends a fresh one each time can be held to it.
    pub refuse_replays: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAnswer {
    #[default]
    Good,
    Garbage,
    Empty,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiresIn {
    /// A number from v2, a string from v1.
    #[default]
    AsEntra,
    String,
    Missing,
}

/// A token request as it came, for tests: the form holds the credentials.
#[derive(Clone)]
pub struct TokenRequest {
    pub tenant: String,
    pub endpoint: Generation,
    pub headers: HeaderMap,
    pub form: Vec<(String, String)>,
}

impl TokenRequest {
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.form, name)
    }
}

/// The first field of that name that is not empty.
pub(super) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let field = form
        .iter()
        .find(|(field, value)| field == name && !value.is_empty());
    field.map(|(_, value)| value.as_str())
}
