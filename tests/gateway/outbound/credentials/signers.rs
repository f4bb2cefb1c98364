//! Keys that are elsewhere: Key Vault and Vault's transit engine, each by a stand-in that looks at what it is
//! asked, and an issuer that verifies what comes of it.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bearergate::fake::{Contoso, KeyPair, Request, Response, Running};
use http::{Method, StatusCode};
use openssl::md::Md;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;
use serde_json::{Value, json};

use crate::outbound::{claims, setup};
use crate::support::{GRAPH, Setup, Told, World, is};

/// What a safe is asked, and how it goes astray.
#[derive(Clone, Default)]
struct Safe(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    paths: Vec<String>,
    tokens: Vec<String>,
    /// Answers of this status come first.
    refuses: Vec<u16>,
    logins: usize,
}

impl Safe {
    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.0.lock().unwrap()
    }

    /// Takes note of a request; its answer, where it is refused.
    fn note(&self, request: &Request, token: &str) -> Option<Response> {
        let mut asked = self.asked();
        asked.paths.push(request.target.clone());
        asked.tokens.push(token.to_owned());
        let status = asked.refuses.pop()?;
        let body = json!({
            "error": { "code": "Forbidden", "message": "The caller may not sign.", "innererror": { "code": "ForbiddenByRbac" } },
            "errors": ["permission denied"],
        });
        Some(Response::json(StatusCode::from_u16(status).unwrap(), &body))
    }
}

/// Signs what was hashed already.
fn signature(key: &PKey<Private>, padding: Padding, digest: &[u8]) -> Vec<u8> {
    assert_eq!(digest.len(), 32, "SHA-256");
    let mut context = PkeyCtx::new(key).unwrap();
    context.sign_init().unwrap();
    context.set_rsa_padding(padding).unwrap();
    context.set_signature_md(Md::sha256()).unwrap();
    if padding == Padding::PKCS1_PSS {
        context.set_rsa_mgf1_md(Md::sha256()).unwrap();
        context
            .set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)
            .unwrap();
    }
    let mut signature = Vec::new();
    context.sign_to_vec(digest, &mut signature).unwrap();
    signature
}

fn private(pair: &KeyPair) -> PKey<Private> {
    PKey::private_key_from_pem(&pair.key_pem().unwrap()).unwrap()
}

fn json_of(request: &Request) -> Value {
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.header("content-type"), Some("application/json"));
    serde_json::from_slice(&request.body.kept).unwrap()
}

/// As <https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign> has it.
fn key_vault(safe: &Safe, pair: &KeyPair) -> Running {
    let (safe, key) = (safe.clone(), private(pair));
    let (_, door) = Told::open(move |request| {
        let token = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        if let Some(refused) = safe.note(request, &token) {
            return refused;
        }
        assert_eq!(claims(&token)["azp"], Contoso::MAIL_CLIENT, "not Graph's");
        assert_eq!(request.target, "/keys/mail/v7/sign?api-version=7.4");
        let body = json_of(request);
        let padding = match body["alg"].as_str().unwrap() {
            "PS256" => Padding::PKCS1_PSS,
            "RS256" => Padding::PKCS1,
            other => panic!("{other}"),
        };
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        let digest = URL_SAFE_NO_PAD
            .decode(body["value"].as_str().unwrap())
            .unwrap();
        let value = URL_SAFE_NO_PAD.encode(signature(&key, padding, &digest));
        let kid = "https://mail.vault.azure.net/keys/mail/v7";
        Response::json(StatusCode::OK, &json!({ "kid": kid, "value": value }))
    });
    door
}

