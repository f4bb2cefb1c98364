//! A certificate, its key and its PFX in every wrapping they were met in.

use openssl::pkcs12::Pkcs12;
use openssl::symm::Cipher;

use super::*;
use crate::fake::fixtures::PAIR;

fn pem() -> String {
    String::from_utf8(PAIR.certificate_pem().unwrap()).unwrap()
}

fn utf16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(write).collect()
}

fn as_pem(bytes: &[u8]) -> String {
    match content(bytes) {
        Ok(Content::Pem(pem)) => String::from_utf8(pem.to_vec()).unwrap(),
        Ok(Content::Pkcs12(_)) => panic!("a PKCS#12 file"),
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn a_certificate_is_read_in_every_wrapping() {
    let (pem, der) = (pem(), PAIR.certificate().to_der().unwrap());
    let quoted = format!("\"{}\"", pem.replace('\n', "\\n"));
    for (wrapping, bytes) in [
        ("PEM", pem.clone().into_bytes()),
        ("a byte order mark", format!("\u{feff}{pem}").into_bytes()),
        ("Windows' line ends", pem.replace('\n', "\r\n").into_bytes()),
        (
            "UTF-16 LE",
            utf16(&format!("\u{feff}{pem}"), u16::to_le_bytes),
        ),
        (
            "UTF-16 BE",
            utf16(&format!("\u{feff}{pem}"), u16::to_be_bytes),
        ),
        ("UTF-16 without mark", utf16(&pem, u16::to_le_bytes)),
        ("literal \\n", quoted.into_bytes()),
        ("literal \\r\\n", pem.replace('\n', "\\r\\n").into_bytes()),
        ("one line", pem.replace('\n', " ").into_bytes()),
        ("indented", pem.replace('\n', "\n    ").into_bytes()),
        (
            "text about it",
            format!("Bag Attributes\n  x: y\n{pem}").into_bytes(),
        ),
        ("DER", der.clone()),
        ("base64 of DER", STANDARD.encode(&der).into_bytes()),
        ("base64 of PEM", STANDARD.encode(&pem).into_bytes()),
        (
            "base64 in lines",
            format!("{}\n", STANDARD.encode(&der)).into_bytes(),
        ),
    ] {
        let read = X509::stack_from_pem(as_pem(&bytes).as_bytes()).unwrap();
        assert_eq!(read.len(), 1, "{wrapping}");
        assert_eq!(read[0].to_der().unwrap(), der, "{wrapping}");
        let authority = authorities(&bytes).unwrap();
        assert_eq!(String::from_utf8(authority).unwrap(), pem, "{wrapping}");
    }
}

#[test]
fn a_key_is_read_in_every_wrapping() {
    let key = PAIR.key();
    let sealed = key.private_key_to_pkcs8_passphrase(Cipher::aes_256_cbc(), b"word");
    let (pkcs8, rsa) = (key.private_key_to_pkcs8().unwrap(), key.rsa().unwrap());
    let old = rsa.private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"word");
    for bytes in [
        pkcs8.clone(),
        rsa.private_key_to_der().unwrap(),
        rsa.private_key_to_pem().unwrap(),
        STANDARD.encode(&pkcs8).into_bytes(),
        sealed.unwrap(),
        old.unwrap(),
    ] {
        let read = PKey::private_key_from_pem_passphrase(as_pem(&bytes).as_bytes(), b"word");
        assert!(read.unwrap().public_eq(key));
    }
}

#[test]
fn a_pfx_is_known_raw_and_as_key_vault_gives_it() {
    let pfx = PAIR.pkcs12("word").unwrap();
    let unpadded = STANDARD.encode(&pfx).trim_end_matches('=').to_owned();
    for bytes in [
        pfx.clone(),
        STANDARD.encode(&pfx).into_bytes(),
        unpadded.into_bytes(),
    ] {
        let Ok(Content::Pkcs12(read)) = content(&bytes) else {
            panic!("not known");
        };
        assert!(Pkcs12::from_der(&read).unwrap().parse2("word").is_ok());
        assert!(authorities(&bytes).unwrap_err().0.contains("PKCS#12"));
    }
}

#[test]
fn what_cannot_be_read_is_named_for_what_it_is() {
    let public = PAIR.key().public_key_to_der().unwrap();
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    for (bytes, expected) in [
        (block("CERTIFICATE REQUEST").into_bytes(), "CSR"),
        (block("PKCS7").into_bytes(), "PKCS#7"),
        (block("OPENSSH PRIVATE KEY").into_bytes(), "OpenSSH"),
        (block("PUBLIC KEY").into_bytes(), "public key"),
        (public, "public key"),
        (b"-----BEGIN CERTIFICATE-----\nMIID".to_vec(), "cut off"),
        (b"\xfe\xed\xfe\xed\0\0\0\x02".to_vec(), "Java keystore"),
        (b"PK\x03\x04\0\0".to_vec(), "ZIP"),
        (b"\x1f\x8b\x08\0".to_vec(), "gzip"),
        (b"<html>no such blob</html>".to_vec(), "neither PEM nor DER"),
        (b"\x30\x82\x01\x00rest".to_vec(), "damaged"),
        (b"".to_vec(), "neither PEM nor DER"),
        (b"\xff".to_vec(), "neither PEM nor DER"),
    ] {
        match content(&bytes) {
            Err(why) => assert!(why.0.contains(expected), "{expected}: {why}"),
            Ok(_) => panic!("{expected} was read"),
        }
    }
    assert_eq!(
        authorities(&PAIR.key_pem().unwrap()),
        Err(NotReadable("holds no certificate"))
    );
}
