//! Whose token was presented? A bearer token in `Authorization` (RFC 6750 §2.1), proven by the one
//! of the route's issuers that it names.

use std::collections::HashMap;
use std::sync::Arc;

use super::Presented;
use crate::clock::UnixTime;
use crate::inbound::{AuthError, Issuer};
use crate::jwt::{TokenDigest, TokenError, UnverifiedToken};
use crate::policy::{Callers, Credential, Evidence, TokenPrincipal};
use crate::request::{AuthorizationError, Scheme, Unread};

/// The issuers of a route, in file order, each once.
#[derive(Debug)]
pub(in crate::inbound) struct BearerTokens {
    issuers: Vec<Arc<Issuer>>,
}

impl BearerTokens {
    /// `None`: no entry asks for a token. The tokens of an issuer that is not in `issuers` are
    /// refused.
    pub(super) fn of(callers: &Callers, issuers: &HashMap<Arc<str>, Arc<Issuer>>) -> Option<Self> {
        let names = issuers_of(callers);
        let known = names.iter().filter_map(|name| issuers.get(*name).cloned());
        (!names.is_empty()).then(|| Self {
            issuers: known.collect(),
        })
    }

    pub(super) fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }

    pub(super) async fn prove(
        &self,
        presented: &Presented<'_>,
        now: UnixTime,
        evidence: &mut Evidence,
    ) -> Result<(), AuthError> {
        use AuthorizationError::{Malformed, MalformedBasic, MalformedBearer, Repeated};
        match &presented.authorization {
            Ok(Some(authorization)) => {
                match authorization.scheme {
                    Scheme::Bearer(token) => {
                        let principal = self.principal(token, now).await?;
                        evidence.add_token(principal, authorization.field());
                    }
                    Scheme::Missing => return Err(AuthError::SchemeMissing),
                    Scheme::Basic(_) | Scheme::Other => {}
                }
                Ok(())
            }
            // What is of a scheme that this kind does not use counts as absent.
            Ok(None) | Err(MalformedBasic) => Ok(()),
            Err(Repeated) => Err(AuthError::RepeatedCredential),
            Err(Malformed | MalformedBearer) => Err(AuthError::Malformed),
        }
    }

    /// RFC 6750 §3, with what the first issuer tells its clients.
    pub(super) fn challenge(&self, error: Option<&str>, description: &str) -> String {
        let mut parameters = String::from("Bearer");
        if let Some(first) = self.issuers.first() {
            parameters.extend([" ", first.challenge()]);
        }
        if let Some(error) = error {
            let separator = if self.issuers.is_empty() { " " } else { ", " };
            let members = [separator, "error=\"", error, "\", error_description=\""];
            parameters.extend(members.into_iter().chain([description, "\""]));
        }
        parameters
    }

    async fn principal(
        &self,
        presented: Unread<'_>,
        now: UnixTime,
    ) -> Result<Arc<TokenPrincipal>, AuthError> {
        let text = presented.as_bytes();
        let digest = TokenDigest::of(text);
        if let Ok(digest) = &digest
            && let Some(principal) = self.remembered(digest, now)
        {
            return Ok(principal);
        }
        let parse = |digest| Ok((digest, self.parse(text)?));
        match digest.and_then(parse) {
            Ok((digest, token)) => match self.named(&token.issuer) {
                Some(issuer) => issuer.verify(token, digest, now).await,
                None => Err(self.unnamed(&token.issuer).into()),
            },
            // What is a JWT is a token68 as well, so only what is none has to be looked at.
            Err(_) if !presented.is_token68() => Err(AuthError::Malformed),
            Err(why) => Err(why.into()),
        }
    }

    /// Nearly always it is the first issuer's, or there is no other.
    fn parse<'a>(&self, text: &'a [u8]) -> Result<UnverifiedToken<'a>, TokenError> {
        match self.issuers.first() {
            Some(likely) => UnverifiedToken::parse_for(text, likely.reads()),
            None => UnverifiedToken::parse(text),
        }
    }

    /// The principal of a token that was proven before by the issuer it is put to.
    fn remembered(&self, digest: &TokenDigest, now: UnixTime) -> Option<Arc<TokenPrincipal>> {
        let mut issuers = self.issuers.iter();
        let principal = issuers.find_map(|issuer| issuer.cached(digest, now))?;
        // SECURITY: two issuers may go by one `iss`. Which of them is asked must not depend on
        // what another route's requests left in the cache.
        let named = self.named(&principal.claims.issuer)?;
        (named.definition().name == principal.issuer).then_some(principal)
    }

    /// Why a token of this `iss` is put to none.
    fn unnamed(&self, iss: &str) -> TokenError {
        let mut issuers = self.issuers.iter();
        match issuers.any(|issuer| issuer.signs_others_as(iss)) {
            true => TokenError::Version,
            false => TokenError::Issuer,
        }
    }

    /// The issuer that a token of this `iss` is put to: the first one in file order.
    fn named(&self, iss: &str) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| issuer.signs(iss))
    }
}

/// The names of the issuers that bearer entries ask for, each once, in file order.
fn issuers_of(callers: &Callers) -> Vec<&Arc<str>> {
    let mut names = Vec::new();
    for entry in callers.entries() {
        if let Some(Credential::Bearer(conditions)) = &entry.credential
            && !names.contains(&&conditions.issuer)
        {
            names.push(&conditions.issuer);
        }
    }
    names
}
