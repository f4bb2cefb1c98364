//! What is in a file of certificates or keys, whatever program saved it? PEM and DER come as UTF-8 or
//! UTF-16, with a byte order mark, as base64 of a DER (Key Vault gives a PFX so), or as PEM on one line
//! whose newlines are spaces or the two characters `\n`. What is none of these is named for what it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openssl::pkcs7::Pkcs7;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509Req};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
/// A line of PEM (RFC 7468 §2).
const LINE: usize = 64;

/// Base64 whose padding was cut off, as copying does, is read too.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a file holds, as OpenSSL reads it. Wiped, for it may be a key.
pub enum Content {
    Pem(Zeroizing<Vec<u8>>),
    /// A DER that is none of the kinds PEM is made of here: PKCS#12.
    Pkcs12(Zeroizing<Vec<u8>>),
}

/// Why nothing can be made of a file. Says what it is; the sentence begins with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReadable(pub &'static str);

/// The file's content in the form that it is meant to have.
pub fn content(bytes: &[u8]) -> Result<Content, NotReadable> {
    match text(bytes) {
        Some(text) if text.contains(BEGIN) => pem(&text).map(Content::Pem),
        Some(text) => encoded(&text),
        None => der(bytes),
    }
}

/// The certificates of a file of authorities, each written anew: every reader of what comes out reads
/// the same.
pub fn authorities(bytes: &[u8]) -> Result<Vec<u8>, NotReadable> {
    let Content::Pem(pem) = content(bytes)? else {
        return Err(NotReadable(
            "is a PKCS#12 (PFX) file, which holds a key; certificates alone are wanted",
        ));
    };
    let certificates = X509::stack_from_pem(&pem);
    let certificates =
        certificates.map_err(|_| NotReadable("holds a certificate that is damaged"))?;
    if certificates.is_empty() {
        return Err(NotReadable("holds no certificate"));
    }
    let written = certificates.iter().map(|one| one.to_pem());
    let written: Result<Vec<_>, _> = written.collect();
    let written = written.map_err(|_| NotReadable("holds a certificate that is damaged"))?;
    Ok(written.concat())
}

/// The bytes as text, where they are: UTF-16, or UTF-8 with or without one.
fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let units = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units = Zeroizing::new(pairs.iter().map(|pair| read(*pair)).collect::<Vec<_>>());
        let text = odd.is_empty().then(|| String::from_utf16(&units).ok());
        text.flatten().map(Zeroizing::new)
    };
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return units(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return units(rest, u16::from_be_bytes);
    }
    if let [first, 0, ..] = bytes
        && first.is_ascii_graphic()
    {
        return units(bytes, u16::from_le_bytes);
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    // DER may happen to be UTF-8, but not without control characters: its first length is one, or its
    // first byte none that base64 has.
    let text = std::str::from_utf8(bytes).ok()?;
    let printable = |one: char| !one.is_control() || matches!(one, '\n' | '\r' | '\t');
    text.chars()
        .all(printable)
        .then(|| Zeroizing::new(text.to_owned()))
}

/// PEM with its lines as they belong. What stands around the blocks, as text about them, is left out.
fn pem(text: &str) -> Result<Zeroizing<Vec<u8>>, NotReadable> {
    let unescaped = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    let text = match text.contains('\n') && !text.contains("\\n") {
        true => text,
        false => &unescaped,
    };
    let mut written = Zeroizing::new(Vec::with_capacity(2 * text.len()));
    let mut other = None;
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let cut = NotReadable("holds a PEM block that has no end; it was cut off");
        let (label, begun) = begun.split_once(DASHES).ok_or(cut)?;
        let (body, after) = begun.split_once("-----END ").ok_or(cut)?;
        rest = after;
        if let Some(why) = foreign(label) {
            other.get_or_insert(why);
            continue;
        }
        let edge = |word: &str| format!("-----{word} {label}-----\n");
        written.extend_from_slice(edge("BEGIN").as_bytes());
        if body.contains(':') {
            // Lines about an encrypted key (RFC 1421 §4.4) are lines for a reason.
            written.extend_from_slice(body.trim_matches(['\r', '\n']).as_bytes());
            written.push(b'\n');
        } else {
            lines(body, &mut written);
        }
        written.extend_from_slice(edge("END").as_bytes());
    }
    match other {
        Some(why) if written.is_empty() => Err(why),
        _ => Ok(written),
    }
}

