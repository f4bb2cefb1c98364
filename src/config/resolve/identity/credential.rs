//! How an identity proves itself: which of the keys a credential has.

use crate::config::file::Credential;
use crate::config::resolve::context::{Context, rules};
use crate::located::At;
use crate::outbound::{CredentialDefinition, SecretCredential};

pub(super) fn credential(
    context: &mut Context<'_>,
    at: &At<Credential>,
) -> Option<CredentialDefinition> {
    let (secret, certificate) = (at.secret.is_written(), at.certificate.is_written());
    rules! { context,
        secret && certificate => at.node, "a credential is a secret or a certificate, not both";
        !secret && !certificate && at.complete => at.node, "expected `secret` or `certificate`";
    }
    if let Some(secret) = at.secret.get() {
        let secret = context.secret(secret)?;
        return Some(CredentialDefinition::Secret(SecretCredential(secret)));
    }
    let certificate = super::certificate::certificate(context, at.certificate.get()?)?;
    Some(CredentialDefinition::Certificate(certificate))
}
