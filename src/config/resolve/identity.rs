//! Identities: who the gateway is, and the secret or certificate that proves it.

use std::sync::Arc;

use super::certificate::{Written, certified_key};
use super::context::{Context, rules};
use super::issuer::authority;
use crate::config::file::{Certificate, Credential, Identity};
use crate::entra::CertificateKey;
use crate::located::{At, Named};
use crate::outbound::{
    CertificateCredential, ClientDefinition, CredentialDefinition, EntraClient, IdentityDefinition,
    SecretCredential,
};

/// All identities, in file order.
pub(super) fn identities(
    context: &mut Context<'_>,
    written: &Named<Identity>,
) -> Option<Vec<IdentityDefinition>> {
    written.each(|name, identity| {
        let credentials = identity.credentials.value().map_or(&[][..], |list| &list.0);
        rules! { context,
            true => credentials.get(1).map(|second| second.node),
                "more than one credential is not implemented in this version";
        }
        let credential = credentials.first().and_then(|at| credential(context, at));
        let entra = identity.entra.value()?;
        let authority = authority(context, *entra.cloud, &entra.tenant, &entra.authority);
        Some(IdentityDefinition {
            name: Arc::from(name.as_str()),
            client: ClientDefinition::Entra(EntraClient {
                authority: authority?,
                client_id: *entra.client_id.value()?,
                endpoint: *entra.endpoint,
                credentials: vec![credential?],
            }),
            tokens: identity.tokens.fill(),
        })
    })
}

fn credential(context: &mut Context<'_>, at: &At<Credential>) -> Option<CredentialDefinition> {
    let (secret, certificate) = (at.secret.is_written(), at.certificate.is_written());
    rules! { context,
        secret && certificate => at.node, "a credential is a secret or a certificate, not both";
        !secret && !certificate && at.complete => at.node, "expected `secret` or `certificate`";
    }
    if let Some(secret) = at.secret.get() {
        let secret = context.secret(secret)?;
        return Some(CredentialDefinition::Secret(SecretCredential(secret)));
    }
    let certificate = self::certificate(context, at.certificate.get()?)?;
    Some(CredentialDefinition::Certificate(certificate))
}

fn certificate(
    context: &mut Context<'_>,
    written: &At<Certificate>,
) -> Option<CertificateCredential> {
    let pair = certified_key(
        context,
        &Written {
            file: &written.file,
            word: "file",
            key: &written.key,
            passphrase: &written.passphrase,
            node: written.node,
        },
    )?;
    let place = written.file.node().unwrap_or(written.node);
    let wrong = |why| {
        context.problem(place, format!("the certificate cannot be used: {why}"));
    };
    Some(CertificateCredential {
        key: CertificateKey::of(pair).map_err(wrong).ok()?,
        algorithm: *written.assertion,
        with_chain: *written.x5c,
    })
}
