//! Another configuration under a running gateway: what is defined as before lives on, what is new
//! holds from the next request, and what cannot be changed is refused by name.

use bearergate::app::{ReloadError, Reloaded};
use bearergate::fake::{Contoso, Neighbourhood, Ports, SigningKey};

use crate::support::origin::Origin;
use crate::support::{API_KEY, Connection, Gateway};

const FILE: &str = include_str!("../fixtures/reload.yaml");
const MORE: &str = "
  - id: more
    listener: apis
    match: { path: /more/** }
    callers: public
    upstream: { url: \"ECHO\" }
";

struct World {
    contoso: Contoso,
    doors: Neighbourhood,
    gateway: Gateway,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let contoso = Contoso::with_key(SigningKey::shared().unwrap());
        let doors = contoso.open(Ports::default(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name, text| std::fs::write(folder.path().join(name), text).unwrap();
        write("mail.secret", contoso.mail_secret.expose().as_str());
        write("payroll.key", API_KEY);
        let gateway = Gateway::start(&placed(FILE, &doors), folder.path()).await;
        gateway.ready().await;
        Self {
            contoso,
            doors,
            gateway,
            folder,
        }
    }

    fn reload(&self, text: &str) -> Result<Reloaded, ReloadError> {
        let text = placed(text, &self.doors);
        self.gateway.reload(&text, self.folder.path())
    }

    async fn ask(&self, path: &str) -> u16 {
        let token = self.contoso.issuer.token(Contoso::CALC_TENANT);
        let token = token.audience(Contoso::CALC_API);
        let token = token.client(Contoso::CALC_CLIENT).role(Contoso::CALC_ROLE);
        let header = if path.starts_with("/calc") {
            format!("Authorization: Bearer {}", token.mint())
        } else {
            format!("X-Api-Key: {API_KEY}")
        };
        self.gateway.get("apis", path, &[header]).await.status
    }

    /// How often keys and tokens were asked for.
    fn fetches(&self) -> (u64, u64) {
        let issuer = &self.contoso.issuer;
        (issuer.key_fetches(), issuer.token_requests())
    }
}

fn placed(text: &str, doors: &Neighbourhood) -> String {
    let text = text.replace("ISSUER", &doors.issuer.base());
    text.replace("ECHO", &doors.echo.base())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_comes_and_goes_with_the_next_request_and_the_rest_lives_on() {
    let world = World::start().await;
    for (path, status) in [
        ("/calc/v1/add/1/1", 200),
        ("/mail/x", 200),
        ("/more/x", 404),
    ] {
        assert_eq!(world.ask(path).await, status, "{path}");
    }
    assert_eq!(world.fetches(), (1, 1));

    let told = world.reload(&format!("{FILE}{MORE}")).unwrap();
    assert_eq!(
        (told.new, told.gone),
        (vec!["routes.more".to_owned()], vec![])
    );
    for kept in [
        "issuers.contoso",
        "routes.calc",
        "routes.mail",
        "routes.open",
    ] {
        assert!(told.kept.iter().any(|it| it == kept), "{:?}", told.kept);
    }
    for path in ["/more/x", "/calc/v1/add/1/1", "/mail/x"] {
        assert_eq!(world.ask(path).await, 200, "{path}");
    }
    assert_eq!(
        world.fetches(),
        (1, 1),
        "keys and token are those of before"
    );

    let told = world.reload(FILE).unwrap();
    assert_eq!(
        (told.new, told.gone),
        (vec![], vec!["routes.more".to_owned()])
    );
    assert_eq!(world.ask("/more/x").await, 404);
    let counted = "bearergate_requests_total{outcome=\"allowed\",reason=\"\",route=\"calc\"}";
    assert_eq!(world.gateway.metric(counted).await, Some(2.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_defined_otherwise_is_made_anew_and_nothing_else() {
    let world = World::start().await;
    for path in ["/calc/v1/add/1/1", "/mail/x"] {
        assert_eq!(world.ask(path).await, 200, "{path}");
    }
    // The issuer's leeway is its own affair; the routes that name it hang on it.
    let other = FILE.replace(
        "authority: \"ISSUER\" } }\nidentities",
        "authority: \"ISSUER\" }, leeway: 30s }\nidentities",
    );
    let told = world.reload(&other).unwrap();
    assert_eq!(told.new, ["issuers.contoso", "routes.calc"]);
    assert_eq!(told.gone, told.new);
    for path in ["/calc/v1/add/1/1", "/mail/x"] {
        assert_eq!(world.ask(path).await, 200, "{path}");
    }
    assert_eq!(world.fetches(), (2, 1));

    // What fetches by another client cannot be the same part.
    let told = world.reload(&format!("{other}fetch: {{ timeout: 9s }}\n"));
    let told = told.unwrap();
    assert!(told.kept.iter().all(|it| !it.starts_with("issuers")));
    for path in ["/calc/v1/add/1/1", "/mail/x"] {
        assert_eq!(world.ask(path).await, 200, "{path}");
    }
    assert_eq!(world.fetches(), (3, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_ends_on_the_plan_it_began_with() {
    let world = World::start().await;
    let origin = Origin::open().await;
    let moved = FILE.replace(
        "callers: public\n    upstream: { url: \"ECHO\" }",
        &format!(
            "callers: public\n    upstream: {{ url: \"{}\" }}",
            origin.url()
        ),
    );
    let told = world.reload(&moved).unwrap();
    assert!(told.new.contains(&"routes.open".to_owned()), "{told:?}");
    let mut caller = Connection::open(world.gateway.address("apis")).await;
    caller
        .send("GET /open/x HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();

    let without: Vec<_> = FILE.split("  - id: open").take(1).collect();
    world.reload(without[0]).unwrap();
    assert_eq!(world.ask("/open/x").await, 404);
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    let line = &world.gateway.lines(2).await[1];
    assert_eq!(line["route"], "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_a_restart_is_said_by_name_and_changes_nothing() {
    let world = World::start().await;
    let more = format!("{FILE}{MORE}");
    for (written, other, named) in [
        (
            "apis: { address: 127.0.0.1:0 }",
            "apis: { address: 127.0.0.2:0 }",
            "listeners.apis",
        ),
        (
            "apis: { address: 127.0.0.1:0 }",
            "apis: { address: 127.0.0.1:0, limits: { connections: 7 } }",
            "listeners.apis",
        ),
        (
            "listeners:\n",
            "listeners:\n  spare: { address: 127.0.0.1:0 }\n",
            "listeners.spare",
        ),
        ("admin: { address: 127.0.0.1:0 }\n", "", "admin"),
        (
            "version: 1\n",
            "version: 1\nthreads: 3\nlog: { level: warn }\n",
            "log, threads",
        ),
    ] {
        let refused = world.reload(&more.replace(written, other)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("only a restart can change {named}")
        );
        assert_eq!(world.ask("/more/x").await, 404);
    }
    let told = world.reload(FILE).unwrap();
    assert_eq!((told.new, told.gone), (vec![], vec![]));
}
