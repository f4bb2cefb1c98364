use super::*;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn request<'a>(http: &'a HttpClient, endpoint: Endpoint, scope: &'a str) -> TokenRequest<'a> {
    TokenRequest {
        http,
        url: "http://127.0.0.1:9/token",
        endpoint,
        client_id: "client",
        scope,
        now: UnixTime::from_seconds(1),
    }
}

fn http() -> HttpClient {
    HttpClient::new(&crate::http_client::FetchDefinition::default()).unwrap()
}

#[test]
fn v2_sends_scope_and_v1_resource() {
    let proof = secret("s");
    let grant = Grant::Secret(&proof);
    let cases = [
        (
            Endpoint::V2,
            "https://graph.microsoft.com/.default",
            ("scope", "https://graph.microsoft.com/.default"),
        ),
        (
            Endpoint::V1,
            "https://graph.microsoft.com/.default",
            ("resource", "https://graph.microsoft.com"),
        ),
        // A resource whose name ends in a slash.
        (
            Endpoint::V1,
            "https://management.azure.com//.default",
            ("resource", "https://management.azure.com/"),
        ),
        (Endpoint::V1, "api://aaaa", ("resource", "api://aaaa")),
    ];
    for (kind, scope, expected) in cases {
        assert_eq!(
            request(&http(), kind, scope).form(&grant),
            [
                ("grant_type", "client_credentials"),
                ("client_id", "client"),
                expected,
                ("client_secret", "s"),
            ]
        );
    }
}

#[test]
fn an_assertion_takes_the_secrets_place() {
    let proof = secret("a.b.c");
    let grant = Grant::Assertion(&proof);
    let http = http();
    let request = request(&http, Endpoint::V2, "x/.default");
    assert_eq!(
        request.form(&grant)[3..],
        [
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            ),
            ("client_assertion", "a.b.c"),
        ]
    );
    assert_eq!(format!("{grant:?}"), "Assertion([secret])");
}

#[tokio::test]
async fn silence_is_unavailable_not_refusal() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let (http, url) = (http(), format!("http://127.0.0.1:{port}/token"));
    let request = TokenRequest {
        url: &url,
        ..request(&http, Endpoint::V2, "x/.default")
    };
    let proof = secret("hidden-word");
    let got = request.send(Grant::Secret(&proof)).await;
    match got {
        Err(EntraError::Unavailable(why)) => {
            assert!(
                why.contains("refused") && !why.contains("hidden-word"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}
