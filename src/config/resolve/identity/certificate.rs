//! The certificate of an app registration, with its key.

use super::others::Others;
use super::sign::signer;
use crate::certified_key::CertifiedKey;
use crate::config::file::Certificate;
use crate::config::file::Sign;
use crate::config::resolve::certificate::{Written, certified_key};
use crate::config::resolve::context::{Context, rules};
use crate::entra::{self, CertificateKey};
use crate::located::At;
use crate::outbound::{CertificateCredential, SigningKey};
use crate::pem::Content;

pub(super) fn certificate(
    context: &mut Context<'_>,
    written: &At<Certificate>,
    others: &Others<'_>,
) -> Option<CertificateCredential> {
    if let Some(at) = written.sign.get() {
        return signed_elsewhere(context, written, at, others);
    }
    let pair = pair(context, written)?;
    let place = written.file.node().unwrap_or(written.node);
    let wrong = |why| {
        context.problem(place, format!("the certificate cannot be used: {why}"));
    };
    let key = CertificateKey::of(pair).map_err(wrong).ok()?;
    Some(credential(SigningKey::Here(key), written))
}

/// What proves the application by that key.
fn credential(key: SigningKey, written: &Certificate) -> CertificateCredential {
    let claims = written.assertion_claims.value().cloned();
    CertificateCredential {
        key,
        algorithm: *written.assertion,
        with_chain: *written.x5c,
        claims: claims.unwrap_or_default(),
    }
}

/// The certificate of a key that is elsewhere.
fn signed_elsewhere(
    context: &mut Context<'_>,
    written: &At<Certificate>,
    sign: &At<Sign>,
    others: &Others<'_>,
) -> Option<CertificateCredential> {
    let content = written.file.get().and_then(|at| context.content(at));
    let place = written.file.node().unwrap_or(written.node);
    rules! { context,
        true => written.key.node(), "the key is where `sign` says", "leave `key` out";
        true => written.passphrase.node(), "a certificate without its key needs no passphrase",
            "leave `passphrase` out";
        matches!(content, Some(Content::Pkcs12(_))) => place,
            "this is a PKCS#12 file, which holds a key", "name the PEM certificate of the key elsewhere";
    }
    let certificate = match content {
        Some(Content::Pem(pem)) => {
            let certificate = entra::Certificate::from_pem(&pem);
            let wrong = |why| {
                context.problem(place, format!("the certificate cannot be used: {why}"));
            };
            certificate.map_err(wrong).ok()
        }
        _ => None,
    };
    let signer = signer(context, sign, others)?;
    Some(credential(signer(certificate?), written))
}

/// The certificate and its key, whatever they are for.
pub(super) fn pair(context: &mut Context<'_>, written: &At<Certificate>) -> Option<CertifiedKey> {
    let written = Written {
        file: &written.file,
        word: "file",
        key: &written.key,
        passphrase: &written.passphrase,
        node: written.node,
    };
    certified_key(context, &written)
}
