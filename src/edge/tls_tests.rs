use super::*;
use crate::edge::tests_support::certificate;

#[test]
fn a_certificate_without_its_own_key_is_refused() {
    let (chain, key) = certificate();
    let (_, other_key) = certificate();
    assert!(Tls::from_pem(&chain, &key, Protocols::TLS).is_ok());
    let wrong = [
        (chain.as_slice(), other_key.as_slice()),
        (&chain, b""),
        (&chain, &chain),
        (b"", &key),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &key,
        ),
    ];
    for (chain, key) in wrong {
        assert!(Tls::from_pem(chain, key, Protocols::TLS).is_err());
    }
    assert!(matches!(
        Tls::from_pem(b"", &key, Protocols::TLS),
        Err(TlsError::NoCertificate)
    ));
}
