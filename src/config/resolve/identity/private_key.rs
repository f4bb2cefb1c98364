//! A private key without a certificate: what other authorization servers know a client by.

use crate::certified_key::private_key as opened;
use crate::config::file::PrivateKey;
use crate::config::resolve::context::{Context, rules};
use crate::located::At;
use crate::outbound::PrivateKeyCredential;
use crate::pem::Content;

pub(super) fn private_key(
    context: &mut Context<'_>,
    written: &At<PrivateKey>,
) -> Option<PrivateKeyCredential> {
    let file = written.file.get().and_then(|at| context.content(at));
    let passphrase = written.passphrase.optional(|at| context.secret(at));
    let (file, passphrase) = (file?, passphrase?);
    let place = written.file.node().unwrap_or(written.node);
    rules! { context,
        matches!(file, Content::Pkcs12(_)) => place,
            "this is a PKCS#12 file, which holds a certificate too", "name it as `certificate`";
    }
    let Content::Pem(pem) = file else {
        return None;
    };
    let key = opened(&pem, passphrase.as_ref());
    let key = key.map_err(|why| context.problem(place, format!("the key cannot be used: {why}")));
    let (key, kid) = (key.ok()?, written.kid.value().map(|kid| kid.0.clone()));
    let credential = PrivateKeyCredential::new(key, written.algorithm.value().copied(), kid);
    let place = written.algorithm.node().unwrap_or(place);
    let wrong = |why| {
        context.problem(place, format!("the key cannot be used: {why}"));
    };
    let claims = written.assertion_claims.value().cloned();
    let credential = credential.map_err(wrong).ok()?;
    Some(credential.claiming(claims.unwrap_or_default()))
}