/// As <https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data> has it.
fn vault(safe: &Safe, pair: &KeyPair) -> Running {
    let (safe, key) = (safe.clone(), private(pair));
    let (_, door) = Told::open(move |request| {
        assert_eq!(request.header("x-vault-request"), Some("true"));
        assert_eq!(request.header("x-vault-namespace"), Some("mail/team"));
        let body = json_of(request);
        if request.target == "/v1/auth/kubernetes/login" {
            assert_eq!(request.header("x-vault-token"), None);
            assert_eq!(body, json!({ "role": "gateway", "jwt": "eyJ.e30.c2ln" }));
            let mut asked = safe.asked();
            asked.logins += 1;
            let token = format!("hvs.login-{}", asked.logins);
            let auth = json!({ "client_token": token, "lease_duration": 3600, "renewable": true });
            return Response::json(StatusCode::OK, &json!({ "auth": auth }));
        }
        let token = request
            .header("x-vault-token")
            .unwrap_or_default()
            .to_owned();
        if let Some(refused) = safe.note(request, &token) {
            return refused;
        }
        assert_eq!(request.target, "/v1/pki/transit/sign/mail/sha2-256");
        assert_eq!(body["prehashed"], true);
        let padding = match (&body["signature_algorithm"], &body["salt_length"]) {
            (kind, salt) if kind == "pss" && salt == "hash" => Padding::PKCS1_PSS,
            (kind, Value::Null) if kind == "pkcs1v15" => Padding::PKCS1,
            other => panic!("{other:?}"),
        };
        let digest = STANDARD.decode(body["input"].as_str().unwrap()).unwrap();
        let signature = STANDARD.encode(signature(&key, padding, &digest));
        let data = json!({ "signature": format!("vault:v3:{signature}"), "key_version": 3 });
        Response::json(StatusCode::OK, &json!({ "data": data }))
    });
    door
}

/// An identity whose certificate is `pair`'s, and whose key is where `sign` says.
fn signed_by(pair: &KeyPair, sign: &str, more: &str) -> Setup {
    let setup = setup();
    setup.contoso.register_mail_certificate(pair).unwrap();
    setup
        .contoso
        .issuer
        .register(|it| it.with_api_for("https://vault.azure.net"));
    setup
        .file("mail.cer", pair.certificate_pem().unwrap())
        .identity_with(
            "signs",
            "$ISSUER",
            &format!("certificate: {{ file: mail.cer, sign: {{ {sign} }}{more} }}"),
        )
        .route("signs", "$ECHO", "signs", GRAPH)
}

const KEY_VAULT: &str = "key_vault: { key: $SAFE/keys/mail/v7, identity: mail, scope: 'https://vault.azure.net/.default' }";

fn transit(login: &str) -> String {
    format!(
        "vault_transit: {{ url: $SAFE, mount: pki/transit, key: mail, namespace: mail/team, {login} }}"
    )
}

