//! A certificate with its key, in one file or in two.

use super::context::{Context, rules};
use crate::certified_key::CertifiedKey;
use crate::config::secret_ref::SecretRef;
use crate::located::{FilePath, May, Must, NodeId};
use crate::pem::Content;

/// The keys of the file that say where they are.
pub(super) struct Written<'f> {
    pub(super) file: &'f Must<FilePath>,
    /// What the key of `file` is called.
    pub(super) word: &'static str,
    pub(super) key: &'f May<FilePath>,
    pub(super) passphrase: &'f May<SecretRef>,
    /// The whole that they are in.
    pub(super) node: NodeId,
}

pub(super) fn certified_key(
    context: &mut Context<'_>,
    written: &Written<'_>,
) -> Option<CertifiedKey> {
    // All are read before any is missed, so that every problem is seen.
    let file = written.file.get().and_then(|at| context.content(at));
    let key = written.key.optional(|at| context.content(at));
    let passphrase = written.passphrase.optional(|at| context.secret(at));
    let (file, passphrase) = (file?, passphrase?);
    let sealed = matches!(file, Content::Pkcs12(_));
    let key_beside = written.key.node().filter(|_| sealed);
    let word = written.word;
    rules! { context,
        true => key_beside, "a PKCS#12 file holds its key itself",
            format_args!("leave `key` out, or name a PEM certificate as `{word}`");
        matches!(key, Some(Some(Content::Pkcs12(_)))) && !sealed => written.key.node(),
            "this is a PKCS#12 file, which holds key and certificate",
            format_args!("name it as `{word}`, and leave `key` out");
    }
    let opened = match (&file, &key?) {
        (Content::Pkcs12(_), Some(_)) | (Content::Pem(_), Some(Content::Pkcs12(_))) => return None,
        (Content::Pem(pem), Some(Content::Pem(key))) => {
            CertifiedKey::from_pem(pem, key, passphrase.as_ref())
        }
        (Content::Pem(pem), None) => CertifiedKey::from_pem(pem, pem, passphrase.as_ref()),
        (Content::Pkcs12(der), None) => CertifiedKey::from_pkcs12(der, passphrase.as_ref()),
    };
    let place = written.file.node().unwrap_or(written.node);
    let wrong = |why| {
        context.problem(place, format!("the certificate cannot be used: {why}"));
    };
    opened.map_err(wrong).ok()
}
