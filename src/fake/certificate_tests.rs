use openssl::pkcs12::Pkcs12;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509StoreContext};

use crate::fake::fixtures::PAIR;
use crate::fake::{CertificateAuthority, KeyPair};

#[test]
fn the_server_certificate_is_for_loopback_and_of_this_authority() {
    let authority = CertificateAuthority::generate().unwrap();
    let server = authority.issue_for_loopback().unwrap();
    let chain: Vec<_> = server.chain().collect();
    assert_eq!(chain.len(), 2);
    let names = chain[0].subject_alt_names().unwrap();
    let written: Vec<_> = names
        .iter()
        .map(|name| {
            (
                name.dnsname().map(str::to_owned),
                name.ipaddress().map(<[u8]>::len),
            )
        })
        .collect();
    assert_eq!(
        written,
        [
            (None, Some(4)),
            (None, Some(16)),
            (Some("localhost".to_owned()), None)
        ]
    );
    assert!(chain[0].public_key().unwrap().public_eq(server.key()));

    let trusts = |pem: &[u8]| {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(X509::from_pem(pem).unwrap()).unwrap();
        let mut context = X509StoreContext::new().unwrap();
        let none = Stack::new().unwrap();
        let verified = context.init(&store.build(), chain[0], &none, |it| it.verify_cert());
        verified.unwrap()
    };
    assert!(trusts(&authority.certificate_pem().unwrap()));
    let stranger = CertificateAuthority::generate().unwrap();
    assert!(!trusts(&stranger.certificate_pem().unwrap()));
}

#[test]
fn a_pair_belongs_together_in_every_form() {
    let pair: &KeyPair = &PAIR;
    let certificate = X509::from_pem(&pair.certificate_pem().unwrap()).unwrap();
    assert!(certificate.public_key().unwrap().public_eq(pair.key()));
    assert_eq!(pair.key().bits(), 2048);
    let file = Pkcs12::from_der(&pair.pkcs12("pass").unwrap()).unwrap();
    assert!(file.parse2("wrong").is_err());
    let parsed = file.parse2("pass").unwrap();
    assert!(parsed.pkey.unwrap().public_eq(pair.key()));
    assert_eq!(
        parsed.cert.unwrap().to_der().unwrap(),
        certificate.to_der().unwrap()
    );
}
