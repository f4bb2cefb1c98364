//! The platform's identities, through the real program in each platform's environment: as the client itself,
//! and as the federated credential of an application.

use std::process::Command;
use std::sync::Arc;

use bearergate::fake::{
    ApiRegistration, AppRegistration, Contoso, KeyPair, Machine, Running, bind, serve,
};
use openssl::hash::MessageDigest;

use super::{claims, setup};
use crate::support::{API_KEY, Connection, GRAPH, Process, Ran, Setup, command, is};

const OWN: &str = "11111111-0b1f-4c3d-9e5a-6f7081920a1b";
pub const ASSIGNED: &str = "22222222-0b1f-4c3d-9e5a-6f7081920a1b";

/// Every variable by which a platform is known.
const VARIABLES: [&str; 10] = [
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "DEFAULT_IDENTITY_CLIENT_ID",
    "AZUREPS_HOST_ENVIRONMENT",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
];

struct Scene {
    setup: Setup,
    machine: Machine,
    plain: Running,
    secure: Running,
    thumbprint: String,
}

/// A machine of that tenant with two identities, and where it answers.
pub fn machine(setup: &Setup, tenant: &str) -> (Machine, Running) {
    let issuer = setup.contoso.issuer.clone();
    for (client, role) in [(OWN, "Mail.Read"), (ASSIGNED, "Mail.Send")] {
        let app = AppRegistration::new(client).in_tenant(tenant);
        let app = app.role(ApiRegistration::GRAPH, role);
        issuer.register(|registry| registry.with_app(app));
    }
    let machine = Machine::new(issuer, tenant)
        .with_own(OWN)
        .with_assigned(ASSIGNED, "mail");
    let plain = serve(bind(0).unwrap(), None, Arc::new(machine.clone())).unwrap();
    (machine, plain)
}

fn scene(setup: Setup) -> Scene {
    let (machine, plain) = machine(&setup, Contoso::MAIL_TENANT);
    let pair = KeyPair::generate("fabric").unwrap();
    let digest = pair.certificate().digest(MessageDigest::sha1()).unwrap();
    let thumbprint = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let secure = serve(bind(0).unwrap(), Some(&pair), Arc::new(machine.clone()));
    Scene {
        plain,
        secure: secure.unwrap(),
        setup,
        machine,
        thumbprint,
    }
}

/// A route whose token is the platform's, and what else is said of which identity.
fn carried(selector: &str) -> Scene {
    scene(
        setup()
            .put(
                "/identities",
                &format!("here: {{ managed_identity: {{ {selector} }} }}"),
            )
            .route("here", "$ECHO", "here", GRAPH),
    )
}

impl Scene {
    /// The variables of each platform that can be had without root, by its name.
    fn environments(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        let (plain, secure) = (self.plain.base(), self.secure.base());
        let header = self.machine.header().expose().clone();
        vec![
            (
                "imds",
                vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", plain.clone())],
            ),
            (
                "app service",
                vec![
                    ("IDENTITY_ENDPOINT", format!("{plain}/msi/token")),
                    ("IDENTITY_HEADER", header.clone()),
                ],
            ),
            (
                "service fabric",
                vec![
                    ("IDENTITY_ENDPOINT", format!("{secure}/fabric/token")),
                    ("IDENTITY_HEADER", header.clone()),
                    ("IDENTITY_SERVER_THUMBPRINT", self.thumbprint.clone()),
                ],
            ),
            (
                "machine learning",
                vec![
                    ("MSI_ENDPOINT", format!("{plain}/ml/token")),
                    ("MSI_SECRET", header),
                ],
            ),
            (
                "cloud shell",
                vec![("MSI_ENDPOINT", format!("{plain}/shell/oauth2/token"))],
            ),
        ]
    }
}

/// The program in that environment, and nothing of this one's that tells of a platform.
pub fn within<'c>(command: &'c mut Command, variables: &[(&str, String)]) -> &'c mut Command {
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)))
}

