use std::sync::Arc;

use serde_json::Value;

use super::super::samples::url;
use super::*;
use crate::fake::{Contoso, KeyPair, Machine, Running, SigningKey, bind, serve};
use crate::http_client::{FetchDefinition, Thumbprint};

const OWN: &str = "11111111-0b1f-4c3d-9e5a-6f7081920a1b";
const ASSIGNED: &str = "22222222-0b1f-4c3d-9e5a-6f7081920a1b";
const GRAPH: &str = "https://graph.microsoft.com";
const AT_ONCE: &[Duration] = &[Duration::ZERO; 3];

struct Scene {
    machine: Machine,
    plain: Running,
    secure: Running,
    thumbprint: Thumbprint,
    folder: tempfile::TempDir,
}

fn scene() -> Scene {
    let contoso = Contoso::with_key(SigningKey::shared().unwrap());
    let machine = Machine::new(contoso.issuer, Contoso::MAIL_TENANT)
        .with_own(OWN)
        .with_assigned(ASSIGNED, "mail");
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("one.key");
    std::fs::write(&key, "the-agents-key").unwrap();
    machine.behave(|it| it.arc_key = Some((key, "the-agents-key".to_owned())));
    let pair = KeyPair::generate("fabric").unwrap();
    let digest = pair
        .certificate()
        .digest(openssl::hash::MessageDigest::sha1());
    let thumbprint = Thumbprint((&*digest.unwrap()).try_into().unwrap());
    let open = |tls| serve(bind(0).unwrap(), tls, Arc::new(machine.clone())).unwrap();
    Scene {
        plain: open(None),
        secure: open(Some(&pair)),
        machine,
        thumbprint,
        folder,
    }
}

impl Scene {
    fn platforms(&self) -> [Platform; 6] {
        let at = |path: &str| url(&format!("{}{path}", self.plain.base()));
        let header = || self.machine.header().clone();
        [
            Platform::VirtualMachine {
                endpoint: at("/metadata/identity/oauth2/token"),
            },
            Platform::AppService {
                endpoint: at("/msi/token"),
                header: header(),
            },
            Platform::ServiceFabric {
                endpoint: url(&format!("{}/fabric/token", self.secure.base())),
                header: header(),
                thumbprint: self.thumbprint,
            },
            Platform::MachineLearning {
                endpoint: at("/ml/token"),
                secret: header(),
                usual: None,
            },
            Platform::CloudShell {
                endpoint: at("/shell/oauth2/token"),
            },
            Platform::Arc {
                endpoint: at("/arc/metadata/identity/oauth2/token"),
                keys: self.folder.path().to_owned(),
            },
        ]
    }
}

async fn ask(
    platform: &Platform,
    selector: Selector,
) -> Result<TokenResponse, ManagedIdentityError> {
    let http = HttpClient::new(&FetchDefinition::default()).unwrap();
    let platform = platform.clone();
    let identity = ManagedIdentity { platform, selector };
    identity
        .token_after(&http, GRAPH, UnixTime::now(), AT_ONCE)
        .await
}

/// The application that a token was given to.
fn whose(response: &TokenResponse) -> String {
    use base64::Engine as _;
    let payload = response.access_token.expose().split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["aud"], GRAPH);
    claims["appid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_platform_gives_its_own_identity_and_those_that_are_named() {
    let scene = scene();
    let (object, resource) = scene.machine.ids(ASSIGNED).unwrap();
    let selectors = [
        Selector::ClientId(ASSIGNED.parse().unwrap()),
        Selector::ObjectId(object.parse().unwrap()),
        Selector::ResourceId(resource.unwrap()),
    ];
    for platform in scene.platforms() {
        let own = ask(&platform, Selector::Own).await;
        let own = own.unwrap_or_else(|why| panic!("{platform}: {why}"));
        assert_eq!(whose(&own), OWN, "{platform}");
        let left = UnixTime::now().until(own.expires_at).as_secs();
        assert!((86_000..86_400).contains(&left), "{platform}: {left}");
        let renewed = UnixTime::now().until(own.refresh_at.unwrap()).as_secs();
        assert!((43_000..43_201).contains(&renewed), "{platform}: {renewed}");
        for selector in selectors.iter().filter(|it| platform.fits(it).is_ok()) {
            let named = ask(&platform, selector.clone()).await;
            let named = named.unwrap_or_else(|why| panic!("{platform} {selector}: {why}"));
            assert_eq!(whose(&named), ASSIGNED, "{platform} {selector}");
        }
    }
}

