//! The RS256 arithmetic behind `jsonwebtoken`, by OpenSSL: one crypto library in the process. It
//! verifies RS256 with RSA keys given as numbers and can do nothing else: no signing, no HMAC.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey, signature};
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::Sha256;

/// The public exponent of every key that is used: 65537, big-endian.
pub(super) const EXPONENT: &[u8] = &[1, 0, 1];

/// How many prepared keys a thread keeps. Entra publishes about ten per tenant.
const MOST_PREPARED: usize = 64;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Installs the provider; later calls do nothing. Must come before the first verification.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error would mean that another room installed one of its own; only this room may, and
        // `jsonwebtoken` keeps the first.
        let _ = PROVIDER.install_default();
    });
}

type Prepared = Rc<RefCell<PkeyCtx<Public>>>;

thread_local! {
    /// Verification contexts by modulus. `jsonwebtoken` hands over raw numbers each time; building
    /// the key anew costs half as much as verifying with it, and a context of one's own shares
    /// no lock with other threads.
    static PREPARED: RefCell<Vec<(Vec<u8>, Prepared)>> = RefCell::default();
}

struct Rs256(Prepared);

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

impl signature::Verifier<Vec<u8>> for Rs256 {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        let mut digest = Sha256::new();
        digest.update(message);
        let digest = digest.finish();
        let mut context = self
            .0
            .try_borrow_mut()
            .map_err(|_| signature::Error::new())?;
        match context.verify(&digest, signature) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(signature::Error::new()),
        }
    }
}

/// The one kind of verifier that there is: RS256 with this key.
pub(super) fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) if e == EXPONENT => {
            Ok(Box::new(Rs256(prepared(n)?)))
        }
        (Algorithm::RS256, _) => Err(ErrorKind::InvalidKeyFormat.into()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    Err(unsupported())
}

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

/// This thread's context for a modulus, made when it is first asked for.
fn prepared(modulus: &[u8]) -> Result<Prepared> {
    let unusable = |_| Error::from(ErrorKind::InvalidKeyFormat);
    let known = PREPARED.try_with(|keys| {
        let keys = keys.borrow();
        // They differ in their first bytes: comparing some is cheaper than hashing one.
        let known = keys.iter().find(|(known, _)| known == modulus);
        known.map(|(_, key)| Rc::clone(key))
    });
    if let Ok(Some(key)) = known {
        return Ok(key);
    }
    let key = Rc::new(RefCell::new(prepare(modulus).map_err(unusable)?));
    // A thread that is ending keeps nothing.
    let _ = PREPARED.try_with(|keys| {
        let mut keys = keys.borrow_mut();
        if keys.len() >= MOST_PREPARED {
            keys.clear();
        }
        keys.push((modulus.to_vec(), Rc::clone(&key)));
    });
    Ok(key)
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.2).
fn prepare(modulus: &[u8]) -> std::result::Result<PkeyCtx<Public>, ErrorStack> {
    let n = BigNum::from_slice(modulus)?;
    let e = BigNum::from_slice(EXPONENT)?;
    let key = PKey::from_rsa(Rsa::from_public_components(n, e)?)?;
    let mut context = PkeyCtx::new(&key)?;
    context.verify_init()?;
    context.set_rsa_padding(Padding::PKCS1)?;
    context.set_signature_md(Md::sha256())?;
    Ok(context)
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