/// Base64 in lines of the usual length, without what else stands between.
fn lines(body: &str, written: &mut Vec<u8>) {
    let characters = body.bytes().filter(|byte| !byte.is_ascii_whitespace());
    for (index, byte) in characters.enumerate() {
        if index > 0 && index % LINE == 0 {
            written.push(b'\n');
        }
        written.push(byte);
    }
    written.push(b'\n');
}

/// Blocks that are taken for a certificate or a key, and are none.
fn foreign(label: &str) -> Option<NotReadable> {
    Some(NotReadable(match label {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "is a request for a certificate (CSR), not the certificate"
        }
        "PKCS7" | "CMS" => PKCS7,
        "OPENSSH PRIVATE KEY" => {
            "is a key of OpenSSH; `ssh-keygen -p -m PKCS8 -f FILE` makes it PEM"
        }
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "is a public key; the private one is wanted",
        _ => return None,
    }))
}

const PKCS7: &str = "is a PKCS#7 bundle (.p7b); `openssl pkcs7 -print_certs` makes it PEM";

/// Text without a PEM block: base64 of what should have stood there, or something else.
fn encoded(text: &str) -> Result<Content, NotReadable> {
    let characters = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let packed: Zeroizing<Vec<u8>> = Zeroizing::new(characters.collect());
    let decoded = STANDARD
        .decode(&*packed)
        .or_else(|_| LENIENT.decode(&*packed));
    let decoded = decoded.map(Zeroizing::new).unwrap_or_default();
    match self::text(&decoded) {
        // A PEM file that was encoded once more, as secrets of Kubernetes are.
        Some(inner) if inner.contains(BEGIN) => pem(&inner).map(Content::Pem),
        _ if decoded.first() == Some(&SEQUENCE) => der(&decoded),
        _ => Err(NotReadable(
            "is neither PEM nor DER, nor base64 of one of them",
        )),
    }
}

/// How every certificate, key and PKCS#12 file begins in DER.
const SEQUENCE: u8 = 0x30;

fn der(bytes: &[u8]) -> Result<Content, NotReadable> {
    if bytes.first() != Some(&SEQUENCE) {
        return Err(NotReadable(match bytes {
            [0x1f, 0x8b, ..] => "is compressed by gzip",
            [b'P', b'K', 3, 4, ..] => "is a ZIP archive",
            [0xfe, 0xed, 0xfe, 0xed, ..] => {
                "is a Java keystore (JKS); `keytool -importkeystore` makes it PKCS#12"
            }
            _ => "is neither PEM nor DER, nor base64 of one of them",
        }));
    }
    let label = if Pkcs12::from_der(bytes).is_ok() {
        return Ok(Content::Pkcs12(Zeroizing::new(bytes.to_vec())));
    } else if X509::from_der(bytes).is_ok() {
        "CERTIFICATE"
    } else if let Ok(key) = PKey::private_key_from_der(bytes) {
        let pem = key.private_key_to_pem_pkcs8();
        let pem = pem.map_err(|_| NotReadable("holds a private key that is damaged"))?;
        return Ok(Content::Pem(Zeroizing::new(pem)));
    } else if X509Req::from_der(bytes).is_ok() {
        return Err(foreign("CERTIFICATE REQUEST").unwrap_or(DAMAGED));
    } else if PKey::public_key_from_der(bytes).is_ok() {
        return Err(foreign("PUBLIC KEY").unwrap_or(DAMAGED));
    } else if Pkcs7::from_der(bytes).is_ok() {
        return Err(NotReadable(PKCS7));
    } else if is_encrypted_key(bytes) {
        "ENCRYPTED PRIVATE KEY"
    } else {
        return Err(DAMAGED);
    };
    let body = Zeroizing::new(STANDARD.encode(bytes));
    let block = Zeroizing::new(format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        &*body
    ));
    pem(&block).map(Content::Pem)
}

const DAMAGED: NotReadable =
    NotReadable("is DER, but no certificate, key or PKCS#12 file; it may be damaged");

/// PKCS#8 with a passphrase (RFC 5958 §3) begins with an algorithm, every other key with a version.
fn is_encrypted_key(bytes: &[u8]) -> bool {
    let header = match bytes.get(1) {
        Some(&length @ 0x81..=0x84) => 2 + usize::from(length & 0x0f),
        _ => 2,
    };
    // Certificates and public keys begin like this too: they were asked for before.
    bytes.get(header) == Some(&SEQUENCE) && bytes.len() > 2 * header
}

#[cfg(test)]
#[path = "pem_tests.rs"]
mod tests;
