//! An identity whose token endpoint is where a test says, for tests.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{
    ClientDefinition, CredentialDefinition, Credentials, EntraClient, IdentityDefinition,
    SecretCredential, TokenSource, TokenTimes, Wanted,
};
use crate::entra::{Authority, Cloud, Endpoint};
use crate::http_client::{FetchDefinition, HttpClient};
use crate::secret::Secret;

/// What asks there for tokens of the identity `mail`, for the scope `x/.default`.
pub(super) fn source(base: &str) -> TokenSource {
    let tenant = "11111111-aaaa-4bbb-8ccc-222222222222".parse().unwrap();
    let base = base.parse().unwrap();
    let secret = SecretCredential::new(Secret::new("secret".to_owned()));
    let identity = IdentityDefinition {
        name: "mail".into(),
        client: ClientDefinition::Entra(EntraClient {
            authority: Authority::new(Cloud::Public, tenant, Some(&base)),
            client_id: "aaaa0000-1111-4222-8333-444444444444".parse().unwrap(),
            region: None,
            instance: None,
            endpoint: Endpoint::V2,
            capabilities: Vec::new(),
            credentials: Credentials::new(vec![CredentialDefinition::Secret(secret)]),
        }),
        tokens: TokenTimes::default(),
    };
    let http = HttpClient::new(&FetchDefinition::default()).unwrap();
    TokenSource::new(identity, Wanted::of_app("x/.default"), http)
}

/// A token endpoint that answers as often as it is allowed to, at first once; how often it was asked.
pub(super) async fn endpoint() -> (String, Arc<Semaphore>, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (allowed, asked) = (Arc::new(Semaphore::new(1)), Arc::new(Mutex::new(0)));
    let (gate, count) = (Arc::clone(&allowed), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            *count.lock() += 1;
            gate.acquire().await.unwrap().forget();
            let body = r#"{"token_type":"Bearer","access_token":"a.b.c","expires_in":3600}"#;
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            let answer = format!("{head} {length}\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (base, allowed, asked)
}
