//! The certificate of an app registration, with its key.

use crate::config::file::Certificate;
use crate::config::resolve::certificate::{Written, certified_key};
use crate::config::resolve::context::Context;
use crate::entra::CertificateKey;
use crate::located::At;
use crate::outbound::CertificateCredential;

pub(super) fn certificate(
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