fn run_within(arguments: &[&str], variables: &[(&str, String)]) -> Ran {
    Ran::of(within(&mut command(arguments), variables).output().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_carries_the_token_of_every_platform() {
    let mut scene = carried("");
    // No proxy is between a platform and what runs on it.
    scene.setup.add("/fetch", "proxy: http://127.0.0.1:1");
    let config = scene.setup.written();
    for (name, variables) in scene.environments() {
        let mut process = Process::serve_as(&config, |command| {
            within(command, &variables);
        })
        .await;
        let mut connection = Connection::open(process.address("legacy")).await;
        let request = format!("GET /here/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\n\r\n");
        connection.send(request).await;
        let reply = connection.reply().await.unwrap();
        assert_eq!(
            reply.status,
            200,
            "{name}: {}{}",
            reply.text(),
            process.log()
        );
        let claims = claims(&scene.setup.echoed("authorization"));
        assert_eq!(claims["appid"], OWN, "{name}");
        assert_eq!(claims["roles"][0], "Mail.Read", "{name}");
        process.signal("TERM");
        process.ended().await;
        let header = scene.machine.header().expose();
        assert!(!process.log().contains(header), "{name}: {}", process.log());
    }
    // The machine's own identity comes without a word of who it is.
    assert_eq!(scene.machine.door().requests(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_platform_refuses_is_a_sentence_in_the_log_and_a_word_to_the_caller() {
    let scene = carried("client_id: 33333333-0b1f-4c3d-9e5a-6f7081920a1b");
    let config = scene.setup.written();
    let variables = &scene.environments()[0].1;
    let process = Process::serve_as(&config, |command| {
        within(command, variables);
    })
    .await;
    let mut connection = Connection::open(process.address("legacy")).await;
    let request = format!("GET /here/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\n\r\n");
    connection.send(&request).await;
    let reply = connection.reply().await.unwrap();
    assert_eq!(reply.verdict(), is(502, "token_refused"));
    assert!(!reply.text().contains("33333333"), "{}", reply.text());
    process.says("no identity of client_id 33333333").await;

    // While the service is being upgraded callers are told at once, and it is asked again by and by.
    let scene = carried("");
    scene.machine.door().fail_next(1, 410, None);
    let config = scene.setup.written();
    let variables = &scene.environments()[0].1;
    let process = Process::serve_as(&config, |command| {
        within(command, variables);
    })
    .await;
    process.says("is being upgraded").await;
    let mut connection = Connection::open(process.address("legacy")).await;
    connection.send(&request).await;
    let reply = connection.reply().await.unwrap();
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((5..=15).contains(&wait), "{wait}");
    assert_eq!(scene.machine.door().requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_platform_cannot_give_is_refused_at_load() {
    let scene = carried(&format!("client_id: {ASSIGNED}"));
    let config = scene.setup.written();
    let environments = scene.environments();
    for (name, variables) in &environments {
        let ran = run_within(&["check", &config], variables);
        match *name {
            "service fabric" => drop(ran.ends(2).says(&[
                "this runs on Service Fabric: Service Fabric gives each application the identity",
                "write `managed_identity: {}` there",
            ])),
            "cloud shell" => drop(
                ran.ends(2)
                    .says(&["the token of the user who is signed in"]),
            ),
            _ => drop(
                ran.ends(0)
                    .says(&["here's, for https://graph.microsoft.com"]),
            ),
        }
    }
    let elsewhere = [
        ("IDENTITY_ENDPOINT", "http://10.0.0.1/msi/token".to_owned()),
        ("IDENTITY_HEADER", "x".to_owned()),
    ];
    run_within(&["check", &config], &elsewhere)
        .ends(2)
        .says(&["the variable IDENTITY_ENDPOINT leads off this machine"]);
    let text = [
        (
            "IDENTITY_ENDPOINT",
            format!("{}/msi/token", scene.plain.base()),
        ),
        ("IDENTITY_HEADER", "one\ntwo".to_owned()),
    ];
    run_within(&["check", &config], &text)
        .ends(2)
        .says(&["environment variable IDENTITY_HEADER has several lines"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_than_service_fabrics_is_asked_nothing() {
    let scene = carried("");
    let config = scene.setup.written();
    let environments = scene.environments();
    let (_, variables) = environments
        .iter()
        .find(|it| it.0 == "service fabric")
        .unwrap();
    let mut variables = variables.clone();
    variables[2].1 = "ab".repeat(20);
    run_within(&["token", &config, "-i", "here", "-s", GRAPH], &variables)
        .ends(1)
        .says(&["another certificate than the thumbprint says"]);
    assert_eq!(
        scene.machine.door().requests(),
        0,
        "and no header reached it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_tell_whose_token_it_is() {
    let scene = carried(&format!("client_id: {ASSIGNED}"));
    let config = scene.setup.written();
    let variables = &scene.environments()[0].1;
    run_within(&["token", &config, "-i", "here", "-s", GRAPH], variables)
        .ends(0)
        .says(&[ASSIGNED, "Mail.Send"]);
    run_within(&["check", "--online", &config], variables)
        .ends(0)
        .says(&["ok  token of here for https://graph.microsoft.com/.default"]);
    // Nobody knows another cloud's, or a mistyped, resource.
    run_within(
        &[
            "token",
            &config,
            "-i",
            "here",
            "-s",
            "https://graph.example/.default",
        ],
        variables,
    )
    .ends(1)
    .says(&["AADSTS500011", "check the App ID URI"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_trusts_it_is_proven_by_it() {
    let credential = format!("managed_identity: {{ client_id: {ASSIGNED} }}");
    let both = format!("{credential}, secret: {{ file: mail.secret }}");
    let both = both.replace(", secret", "}, {secret");
    let scene = scene(
        setup()
            .identity_with("app", "$ISSUER", &format!("{{ {credential} }}"))
            .identity_with("either", "$ISSUER", &format!("{{ {both} }}")),
    );
    let config = scene.setup.written();
    let variables = &scene.environments()[0].1;
    let token = |identity: &str, variables: &[(&str, String)]| {
        run_within(&["token", &config, "-i", identity, "-s", GRAPH], variables)
    };
    let issuer = &scene.setup.contoso.issuer;
    // The registration knows nothing of it yet: the next credential is used, where there is one.
    token("app", variables).ends(1).says(&[
        "AADSTS70021",
        "no federated credential of the app registration fits",
    ]);
    token("either", variables).ends(0);
    assert!(
        issuer
            .last_token_request()
            .unwrap()
            .field("client_secret")
            .is_some()
    );

    let (object, _) = scene.machine.ids(ASSIGNED).unwrap();
    let entra = format!(
        "https://login.microsoftonline.com/{}/v2.0",
        Contoso::MAIL_TENANT
    );
    let signer = issuer.signing_key().certificate_der().unwrap();
    issuer.register(|registry| {
        registry.with_app_changed(Contoso::MAIL_CLIENT, |app| {
            let record = (
                entra.as_str(),
                object.as_str(),
                "api://AzureADTokenExchange",
            );
            app.federated(record, &signer).unwrap()
        })
    });
    token("app", variables)
        .ends(0)
        .says(&[Contoso::MAIL_CLIENT, "Mail.Read"]);
    let asked = issuer.last_token_request().unwrap();
    let proof = claims(asked.field("client_assertion").unwrap());
    assert_eq!(
        (proof["azp"].as_str(), proof["sub"].as_str()),
        (Some(ASSIGNED), Some(&*object))
    );
    assert!(asked.field("client_secret").is_none());
    assert!(
        scene
            .machine
            .last()
            .unwrap()
            .target
            .contains("resource=api%3A%2F%2FAzureADTokenExchange&")
    );

    // Where no platform answers, another credential may.
    let nobody = [(
        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        "http://127.0.0.1:1".to_owned(),
    )];
    token("app", &nobody)
        .ends(1)
        .says(&["managed identity: the virtual machine (IMDS) does not answer"]);
    token("either", &nobody).ends(0);
    run_within(&["check", &config], variables).ends(0).says(&[
        "or by a secret",
        &format!("by the managed identity of the virtual machine (IMDS): client_id {ASSIGNED}"),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_of_setup_has_it_trusted_and_gives_it_roles() {
    let credential = format!("managed_identity: {{ client_id: {ASSIGNED} }}");
    let scene = scene(
        setup()
            .identity_with("app", "$ISSUER", &format!("{{ {credential} }}"))
            .put("/identities", &format!("here: {{ managed_identity: {{ client_id: {OWN} }} }}"))
            .put(
                "/routes",
                "id: events\nlistener: legacy\nmatch: { path: '/users/{mailbox}/events', methods: [GET] }\n\
                 callers: [api_key: { id: payroll, key: { file: payroll.key } }]\nupstream: { url: $ECHO }\n\
                 token: { identity: here, scope: 'https://graph.microsoft.com/.default', allow_host_mismatch: true }",
            ),
    );
    let variables = &scene.environments()[0].1;
    let client = Contoso::MAIL_CLIENT;
    run_within(&["setup", "entra", &scene.setup.written()], variables)
        .ends(0)
        .says(&[
            &format!("subject=$(principal {ASSIGNED})\ntrust {client} bearergate-app https://login.microsoftonline.com/{}/v2.0 \"$subject\" api://AzureADTokenExchange", Contoso::MAIL_TENANT),
            &format!("grant {OWN} 00000003-0000-0000-c000-000000000000 Calendars.Read"),
            "What mail needs of https://graph.microsoft.com is for you to say",
        ]);
}
