use super::*;
use crate::edge::tests_support::{certificate, tls_definition};

#[test]
fn a_definition_without_certificates_is_refused() {
    let nothing = TlsDefinition {
        certificates: Vec::new(),
        ..tls_definition()
    };
    assert!(matches!(
        Tls::new(&nothing, Protocols::TLS),
        Err(TlsError::NoCertificate)
    ));
    assert!(Tls::new(&tls_definition(), Protocols::TLS).is_ok());
}

#[test]
fn a_certificate_without_its_own_key_is_refused() {
    let (chain, key) = certificate();
    let (_, other_key) = certificate();
    let of = |chain: &[u8], key: &[u8]| CertifiedKey::from_pem(chain, key, None);
    assert!(of(&chain, &key).is_ok());
    for (chain, key) in [
        (chain.as_slice(), other_key.as_slice()),
        (&chain, b""),
        (&chain, &chain),
        (b"", &key),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &key,
        ),
    ] {
        assert!(of(chain, key).is_err());
    }
}

#[test]
fn keys_of_tickets_are_made_anew_when_they_are_old_and_not_before() {
    let tls = Tls::new(&tls_definition(), Protocols::TLS).unwrap();
    let made = |tls: &Tls| tls.current.load().made;
    let first = made(&tls);
    tls.connection().unwrap();
    tls.renew(TICKET_KEYS);
    assert_eq!(made(&tls), first);
    tls.renew(Duration::ZERO);
    assert!(made(&tls) > first);
    // Who is at it is not waited for.
    let second = made(&tls);
    let _at_it = tls.making.lock();
    tls.renew(Duration::ZERO);
    assert_eq!(made(&tls), second);
}
