//! Identities: who the gateway is, and the secret or certificate that proves it.

use std::sync::Arc;

use super::context::Context;
use super::issuer::authority;
use crate::config::file::{Certificate, Credential, Identity};
use crate::entra::CertificateKey;
use crate::located::{At, Named};
use crate::outbound::{
    CertificateCredential, CredentialDefinition, IdentityDefinition, SecretCredential,
};

/// All identities, in file order.
pub(super) fn identities(
    context: &mut Context<'_>,
    written: &Named<Identity>,
) -> Option<Vec<IdentityDefinition>> {
    written.each(|name, identity| {
        let credentials = identity.credentials.get();
        if let Some(second) = credentials.and_then(|at| at.value.0.get(1)) {
            let message = "more than one credential is not implemented in this version";
            context.problem(second.node, message);
        }
        let credential = credentials.and_then(|at| credential(context, at.value.0.first()?));
        let entra = &identity.entra.get()?.value;
        let (tenant, base) = (entra.tenant.get(), entra.authority.get());
        let authority = authority(context, *entra.cloud, tenant, base);
        Some(IdentityDefinition {
            name: Arc::from(name.value.as_str()),
            authority: authority?,
            client_id: entra.client_id.get()?.value,
            endpoint: *entra.endpoint,
            credentials: vec![credential?],
            tokens: identity.tokens.fill(),
        })
    })
}

fn credential(context: &mut Context<'_>, at: &At<Credential>) -> Option<CredentialDefinition> {
    let written = (
        at.value.secret.is_written(),
        at.value.certificate.is_written(),
    );
    match written {
        (true, true) => {
            context.problem(
                at.node,
                "a credential is a secret or a certificate, not both",
            );
        }
        (false, false) if at.value.complete => {
            context.problem(at.node, "expected `secret` or `certificate`");
        }
        _ => {}
    }
    if let Some(secret) = at.value.secret.get() {
        return context
            .secret(secret)
            .map(|secret| CredentialDefinition::Secret(SecretCredential(secret)));
    }
    let certificate = at.value.certificate.get()?;
    self::certificate(context, certificate).map(CredentialDefinition::Certificate)
}

fn certificate(context: &mut Context<'_>, at: &At<Certificate>) -> Option<CertificateCredential> {
    let At {
        value: written,
        node,
    } = at;
    // Both are read before either is missed, so that both are reported.
    let file = written.file.get().and_then(|at| context.bytes(at));
    let key = written.key.get().map(|at| context.bytes(at));
    let passphrase = written.passphrase.get().map(|at| context.secret(at));
    let file = file?;
    let passphrase = match passphrase {
        Some(read) => Some(read?),
        None => None,
    };
    let pem = is_pem(file.expose());
    if !pem && let Some(at) = written.key.get() {
        context
            .problem(at.node, "a PKCS#12 file holds its key itself")
            .hint("leave `key` out, or name a PEM certificate as `file`");
        return None;
    }
    let opened = match (pem, key) {
        (true, Some(key)) => {
            CertificateKey::from_pem(file.expose(), key?.expose(), passphrase.as_ref())
        }
        (true, None) => CertificateKey::from_pem(file.expose(), file.expose(), passphrase.as_ref()),
        (false, _) => CertificateKey::from_pkcs12(file.expose(), passphrase.as_ref()),
    };
    match opened {
        Ok(key) => Some(CertificateCredential {
            key,
            algorithm: *written.assertion,
            with_chain: *written.x5c,
        }),
        Err(why) => {
            let place = written.file.get().map_or(*node, |at| at.node);
            context.problem(place, format!("the certificate cannot be used: {why}"));
            None
        }
    }
}

/// PEM may begin with text about the certificate; PKCS#12 is DER and has no such line.
fn is_pem(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN)
}