#[tokio::test]
async fn what_passes_is_asked_again_a_few_times() {
    let scene = scene();
    let [platform, ..] = scene.platforms();
    // status, how often, Retry-After: how many questions, whether a token came, how long to wait else
    #[rustfmt::skip]
    let cases = [
        (404, 3, None, 4, Ok(())),
        (408, 1, None, 2, Ok(())),
        (429, 1, Some("0"), 2, Ok(())),
        (500, 3, None, 4, Ok(())),
        (504, 2, None, 3, Ok(())),
        (503, 4, None, 4, Err(None)),
        (429, 1, Some("60"), 1, Err(Some(60))),
        (429, 1, Some("999999"), 1, Err(Some(3600))),
        // Up to 70 seconds: nobody waits for that with a request in hand.
        (410, 1, None, 1, Err(Some(10))),
        (410, 1, Some("20"), 1, Err(Some(20))),
    ];
    for (status, times, retry_after, questions, outcome) in cases {
        let before = scene.machine.door().requests();
        scene.machine.door().fail_next(times, status, retry_after);
        let got = ask(&platform, Selector::Own).await;
        scene.machine.door().heal();
        assert_eq!(
            scene.machine.door().requests() - before,
            questions,
            "{status}"
        );
        match (got, outcome) {
            (Ok(_), Ok(())) => {}
            (Err(ManagedIdentityError::Unavailable { again_in, .. }), Err(wait)) => {
                assert_eq!(again_in.map(|wait| wait.as_secs()), wait, "{status}");
            }
            (got, _) => panic!("{status}: {got:?}"),
        }
    }
    for status in [400, 401, 403, 405, 302, 204] {
        let before = scene.machine.door().requests();
        scene.machine.door().fail_next(1, status, None);
        let got = ask(&platform, Selector::Own).await;
        assert!(
            !matches!(got, Ok(_) | Err(ManagedIdentityError::Unavailable { .. })),
            "{status}"
        );
        assert_eq!(scene.machine.door().requests() - before, 1, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let scene = scene();
    let stranger = Selector::ClientId("33333333-0b1f-4c3d-9e5a-6f7081920a1b".parse().unwrap());
    let empty = || {
        let contoso = Contoso::with_key(SigningKey::shared().unwrap());
        Machine::new(contoso.issuer, Contoso::MAIL_TENANT)
    };
    let several = empty().with_assigned(OWN, "a").with_assigned(ASSIGNED, "b");
    let doors = [empty(), several].map(|it| serve(bind(0).unwrap(), None, Arc::new(it)).unwrap());
    let [bare_machine, several_machine] = doors.each_ref().map(|door| Platform::VirtualMachine {
        endpoint: url(&format!("{}/metadata/identity/oauth2/token", door.base())),
    });
    let [machine, app_service, fabric, _, _, arc] = scene.platforms();
    let with_header = |platform: &Platform| match platform.clone() {
        Platform::AppService { endpoint, .. } => Platform::AppService {
            endpoint,
            header: Secret::new("another header".to_owned()),
        },
        Platform::ServiceFabric {
            endpoint,
            thumbprint,
            ..
        } => Platform::ServiceFabric {
            endpoint,
            header: Secret::new("another header".to_owned()),
            thumbprint,
        },
        other => other,
    };
    #[rustfmt::skip]
    let cases = [
        (machine, stranger.clone(), "400 invalid_request: no identity of client_id 33333333", "it says: Identity not found"),
        (bare_machine, Selector::Own, "no identity of its own, or several", "it says: Identity not found"),
        (several_machine, Selector::Own, "name one by `client_id`", "Multiple user assigned identities exist"),
        (app_service.clone(), stranger.clone(), "400: no identity of client_id", "No User Assigned or Delegated"),
        (with_header(&app_service), Selector::Own, "401: it does not take this process's IDENTITY_HEADER", "identity header"),
        (with_header(&fabric), Selector::Own, "400 SecretHeaderNotFound", "Secret is not found"),
        (arc, stranger, "no identity of client_id", "Identity not found"),
    ];
    for (platform, selector, ours, theirs) in cases {
        let why = ask(&platform, selector).await.unwrap_err();
        assert!(
            matches!(why, ManagedIdentityError::Refused(_)),
            "{platform}: {why}"
        );
        let told = why.to_string();
        assert!(told.contains(ours) && told.contains(theirs), "{told}");
        assert!(!told.contains("another header"), "{told}");
    }
}

#[tokio::test]
async fn a_server_with_another_certificate_is_shown_nothing() {
    let scene = scene();
    let [_, _, fabric, ..] = scene.platforms();
    let Platform::ServiceFabric {
        endpoint, header, ..
    } = fabric
    else {
        panic!("{fabric}");
    };
    let platform = Platform::ServiceFabric {
        endpoint,
        header,
        thumbprint: Thumbprint([7; 20]),
    };
    let why = ask(&platform, Selector::Own).await.unwrap_err().to_string();
    assert!(
        why.contains("another certificate than the thumbprint says"),
        "{why}"
    );
    assert_eq!(scene.machine.door().requests(), 0);
}

#[tokio::test]
async fn arcs_agent_is_shown_its_key_and_nothing_else() {
    let scene = scene();
    let [.., arc] = scene.platforms();
    let outside = tempfile::tempdir().unwrap();
    let stolen = outside.path().join("secret.key");
    std::fs::write(&stolen, "stolen").unwrap();
    scene
        .machine
        .behave(|it| it.arc_key = Some((stolen, "stolen".to_owned())));
    let why = ask(&arc, Selector::Own).await.unwrap_err().to_string();
    assert!(why.contains("nothing was shown"), "{why}");
    assert_eq!(
        scene.machine.door().requests(),
        1,
        "and nothing is asked again"
    );
    assert!(
        scene
            .machine
            .last()
            .unwrap()
            .header("authorization")
            .is_none()
    );

    let key = scene.folder.path().join("one.key");
    scene
        .machine
        .behave(|it| it.arc_key = Some((key.clone(), "another key".to_owned())));
    let why = ask(&arc, Selector::Own).await.unwrap_err().to_string();
    assert!(why.contains("the agent does not take the key"), "{why}");

    // An agent that knows no selectors gives the machine's own token: it is not taken for another's.
    scene.machine.behave(|it| {
        it.arc_key = Some((key, "the-agents-key".to_owned()));
        it.old_agent = true;
    });
    let assigned = Selector::ClientId(ASSIGNED.parse().unwrap());
    let why = ask(&arc, assigned).await.unwrap_err().to_string();
    assert!(why.contains("too old"), "{why}");
    assert_eq!(whose(&ask(&arc, Selector::Own).await.unwrap()), OWN);
}

#[tokio::test]
async fn nobody_there_is_an_outage_that_says_where() {
    let scene = scene();
    let [platform, ..] = scene.platforms();
    let port = scene.plain.address().port();
    scene.plain.stop().await;
    let why = ask(&platform, Selector::Own).await.unwrap_err();
    assert!(
        matches!(
            why,
            ManagedIdentityError::Unavailable { again_in: None, .. }
        ),
        "{why}"
    );
    let told = why.to_string();
    assert!(
        told.contains(&format!("does not answer at 127.0.0.1:{port}")),
        "{told}"
    );
    assert!(told.contains("is this a machine of Azure's"), "{told}");
}

/// What is detected is checked at load; this is the last door.
#[tokio::test]
async fn nobody_else_is_asked() {
    for elsewhere in [
        "http://192.0.2.1/token",
        "https://127.0.0.1/token",
        "http://imds.example/",
    ] {
        let platform = Platform::VirtualMachine {
            endpoint: url(elsewhere),
        };
        let why = ask(&platform, Selector::Own).await.unwrap_err().to_string();
        assert!(
            why.contains("at a loopback or link-local address only"),
            "{why}"
        );
    }
}
