use super::*;
use crate::clock::UnixTime;
use crate::entra::Endpoint;
use crate::http_client::{FetchDefinition, HttpClient};
use crate::outbound::{
    ClientDefinition, CredentialDefinition, Credentials, IdentityDefinition, SecretCredential,
    Wanted, samples,
};
use crate::store::{StateKey, StoreDefinition};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn store(key: u8) -> std::sync::Arc<Store> {
    let definition = StoreDefinition {
        key: StateKey::new(Secret::new([key; 32])),
        file: None,
        redis: None,
    };
    Store::open(&definition, NOW).unwrap()
}

fn secret(text: &str) -> CredentialDefinition {
    CredentialDefinition::Secret(SecretCredential::new(Secret::new(text.to_owned())))
}

/// The names of a source that differs from the sample by this.
fn names(change: impl FnOnce(&mut IdentityDefinition, &mut Wanted)) -> Vec<Name> {
    let sample = samples::source("http://127.0.0.1:9");
    let (mut identity, mut wanted) = (sample.identity, sample.wanted);
    change(&mut identity, &mut wanted);
    let http = HttpClient::new(&FetchDefinition::default()).unwrap();
    let source = TokenSource::new(identity, wanted, http);
    source.names(&store(1), &source.wanted)
}

fn entra(identity: &mut IdentityDefinition) -> &mut crate::outbound::EntraClient {
    match &mut identity.client {
        ClientDefinition::Entra(client) => client,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_are_apart_by_tenant_client_scope_credential_and_claims() {
    let known = names(|_, _| {});
    assert_eq!(known.len(), 1);
    let others = [
        names(|it, _| {
            entra(it).client_id = "bbbb0000-1111-4222-8333-444444444444".parse().unwrap()
        }),
        names(|it, _| {
            let other = samples::source("http://127.0.0.1:10").identity;
            let mut other = other;
            entra(it).authority = entra(&mut other).authority.clone();
        }),
        names(|it, _| entra(it).endpoint = Endpoint::V1),
        names(|it, _| entra(it).credentials = Credentials::new(vec![secret("another")])),
        names(|_, wanted| wanted.scope = "y/.default".into()),
        names(|_, wanted| wanted.claims = Some("{}".into())),
        {
            let source = samples::source("http://127.0.0.1:9");
            source.names(&store(2), &source.wanted)
        },
    ];
    let mut all: Vec<Name> = others.concat();
    all.extend(&known);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!((all.len(), count), (8, 8));
    // What it is called here, and when it is renewed, is nobody else's business.
    assert_eq!(known, names(|it, _| it.name = "other".into()));
    // One more credential, wherever it stands, leaves what was given for the others to be found.
    let two = names(|it, _| {
        entra(it).credentials = Credentials::new(vec![secret("new"), secret("secret")]);
    });
    assert_eq!((two.len(), two[1]), (2, known[0]));
}

#[test]
fn what_is_for_a_user_has_no_name() {
    let assertion = std::sync::Arc::new(Secret::new("a.b.c".to_owned()));
    assert!(names(|_, wanted| wanted.assertion = Some(assertion)).is_empty());
}

#[test]
fn a_token_is_written_and_read_whole() {
    let source = samples::source("http://127.0.0.1:9");
    for refresh_at in [None, Some(NOW.plus(Duration::from_secs(1800)))] {
        let response = TokenResponse {
            access_token: Secret::new("a.b-c_d~e+f/g==".to_owned()),
            expires_at: NOW.plus(Duration::from_secs(3600)),
            refresh_at,
        };
        let by = UsedCredential {
            place: 0,
            kind: "secret",
            passed_over: None,
        };
        let token = source.token(&response, by, NOW).unwrap();
        let written = written(&token).unwrap();
        let read = remembered(&source, &written, 0).unwrap();
        assert_eq!(read.header, token.header);
        assert!(read.header.is_sensitive());
        assert_eq!(read.acquired_at, NOW);
        assert_eq!(read.expires_at, token.expires_at);
        assert_eq!(read.refresh_at, refresh_at);
        assert_eq!(read.by, token.by);
        assert!(read.is_remembered && !token.is_remembered);
        assert!(
            remembered(&source, &written, 1).is_none(),
            "no such credential"
        );
    }
    for broken in [
        "",
        "{}",
        "[]",
        r#"{"token":1,"acquired_at":1,"expires_at":2}"#,
    ] {
        let broken = Secret::new(broken.as_bytes().to_vec());
        assert!(remembered(&source, &broken, 0).is_none());
    }
}

#[test]
fn what_was_to_be_forgotten_is_not_taken_back_from_whoever_still_keeps_it() {
    let source = samples::source("http://127.0.0.1:9");
    let names = source.names(&store(1), &source.wanted);
    let errand = Errand {
        now: NOW.plus(Duration::from_secs(60)),
        kept: None,
        cause: Cause::Due,
    };
    let found = |acquired_at: UnixTime| {
        let response = TokenResponse {
            access_token: Secret::new("a.b.c".to_owned()),
            expires_at: NOW.plus(Duration::from_secs(3600)),
            refresh_at: None,
        };
        let by = UsedCredential {
            place: 0,
            kind: "secret",
            passed_over: None,
        };
        let token = source.token(&response, by, acquired_at).unwrap();
        let (name, value) = (names[0], written(&token).unwrap());
        source.best(&names, vec![Kept { name, value }], &errand)
    };
    assert!(found(NOW).is_some());
    source.forget(NOW);
    assert!(found(NOW).is_none());
    assert!(found(NOW.plus(Duration::from_secs(1))).is_some());
}
