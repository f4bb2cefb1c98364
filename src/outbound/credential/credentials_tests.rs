use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::entra::{Dialect, Endpoint, Grant};
use crate::fake::{Intake, Origin, Request, Response, Running, bind, serve};
use crate::http_client::{FetchDefinition, HttpClient};
use crate::outbound::SecretCredential;
use crate::reason::Reason;
use crate::secret::Secret;

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
const HOUR: u64 = 3600;

/// A token endpoint that gives each secret the answer that stands for it, and notes who came.
#[derive(Default)]
struct Door {
    answers: Mutex<Vec<(&'static str, u16, Value)>>,
    came: Mutex<Vec<String>>,
}

impl Door {
    fn answer(&self, secret: &'static str, status: u16, body: Value) {
        let mut answers = self.answers.lock();
        answers.retain(|(known, ..)| *known != secret);
        answers.push((secret, status, body));
    }

    fn refuse(&self, secret: &'static str, error: &str, code: u64) {
        self.answer(
            secret,
            401,
            json!({ "error": error, "error_codes": [code] }),
        );
    }

    fn take(&self, secret: &'static str) {
        let token = json!({ "token_type": "Bearer", "access_token": "a.b.c", "expires_in": 3600 });
        self.answer(secret, 200, token);
    }

    fn came(&self) -> Vec<String> {
        std::mem::take(&mut self.came.lock())
    }
}

impl Origin for Door {
    fn intake(&self) -> Intake {
        Intake::Whole(4096)
    }

