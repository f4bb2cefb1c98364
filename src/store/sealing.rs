//! How is what is kept made unreadable and unforgeable to whoever keeps it? Each value is sealed by
//! AES-256-GCM (NIST SP 800-38D) under a random nonce, bound to its name and its end. Names are HMACs:
//! they say nothing of what they stand for, and another key has other names.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::definition::StateKey;
use crate::clock::UnixTime;
use crate::secret::Secret;

/// Bytes of a nonce and of a tag.
const NONCE: usize = 12;
const TAG: usize = 16;

/// The keys of one `state.key`.
pub(super) struct Sealer {
    sealing: Secret<[u8; 32]>,
    naming: Secret<[u8; 32]>,
}

/// What something is kept under.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; 32]);

impl Sealer {
    pub(super) fn new(key: &StateKey) -> Result<Self, ErrorStack> {
        let derived = |purpose: &[u8]| hmac(key.bytes(), &[purpose]).map(Secret::new);
        Ok(Self {
            sealing: derived(b"bearergate state 1: sealing")?,
            naming: derived(b"bearergate state 1: naming")?,
        })
    }

    /// The name for what these say; each counts, and so does where it ends.
    pub(super) fn name(&self, parts: &[&[u8]]) -> Result<Name, ErrorStack> {
        hmac(self.naming.expose(), parts).map(Name)
    }

    /// Nonce, ciphertext, tag.
    pub(super) fn seal(
        &self,
        name: Name,
        until: UnixTime,
        value: &[u8],
    ) -> Result<Vec<u8>, ErrorStack> {
        let (mut nonce, mut tag) = ([0; NONCE], [0; TAG]);
        rand_bytes(&mut nonce)?;
        let sealed = encrypt_aead(
            Cipher::aes_256_gcm(),
            self.sealing.expose(),
            Some(&nonce),
            &bound_to(name, until),
            value,
            &mut tag,
        )?;
        Ok([&nonce[..], &sealed, &tag].concat())
    }

    /// The value, where it was sealed with this key, for this name, until then.
    pub(super) fn open(
        &self,
        name: Name,
        until: UnixTime,
        sealed: &[u8],
    ) -> Option<Secret<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE)?;
        let (text, tag) = rest.split_at_checked(rest.len().checked_sub(TAG)?)?;
        let value = decrypt_aead(
            Cipher::aes_256_gcm(),
            self.sealing.expose(),
            Some(nonce),
            &bound_to(name, until),
            text,
            tag,
        );
        value.ok().map(Secret::new)
    }
}

/// SECURITY: what is moved under another name, or is to live longer, does not open.
fn bound_to(name: Name, until: UnixTime) -> Vec<u8> {
    [&name.0[..], &until.seconds().to_be_bytes()].concat()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32], ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    for part in parts {
        // Its length first, so that no two lists of parts read the same.
        signer.update(&(part.len() as u64).to_be_bytes())?;
        signer.update(part)?;
    }
    let mut digest = [0; 32];
    signer.sign(&mut digest)?;
    Ok(digest)
}

impl Name {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Name({self})")
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sealer([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&StateKey::new(Secret::new([byte; 32]))).unwrap()
    }

    const UNTIL: UnixTime = UnixTime::from_seconds(1_800_000_000);

    #[test]
    fn what_is_sealed_opens_with_its_key_its_name_and_its_end_alone() {
        let (ours, theirs) = (sealer(1), sealer(2));
        let name = ours.name(&[b"a"]).unwrap();
        let sealed = ours.seal(name, UNTIL, b"a token").unwrap();
        assert_eq!(
            ours.open(name, UNTIL, &sealed).unwrap().expose(),
            b"a token"
        );
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        assert_ne!(sealed, ours.seal(name, UNTIL, b"a token").unwrap());

        let later = UNTIL.plus(std::time::Duration::from_secs(1));
        assert!(ours.open(name, later, &sealed).is_none());
        let other = ours.name(&[b"b"]).unwrap();
        assert!(ours.open(other, UNTIL, &sealed).is_none());
        assert!(theirs.open(name, UNTIL, &sealed).is_none());
        for place in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[place] ^= 1;
            assert!(ours.open(name, UNTIL, &bent).is_none(), "{place}");
            assert!(ours.open(name, UNTIL, &sealed[..place]).is_none());
        }
    }

    #[test]
    fn each_part_of_a_name_counts_and_so_does_where_it_ends() {
        let sealer = sealer(1);
        let parts: [&[&[u8]]; 6] = [
            &[b"tenant", b"client"],
            &[b"tenantc", b"lient"],
            &[b"tenant", b"client", b""],
            &[b"client", b"tenant"],
            &[b"tenantclient"],
            &[],
        ];
        let names: std::collections::BTreeSet<_> =
            parts.iter().map(|it| sealer.name(it).unwrap()).collect();
        assert_eq!(names.len(), parts.len());
        let name = sealer.name(parts[0]).unwrap();
        assert_ne!(name, self::sealer(2).name(parts[0]).unwrap());
        assert_eq!(Name::parse(&name.to_string()), Some(name));
        for wrong in ["", "ab", &"g".repeat(64), &"ä".repeat(32)] {
            assert_eq!(Name::parse(wrong), None);
        }
        assert_eq!(format!("{sealer:?}"), "Sealer([secret])");
    }
}
