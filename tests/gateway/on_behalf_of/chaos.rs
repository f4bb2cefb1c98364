//! A bad day for those who are acted for: outages, a secret that is rotated late, keys that are, orders, an
//! upstream that refuses. Who has a token that is good is served, as nobody else; and each step costs as many
//! token requests as it must.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Told, World, eventually};
use bearergate::fake::{AppRegistration, Contoso, Response};
use http::StatusCode;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{API, ask, claims, setup, user};

const USERS: u64 = 6;
const SCOPES: u64 = 2;
/// What each user's requests cost where nothing of them is held.
const ALL: u64 = USERS * SCOPES;

struct Day {
    world: Arc<World>,
    asked: u64,
}

impl Day {
    fn tokens(&self) -> Vec<String> {
        let names = (0..USERS).map(|number| format!("user{number}@contoso.example"));
        names.map(|name| user(&self.world, &name).mint()).collect()
    }

    /// Everybody's requests, several at a time; how each ended, by status.
    async fn everybody(&self, tokens: &[String]) -> Vec<u16> {
        let mut callers = JoinSet::new();
        for token in tokens {
            for route in ["/mine/x", "/others/x", "/mine/y"] {
                let (world, token) = (Arc::clone(&self.world), token.clone());
                callers.spawn(async move {
                    let reply = ask(&world, route, &token).await;
                    let is_whole = reply.status == 200;
                    assert!(
                        !is_whole || reply.text() == claims(&token)["oid"].as_str().unwrap(),
                        "somebody else's"
                    );
                    reply.status
                });
            }
        }
        callers.join_all().await
    }

    async fn all_are_served(&self, tokens: &[String], when: &str) {
        let answers = self.everybody(tokens).await;
        assert!(answers.iter().all(|it| *it == 200), "{when}: {answers:?}");
    }

    /// How many token requests were made since this was asked last.
    fn cost(&mut self) -> u64 {
        let all = self.world.contoso.issuer.token_requests();
        all - std::mem::replace(&mut self.asked, all)
    }

    fn secret(&self, secret: &str) {
        let issuer = &self.world.contoso.issuer;
        issuer.register(|registry| {
            registry.with_app_changed(API, |_| {
                let graph = bearergate::fake::ApiRegistration::GRAPH;
                let app = AppRegistration::new(API).in_tenant(Contoso::CALC_TENANT);
                app.secret(secret)
                    .delegated(graph, "Mail.Read")
                    .delegated(graph, "User.Read")
            })
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_has_a_token_that_is_good_is_served_whatever_happens() {
    let stubborn = Arc::new(AtomicBool::new(false));
    let (minds, refused) = (Arc::clone(&stubborn), Mutex::new(Vec::new()));
    let (_, upstream) = Told::open(move |request| {
        let sent = claims(request.header("authorization").unwrap_or_default());
        let mut refused = refused.lock();
        // Each token that comes while it minds is refused from then on.
        if minds.load(Ordering::SeqCst)
            && !refused.contains(&sent["uti"])
            && refused.len() < ALL as usize
        {
            refused.push(sent["uti"].clone());
        }
        if refused.contains(&sent["uti"]) {
            return Response::empty(StatusCode::UNAUTHORIZED);
        }
        let oid = sent["oid"].as_str().unwrap_or_default().to_owned();
        Response::of(StatusCode::OK, "text/plain", oid.into_bytes())
    });
    let setup = setup().fill("UPSTREAM", upstream.base());
    let setup = setup.put("/identities/api", "tokens: { cool_down: 1s }");
    let world = Arc::new(setup.ready().await);
    let mut day = Day { world, asked: 0 };
    let tokens = day.tokens();
    day.all_are_served(&tokens, "in the morning").await;
    assert_eq!(day.cost(), ALL, "one for each user and scope");

    // Entra is away, and the secret is rotated there before it is here: who was served is.
    let issuer = day.world.contoso.issuer.clone();
    issuer.token_endpoint().fail_next(u32::MAX, 503, None);
    day.all_are_served(&tokens, "during an outage").await;
    issuer.token_endpoint().heal();
    day.secret("another-secret-of-the-api");
    day.all_are_served(&tokens, "while the secret is another one")
        .await;
    assert_eq!(day.cost(), 0);
    let stranger = user(&day.world, "stranger@contoso.example").mint();
    let reply = ask(&day.world, "/mine/x", &stranger).await;
    assert_eq!(reply.status, 502, "who is new is not served by the old one");
    day.all_are_served(&tokens, "and that is the stranger's trouble alone")
        .await;
    day.cost();

    // The file has it too. What was had with the old one is not carried on.
    std::fs::write(day.world.path("api.secret"), "another-secret-of-the-api").unwrap();
    let config = day.world.config();
    day.world.gateway.reload(config).await.unwrap();
    day.all_are_served(&tokens, "after the reload").await;
    // The application's own is asked for ahead of its first caller.
    assert_eq!(day.cost(), ALL + 1);
    assert_eq!(ask(&day.world, "/mine/x", &stranger).await.status, 200);

    // Users' clients come with new tokens, by a key that was published meanwhile.
    issuer.add_key().unwrap();
    let fresh = day.tokens();
    eventually("the key is fetched", async || {
        ask(&day.world, "/mine/x", &fresh[0]).await.status == 200
    })
    .await;
    day.all_are_served(&fresh, "with new tokens").await;
    day.all_are_served(&tokens, "and with those from before")
        .await;
    assert_eq!(
        day.cost(),
        ALL + 1,
        "the stranger's, and new ones for new ones"
    );

    // Somebody purges while Entra is away: nobody is served by what is to be forgotten.
    issuer.token_endpoint().fail_next(u32::MAX, 503, None);
    let order = "POST /tokens/purge HTTP/1.1\r\nHost: localhost\r\nX-Bearergate-Order: yes\r\n\r\n";
    assert_eq!(day.world.gateway.raw("admin", order).await.status, 202);
    let answers = day.everybody(&fresh).await;
    assert!(answers.iter().all(|it| *it == 503), "{answers:?}");
    issuer.token_endpoint().heal();
    eventually("the pause ends", async || {
        let answers = day.everybody(&fresh).await;
        answers.iter().all(|it| *it == 200)
    })
    .await;
    day.cost();

    // An upstream takes none of them any more: each is replaced once, for its user.
    stubborn.store(true, Ordering::SeqCst);
    let answers = day.everybody(&fresh).await;
    let served = answers.iter().filter(|it| **it == 200).count() as u64;
    assert!(
        answers.iter().all(|it| [200, 502].contains(it)),
        "{answers:?}"
    );
    assert!(served >= USERS, "{answers:?}");
    assert!(day.cost() <= ALL, "no storm");
    day.all_are_served(&fresh, "at night").await;
    assert_eq!(day.cost(), 0);
}
