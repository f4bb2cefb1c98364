use super::*;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn request<'a>(http: &'a HttpClient, endpoint: Endpoint, scope: &'a str) -> TokenRequest<'a> {
    TokenRequest {
        http,
        url: "http://127.0.0.1:9/token",
        audience: "http://127.0.0.1:9/token",
        dialect: Dialect::Entra(endpoint),
        client_id: "client",
        scope,
        grant: Grant::ClientCredentials,
        claims: None,
        is_elsewhere: false,
        now: UnixTime::from_seconds(1),
    }
}

fn http() -> HttpClient {
    HttpClient::new(&crate::http_client::FetchDefinition::default()).unwrap()
}

#[test]
fn v2_sends_scope_and_v1_resource() {
    let word = secret("s");
    let proof = ClientProof::Secret(&word);
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
            request(&http(), kind, scope).form(&proof),
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
    let word = secret("a.b.c");
    let proof = ClientProof::Assertion(&word);
    let http = http();
    let request = request(&http, Endpoint::V2, "x/.default");
    assert_eq!(
        request.form(&proof)[3..],
        [
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            ),
            ("client_assertion", "a.b.c"),
        ]
    );
    assert_eq!(format!("{proof:?}"), "Assertion([secret])");
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
    let word = secret("hidden-word");
    let got = request.send(ClientProof::Secret(&word)).await;
    match got {
        Err(TokenEndpointError::Unavailable(why)) => {
            assert!(
                why.contains("refused") && !why.contains("hidden-word"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_user_may_is_asked_with_the_users_token() {
    let (word, user) = (secret("s"), secret("u.s.er"));
    let (http, proof) = (http(), ClientProof::Secret(&word));
    let request = TokenRequest {
        grant: Grant::OnBehalfOf(&user),
        claims: Some("{}"),
        ..request(&http, Endpoint::V2, "x/Mail.Read")
    };
    assert_eq!(
        request.form(&proof),
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("client_id", "client"),
            ("scope", "x/Mail.Read"),
            ("client_secret", "s"),
            ("assertion", "u.s.er"),
            ("requested_token_use", "on_behalf_of"),
            ("claims", "{}"),
        ]
    );
    assert_eq!(request.confided(&proof), ["s", "u.s.er"]);
}
