//! What is a token wanted for?

use std::sync::Arc;

use crate::guid::Guid;
use crate::secret::Secret;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `https://…/.default`, but for what a user may.
    pub scope: Arc<str>,
    /// JSON of what the token must claim, where an API asked for it.
    pub claims: Option<Arc<str>>,
    /// The tenant that is asked, where it is not the client's own: the one that gave a user the token.
    pub tenant: Option<Guid>,
    /// A user's token for the client, where the token is for acting on the user's behalf.
    pub assertion: Option<Arc<Secret<String>>>,
}

impl Wanted {
    /// A token for the client itself.
    pub fn of_app(scope: &str) -> Self {
        Self {
            scope: Arc::from(scope),
            claims: None,
            tenant: None,
            assertion: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_token_is_shown_nowhere() {
        let wanted = Wanted {
            assertion: Some(Arc::new(Secret::new("a.users.token".to_owned()))),
            ..Wanted::of_app("https://graph.microsoft.com/Mail.Read")
        };
        let shown = format!("{wanted:?}");
        assert!(
            shown.contains("Mail.Read") && !shown.contains("users"),
            "{shown}"
        );
    }
}