async fn detail(world: &World) -> String {
    let lines = world.gateway.lines(1).await;
    lines.last().unwrap()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_key_vault_signs_for_an_identity() {
    let pair = KeyPair::generate("mail").unwrap();
    for algorithm in ["PS256", "RS256"] {
        let safe = Safe::default();
        let door = key_vault(&safe, &pair);
        let setup = signed_by(&pair, KEY_VAULT, &format!(", assertion: {algorithm}"));
        setup
            .contoso
            .issuer
            .misbehave(|it| it.refuse_replays = true);
        let world = setup.fill("SAFE", door.base()).start().await;
        assert_eq!(
            world.gateway.ask("/signs/x").await.status,
            200,
            "{algorithm}"
        );
        // The vault's token, and the one that is wanted.
        assert_eq!(world.contoso.issuer.token_requests(), 2);
        assert_eq!(safe.asked().paths.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vaults_token_is_kept_and_replaced_once_where_it_is_refused() {
    let pair = KeyPair::generate("mail").unwrap();
    let safe = Safe::default();
    let door = key_vault(&safe, &pair);
    safe.asked().refuses = vec![401];
    let setup =
        signed_by(&pair, KEY_VAULT, "").route("also", "$ECHO", "signs", crate::support::CALC);
    let world = setup.fill("SAFE", door.base()).start().await;
    assert_eq!(world.gateway.ask("/signs/x").await.status, 200);
    assert_eq!(safe.asked().tokens.len(), 2);
    assert_eq!(world.gateway.ask("/also/x").await.status, 200);
    let tokens = safe.asked().tokens.clone();
    assert_eq!(tokens[1], tokens[2]);
    assert_ne!(tokens[0], tokens[1]);
    // Two of the vault's, and two that are wanted.
    assert_eq!(world.contoso.issuer.token_requests(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_refuses_is_told_of_and_no_token_is_asked_for() {
    let pair = KeyPair::generate("mail").unwrap();
    let safe = Safe::default();
    let door = key_vault(&safe, &pair);
    safe.asked().refuses = vec![403];
    let world = signed_by(&pair, KEY_VAULT, "")
        .fill("SAFE", door.base())
        .start()
        .await;
    let reply = world.gateway.ask("/signs/x").await;
    assert_eq!(reply.verdict(), is(503, "credential_unavailable"));
    let detail = detail(&world).await;
    let said = "did not sign: status 403, Forbidden: ForbiddenByRbac: The caller may not sign.";
    assert!(
        detail.contains("Key Vault (http://127.0.0.1") && detail.contains(said),
        "{detail}"
    );
    assert_eq!(
        world.contoso.issuer.token_requests(),
        1,
        "the vault's token alone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_key_signed_is_sent_to_nobody() {
    let (pair, other) = (
        KeyPair::generate("mail").unwrap(),
        KeyPair::generate("mail").unwrap(),
    );
    let safe = Safe::default();
    for (door, sign) in [
        (key_vault(&safe, &other), KEY_VAULT.to_owned()),
        (
            vault(&safe, &other),
            transit("token: { file: vault.token }"),
        ),
    ] {
        let setup = signed_by(&pair, &sign, "").file("vault.token", "hvs.given");
        let world = setup.fill("SAFE", door.base()).start().await;
        let reply = world.gateway.ask("/signs/x").await;
        assert_eq!(reply.verdict(), is(503, "credential_unavailable"));
        let detail = detail(&world).await;
        assert!(
            detail.contains("its signature does not fit the certificate"),
            "{detail}"
        );
        let last = world.contoso.issuer.last_token_request();
        assert!(last.is_none_or(|it| it.field("client_assertion").is_none()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_vaults_transit_engine_signs() {
    let pair = KeyPair::generate("mail").unwrap();
    for algorithm in ["PS256", "RS256"] {
        let safe = Safe::default();
        let door = vault(&safe, &pair);
        let sign = transit("token: { file: vault.token }");
        let setup = signed_by(&pair, &sign, &format!(", assertion: {algorithm}"));
        let setup = setup.file("vault.token", "hvs.given\n");
        setup.contoso.issuer.misbehave(|it| it.refresh_in = Some(1));
        let world = setup.fill("SAFE", door.base()).start().await;
        assert_eq!(
            world.gateway.ask("/signs/x").await.status,
            200,
            "{algorithm}"
        );
        assert_eq!(safe.asked().tokens, ["hvs.given"]);
        // What keeps it renews it.
        std::fs::write(world.path("vault.token"), "hvs.renewed").unwrap();
        crate::support::eventually("the renewed token is shown", async || {
            world.gateway.ask("/signs/x").await;
            safe.asked().tokens.last().unwrap() == "hvs.renewed"
        })
        .await;
        for told in [
            world.gateway.log(),
            world.gateway.get_admin("/status.json").await.text(),
        ] {
            assert!(!told.contains("hvs."), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_logs_in_to_vault_once_and_again_where_that_was_revoked() {
    let pair = KeyPair::generate("mail").unwrap();
    let safe = Safe::default();
    let door = vault(&safe, &pair);
    let setup = signed_by(
        &pair,
        &transit("kubernetes: { role: gateway, token_file: pod.jwt }"),
        "",
    );
    let setup =
        setup
            .file("pod.jwt", "eyJ.e30.c2ln")
            .route("also", "$ECHO", "signs", crate::support::CALC);
    let world = setup.fill("SAFE", door.base()).start().await;
    assert_eq!(world.gateway.ask("/signs/x").await.status, 200);
    assert_eq!(safe.asked().tokens, ["hvs.login-1"]);
    safe.asked().refuses = vec![403];
    assert_eq!(world.gateway.ask("/also/x").await.status, 200);
    assert_eq!(safe.asked().tokens[1..], ["hvs.login-1", "hvs.login-2"]);
    assert_eq!(safe.asked().logins, 2);
}
