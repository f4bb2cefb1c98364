use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::entra::{Algorithm, Authority, CertificateKey, Cloud, Endpoint};
use crate::fake::fixtures::PAIR;
use crate::http_client::FetchDefinition;
use crate::outbound::{
    CertificateCredential, ClientDefinition, CredentialDefinition, Credentials, EntraClient,
    SecretCredential, SigningKey,
};
use crate::secret::Secret;

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
const CLIENT: &str = "aaaa0000-1111-4222-8333-444444444444";
const SCOPE: &str = "https://graph.microsoft.com/.default";
const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0.e30.c2ln"}"#;
const OUTSIDE: &str = r#"{"error":"invalid_client","error_codes":[700024]}"#;
const UNKNOWN_KEY: &str = r#"{"error":"invalid_client","error_codes":[700027]}"#;

#[test]
fn the_header_is_set_whole_and_never_shown() {
    let response = TokenResponse {
        access_token: Secret::new("eyJ0.e30.c2ln".to_owned()),
        expires_at: NOW.plus(Duration::from_secs(3599)),
        refresh_at: None,
    };
    let by = UsedCredential {
        place: 0,
        kind: "secret",
        passed_over: None,
    };
    let token = AccessToken::of(&response, TokenTimes::default(), by, NOW, 0).unwrap();
    assert_eq!(token.header, "Bearer eyJ0.e30.c2ln");
    assert!(token.header.is_sensitive());
    assert!(!format!("{token:?}").contains("eyJ0"), "{token:?}");
    assert_eq!(token.expires_at, NOW.plus(Duration::from_secs(3599)));
    assert_eq!(token.renew_at, NOW.plus(Duration::from_secs(3299)));
}

/// A token endpoint that gives these answers in turn and then hands back the requests.
async fn endpoint(
    answers: &'static [(u16, &'static str)],
) -> (Url, tokio::task::JoinHandle<Vec<Vec<(String, String)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let form = form(&mut stream).await;
            let reply = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(reply.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            seen.push(form);
        }
        seen
    });
    (Url::parse(&url).unwrap(), seen)
}

/// The form of one request; its target stands first, under the name `POST`.
async fn form(stream: &mut tokio::net::TcpStream) -> Vec<(String, String)> {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "broke off: {request}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() < length {
            continue;
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut fields = vec![("POST".to_owned(), target)];
        fields.extend(url::form_urlencoded::parse(body.as_bytes()).into_owned());
        return fields;
    }
}

fn source(
    base: &Url,
    endpoint: Endpoint,
    credentials: impl IntoIterator<Item = CredentialDefinition>,
) -> TokenSource {
    let tenant = TENANT.parse().unwrap();
    let identity = IdentityDefinition {
        name: Arc::from("mail-daemon"),
        client: ClientDefinition::Entra(EntraClient {
            authority: Authority::new(Cloud::Public, tenant, Some(base)),
            client_id: CLIENT.parse().unwrap(),
            endpoint,
            region: None,
            instance: None,
            capabilities: Vec::new(),
            credentials: Credentials::new(credentials.into_iter().collect()),
        }),
        tokens: TokenTimes::default(),
    };
    TokenSource::new(
        identity,
        Wanted::of_app(SCOPE),
        HttpClient::new(&FetchDefinition::default()).unwrap(),
    )
}

fn certificate() -> CredentialDefinition {
    let (certificate, key) = (PAIR.certificate_pem(), PAIR.key_pem());
    CredentialDefinition::Certificate(CertificateCredential {
        key: SigningKey::Here(
            CertificateKey::from_pem(&certificate.unwrap(), &key.unwrap(), None).unwrap(),
        ),
        algorithm: Algorithm::Ps256,
        claims: Default::default(),
        with_chain: false,
    })
}

fn secret(value: &str) -> CredentialDefinition {
    CredentialDefinition::Secret(SecretCredential::new(Secret::new(value.to_owned())))
}

fn claims(form: &[(String, String)]) -> serde_json::Value {
    let (_, assertion) = form
        .iter()
        .find(|(name, _)| name == "client_assertion")
        .unwrap();
    let claims = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_secret_buys_a_token() {
    let (base, seen) = endpoint(&[(200, TOKEN)]).await;
    let token = source(&base, Endpoint::V2, [secret("p~q8 +&")])
        .acquire(NOW)
        .await
        .unwrap();
    assert_eq!(token.header, "Bearer eyJ0.e30.c2ln");
    let expected = [
        (
            "POST",
            "/11111111-aaaa-4bbb-8ccc-222222222222/oauth2/v2.0/token",
        ),
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("scope", SCOPE),
        ("client_secret", "p~q8 +&"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(seen.await.unwrap(), [expected.to_vec()]);
}

#[tokio::test]
async fn an_assertion_is_for_the_url_it_is_posted_to() {
    for (kind, path) in [
        (Endpoint::V1, "oauth2/token"),
        (Endpoint::V2, "oauth2/v2.0/token"),
    ] {
        let (base, seen) = endpoint(&[(200, TOKEN)]).await;
        let source = source(&base, kind, [certificate()]);
        source.acquire(NOW).await.unwrap();
        let claims = claims(&seen.await.unwrap()[0]);
        assert_eq!(claims["aud"], format!("{}{TENANT}/{path}", base.as_str()));
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&CLIENT.into(), &CLIENT.into())
        );
        assert_eq!(
            (&claims["nbf"], &claims["iat"]),
            (&NOW.seconds().into(), &NOW.seconds().into())
        );
        assert_eq!(claims["exp"], NOW.seconds() + 600);
    }
}

#[tokio::test]
async fn an_assertion_outside_its_time_is_dated_back_once() {
    let (base, seen) = endpoint(&[(401, OUTSIDE), (200, TOKEN)]).await;
    let source = source(&base, Endpoint::V2, [certificate()]);
    assert!(source.acquire(NOW).await.is_ok());
    let seen = seen.await.unwrap();
    let (first, second) = (claims(&seen[0]), claims(&seen[1]));
    assert_eq!(second["nbf"], NOW.seconds() - 300);
    assert_eq!(second["exp"], NOW.seconds() + 300);
    assert_ne!(first["jti"], second["jti"]);
}

#[tokio::test]
async fn other_refusals_are_not_asked_again() {
    // Were there another request, the endpoint would refuse the connection: `unavailable`.
    let cases: [(&'static [(u16, &'static str)], u64); 2] = [
        (&[(401, UNKNOWN_KEY)], 700_027),
        (&[(401, OUTSIDE), (401, OUTSIDE)], 700_024),
    ];
    for (answers, expected) in cases {
        let (base, seen) = endpoint(answers).await;
        let got = source(&base, Endpoint::V2, [certificate()])
            .acquire(NOW)
            .await;
        match got {
            Err(TokenRequestError::Endpoint(TokenEndpointError::Refused { code, .. })) => {
                assert_eq!(code, Some(expected));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(seen.await.unwrap().len(), answers.len());
    }
}