    fn answer(&self, request: &Request) -> Response {
        assert_eq!(request.method, Method::POST);
        let form = url::form_urlencoded::parse(&request.body.kept);
        let secret = form.into_owned().find(|(name, _)| name == "client_secret");
        let secret = secret.map(|(_, value)| value).unwrap_or_default();
        let answers = self.answers.lock();
        let known = answers.iter().find(|(known, ..)| *known == secret);
        let (_, status, body) = known.unwrap_or_else(|| panic!("nobody expects {secret}"));
        self.came.lock().push(secret);
        Response::json(StatusCode::from_u16(*status).unwrap(), body)
    }
}

struct World {
    door: Arc<Door>,
    running: Running,
    credentials: Credentials,
    http: HttpClient,
}

impl World {
    fn of(secrets: &[&'static str]) -> Self {
        let door = Arc::new(Door::default());
        secrets.iter().for_each(|secret| door.take(secret));
        let secrets = secrets.iter().map(|secret| {
            let secret = SecretCredential::new(Secret::new((*secret).to_owned()));
            CredentialDefinition::Secret(secret)
        });
        Self {
            running: serve(bind(0).unwrap(), None, Arc::clone(&door) as Arc<dyn Origin>).unwrap(),
            credentials: Credentials::new(secrets.collect()),
            door,
            http: HttpClient::new(&FetchDefinition::default()).unwrap(),
        }
    }

    async fn acquire(&self, hours: u64) -> Result<Acquired, TokenRequestError> {
        let request = TokenRequest {
            http: &self.http,
            url: &self.running.base(),
            audience: "",
            dialect: Dialect::Entra(Endpoint::V2),
            client_id: "client",
            scope: "x/.default",
            grant: Grant::ClientCredentials,
            claims: None,
            is_elsewhere: false,
            now: NOW.plus(Duration::from_secs(hours * HOUR)),
        };
        self.credentials.acquire("mail", &request).await
    }

    /// Which of them was taken.
    async fn taken(&self, hours: u64) -> usize {
        self.acquire(hours).await.unwrap().by.place + 1
    }
}

#[tokio::test]
async fn what_is_refused_for_what_it_is_is_followed_by_the_next() {
    for (error, code) in [
        ("invalid_client", 7_000_215),
        ("invalid_client", 7_000_222),
        ("invalid_client", 700_027),
        ("invalid_client", 700_024),
        ("invalid_client", 700_213),
        ("invalid_client", 7_000_214),
        ("invalid_client", 1),
        ("unauthorized_client", 700_016),
    ] {
        let world = World::of(&["one", "two"]);
        world.door.refuse("one", error, code);
        assert_eq!(world.taken(0).await, 2, "{code}");
        assert_eq!(world.door.came(), ["one", "two"]);
    }
}

#[tokio::test]
async fn what_the_next_would_meet_as_well_is_told_at_once() {
    let retry = json!({ "error": "temporarily_unavailable", "error_codes": [90_033] });
    let refused = |error: &str, code: u64| json!({ "error": error, "error_codes": [code] });
    for (status, body, reason) in [
        (429, json!({}), Reason::TokenThrottled),
        (503, json!({}), Reason::TokenUnavailable),
        (400, retry, Reason::TokenUnavailable),
        (200, json!({}), Reason::TokenUnavailable),
        (
            401,
            refused("invalid_client", 700_025),
            Reason::TokenRefused,
        ),
        (
            401,
            refused("unauthorized_client", 7_000_112),
            Reason::TokenRefused,
        ),
        (400, refused("invalid_scope", 70_011), Reason::TokenRefused),
        (400, refused("invalid_grant", 65_001), Reason::TokenRefused),
    ] {
        let world = World::of(&["one", "two"]);
        world.door.answer("one", status, body);
        let error = world.acquire(0).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert_eq!(world.door.came(), ["one"], "{error}");
        let status = world.credentials.status();
        assert!(status.iter().all(|it| it.refused.is_none()), "{status:?}");
    }
}

#[tokio::test]
async fn who_was_refused_rests_and_is_tried_first_again_later() {
    let world = World::of(&["one", "two"]);
    world.door.refuse("one", "invalid_client", 7_000_222);
    assert_eq!(world.taken(0).await, 2);
    assert_eq!(world.door.came(), ["one", "two"]);
    for hour in [1, 2, 3] {
        assert_eq!(world.taken(hour).await, 2);
        assert_eq!(world.door.came(), ["two"], "not at each renewal");
    }
    assert_eq!(world.taken(4).await, 2);
    assert_eq!(
        world.door.came(),
        ["one", "two"],
        "it was looked after again"
    );
    world.door.take("one");
    assert_eq!(world.taken(7).await, 2);
    assert_eq!(world.taken(8).await, 1);
    assert_eq!(world.taken(9).await, 1);
    assert_eq!(world.door.came(), ["two", "one", "one"]);
    assert_eq!(world.credentials.status()[0].refused, None);
}

#[tokio::test]
async fn who_rests_is_tried_all_the_same_where_nobody_else_does() {
    let world = World::of(&["one", "two"]);
    world.door.refuse("one", "invalid_client", 7_000_222);
    assert_eq!(world.taken(0).await, 2);
    world.door.take("one");
    world.door.refuse("two", "invalid_client", 7_000_222);
    assert_eq!(world.taken(1).await, 1, "an hour later both have changed");
    assert_eq!(world.door.came(), ["one", "two", "two", "one"]);
    world.door.refuse("one", "invalid_client", 7_000_215);
    let error = world.acquire(2).await.unwrap_err();
    assert!(
        error.to_string().contains("7000222"),
        "of the last: {error}"
    );
    assert_eq!(world.door.came(), ["one", "two"]);
}

#[tokio::test]
async fn what_has_become_of_each_is_told() {
    let world = World::of(&["one", "two", "three"]);
    let told = |world: &World| {
        let status = world.credentials.status().into_iter();
        let told = status.map(|it| (it.number, it.is_in_use, it.refused.map(|it| it.since)));
        told.collect::<Vec<_>>()
    };
    let fresh = [(1, false, None), (2, false, None), (3, false, None)];
    assert_eq!(told(&world), fresh);
    world.door.refuse("one", "invalid_client", 7_000_222);
    let acquired = world.acquire(0).await.unwrap();
    let why = acquired.by.passed_over.unwrap();
    assert!(
        why.contains("AADSTS7000222: the client secret has expired"),
        "{why}"
    );
    let refused = [(1, false, Some(NOW)), (2, true, None), (3, false, None)];
    assert_eq!(told(&world), refused);
    let renewed = world.acquire(1).await.unwrap();
    assert_eq!(renewed.by.passed_over, Some(why), "also of the next token");
    world.acquire(5).await.unwrap();
    assert_eq!(told(&world), refused, "since it was refused first");
    let same = world.credentials.clone();
    assert_eq!(same, world.credentials);
    assert_eq!(same.status(), world.credentials.status(), "clones share it");
    let anew = Credentials::new(world.credentials.iter().cloned().collect());
    assert_eq!(anew, world.credentials, "it is no part of what is compared");
    assert!(anew.status().iter().all(|it| it.refused.is_none()));
}

#[tokio::test]
async fn who_has_none_gets_no_token() {
    let error = World::of(&[]).acquire(0).await.unwrap_err();
    assert_eq!(error, TokenRequestError::NoCredential);
}
