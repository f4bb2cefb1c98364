//! How an identity proves itself: which of the keys a credential has.

use super::certificate::certificate;
use super::exec::exec;
use super::federated_token::{assertion, federated_token};
use super::managed_identity::managed_identity;
use super::others::Others;
use super::private_key::private_key;
use crate::config::file::Credential;
use crate::config::resolve::context::{Context, rules};
use crate::config::value::Day;
use crate::entra::Cloud;
use crate::located::At;
use crate::outbound::{CredentialDefinition, ManagedIdentityCredential, SecretCredential};

/// `cloud` is that of the application.
pub(super) fn credential(
    context: &mut Context<'_>,
    at: &At<Credential>,
    cloud: Cloud,
    others: &Others<'_>,
) -> Option<CredentialDefinition> {
    let written = [
        at.secret.is_written(),
        at.certificate.is_written(),
        at.federated_token.is_written(),
        at.assertion.is_written(),
        at.exec.is_written(),
        at.managed_identity.is_written(),
        at.private_key.is_written(),
    ];
    let kinds = written.into_iter().filter(|written| *written).count();
    rules! { context,
        kinds > 1 => at.node, "a credential is of one kind", "begin each with `- ` in a line of its own";
        kinds == 0 && at.complete => at.node,
            "expected `secret`, `certificate`, `federated_token`, `assertion`, `exec`, `managed_identity` or `private_key`";
        !at.secret.is_written() => at.ends.node(),
            "only of a secret it must be said when it ends; the others say it themselves";
    }
    if kinds > 1 {
        return None;
    }
    if let Some(secret) = at.secret.get() {
        return Some(CredentialDefinition::Secret(SecretCredential {
            value: context.secret(secret)?,
            ends_at: at.ends.value().copied().map(Day::begins),
        }));
    }
    if let Some(at) = at.certificate.get() {
        return certificate(context, at, others).map(CredentialDefinition::Certificate);
    }
    if let Some(at) = at.federated_token.get() {
        return federated_token(context, at).map(CredentialDefinition::FederatedToken);
    }
    if let Some(at) = at.assertion.get() {
        return assertion(context, at).map(CredentialDefinition::Assertion);
    }
    if let Some(at) = at.managed_identity.get() {
        let identity = managed_identity(context, at)?;
        let credential = ManagedIdentityCredential { identity, cloud };
        return Some(CredentialDefinition::ManagedIdentity(credential));
    }
    if let Some(at) = at.private_key.get() {
        return private_key(context, at).map(CredentialDefinition::PrivateKey);
    }
    exec(context, at.exec.get()?).map(CredentialDefinition::Exec)
}
