//! Three hours of trouble for three replicas, compressed: tokens of an hour, outages and throttling of the
//! token endpoint, a credential that ends, Redis lost, restarts. The clock is an argument, all else is
//! real. Nobody is refused while there is a valid token that they can reach, and the token endpoint is
//! asked no more often than the model says.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bearergate::clock::UnixTime;
use bearergate::entra::{Authority, Cloud, Endpoint};
use bearergate::http_client::{FetchDefinition, HttpClient};
use bearergate::outbound::{
    AppTokens, ClientDefinition, CredentialDefinition, Credentials, EntraClient,
    IdentityDefinition, SecretCredential, TokenSource, TokenTimes, Wanted,
};
use bearergate::secret::Secret;
use bearergate::store::{RedisDefinition, StateKey, Store, StoreDefinition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Redis, eventually};

/// When it begins: long ago, so that no real clock's time is one of these.
const BEGIN: u64 = 1_000_000;
/// Between two requests of each replica, in seconds.
const STEP: u64 = 5;
const LIFE: u64 = 3600;
const COOL_DOWN: u64 = 30;
/// What has less left is handed to nobody.
const MARGIN: u64 = 5;

/// What the token endpoint does, and when.
#[derive(Default)]
struct Entra {
    now: AtomicU64,
    /// From, until: it answers 500.
    outages: Vec<(u64, u64)>,
    /// The first secret is taken for expired between these.
    expired: (u64, u64),
    /// Then and for so long it answers 429 to whoever asks.
    throttles: (u64, u64),
    given: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Entra {
    fn is_away(&self, now: u64) -> bool {
        let mut outages = self.outages.iter();
        outages.any(|(from, until)| (*from..*until).contains(&now))
    }

    fn answer(&self, form: &str) -> (u16, String, String) {
        let now = self.now.load(Ordering::SeqCst);
        if self.is_away(now) {
            self.failed.fetch_add(1, Ordering::SeqCst);
            return (500, String::new(), "{}".to_owned());
        }
        if (self.throttles.0..self.throttles.0 + self.throttles.1).contains(&now) {
            self.failed.fetch_add(1, Ordering::SeqCst);
            let wait = format!("retry-after: {}\r\n", self.throttles.1);
            return (429, wait, "{}".to_owned());
        }
        if form.contains("client_secret=first") && (self.expired.0..self.expired.1).contains(&now) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: x","error_codes":[7000222]}"#;
            return (401, String::new(), body.to_owned());
        }
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        let body = format!(
            r#"{{"token_type":"Bearer","access_token":"a.{number}.c","expires_in":{LIFE}}}"#
        );
        (200, String::new(), body)
    }

    async fn open(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let entra = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&entra).serve(socket));
            }
        });
        base
    }

    async fn serve(self: Arc<Self>, mut socket: TcpStream) {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if body.len() >= length {
                    let (status, more, answer) = self.answer(body);
                    let length = answer.len();
                    let answer = format!(
                        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\n{more}content-length: {length}\r\n\r\n{answer}"
                    );
                    let _ = socket.write_all(answer.as_bytes()).await;
                    return;
                }
            }
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }
}

struct Replica {
    tokens: Arc<AppTokens>,
    store: Arc<Store>,
}

impl Replica {
    fn start(entra: &str, redis: &Redis, file: &Path, now: UnixTime) -> Self {
        let definition = StoreDefinition {
            key: StateKey::new(Secret::new([7; 32])),
            file: Some(file.to_owned()),
            redis: Some(RedisDefinition {
                url: redis.url().parse().unwrap(),
                database: 0,
                user: None,
                password: None,
                // As long as it takes where many tests run at once: who has waited in vain asks there no more
                // for a second, in which an hour's minutes pass here.
                timeout: Duration::from_secs(20),
                ca_pem: None,
            }),
        };
        let store = Store::open(&definition, now).unwrap();
        let secret = |text: &str| {
            CredentialDefinition::Secret(SecretCredential::new(Secret::new(text.to_owned())))
        };
        let tenant = "11111111-aaaa-4bbb-8ccc-222222222222".parse().unwrap();
        let identity = IdentityDefinition {
            name: "mail".into(),
            client: ClientDefinition::Entra(EntraClient {
                authority: Authority::new(Cloud::Public, tenant, Some(&entra.parse().unwrap())),
                client_id: "aaaa0000-1111-4222-8333-444444444444".parse().unwrap(),
                region: None,
                instance: None,
                endpoint: Endpoint::V2,
                capabilities: Vec::new(),
                credentials: Credentials::new(vec![secret("first"), secret("second")]),
            }),
            tokens: TokenTimes {
                cool_down: Duration::from_secs(COOL_DOWN),
                ..TokenTimes::default()
            },
        };
        let http = HttpClient::new(&FetchDefinition::default()).unwrap();
        let source = TokenSource::new(identity, Wanted::of_app("x/.default"), http);
        let source = source.kept_in(&Arc::new(ArcSwapOption::new(Some(Arc::clone(&store)))));
        let tokens = AppTokens::new(source);
        Self { tokens, store }
    }

    fn shares(&self) -> bool {
        let statuses = self.store.statuses();
        statuses.last().unwrap().failure.is_none()
    }

    /// Asks for a token; what it has then, and when that ends.
    async fn ask(&self, now: u64) -> Option<u64> {
        let given = self.tokens.token(UnixTime::from_seconds(now)).await;
        // What began in the background ends at the same moment of the clock.
        eventually("the fetch ends", async || {
            !self.tokens.status().fetch.is_under_way
        })
        .await;
        given.ok().map(|token| token.expires_at.seconds())
    }
}

/// Everything that happens, and what of it was not as it should be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hours_of_trouble_refuse_nobody_for_whom_there_is_a_token() {
    let at = |minutes: u64| BEGIN + 60 * minutes;
    let entra = Arc::new(Entra {
        // One over a renewal, one over two restarts, one past the end of every token.
        outages: vec![(at(53), at(58)), (at(72), at(80)), (at(150), at(175))],
        expired: (at(100), at(140)),
        throttles: (at(112), 60),
        ..Entra::default()
    });
    let base = entra.open().await;
    let mut redis = Redis::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |number: usize| folder.path().join(format!("state-{number}"));
    let start = |redis: &Redis, number: usize, now: u64| {
        Replica::start(&base, redis, &file(number), UnixTime::from_seconds(now))
    };
    let mut replicas: Vec<_> = (0..3).map(|number| start(&redis, number, BEGIN)).collect();
    let reached = async |replicas: &[Replica]| {
        eventually("Redis is reached", async || {
            replicas.iter().all(Replica::shares)
        })
        .await;
    };
    reached(&replicas).await;
    let told: Mutex<Vec<String>> = Mutex::default();
    // When the last token that each replica can reach ends.
    let (mut own, mut shared) = ([0; 3], 0);
    let (mut is_up, mut served, mut refused) = (true, 0, 0);
    for now in (BEGIN..at(180)).step_by(STEP as usize) {
        entra.now.store(now, Ordering::SeqCst);
        let minute = (now - BEGIN) / 60;
        let is_first = (now - BEGIN).is_multiple_of(60);
        match minute {
            // Redis is away while one replica restarts, and Entra too: its file is all that it has.
            70 if is_first => {
                redis.stop();
                is_up = false;
            }
            // Redis is back while another restarts without a file, and Entra is still away.
            74 if is_first => replicas[1] = start(&redis, 1, now),
            77 if is_first => {
                redis.come_back().await;
                reached(&replicas).await;
                is_up = true;
                // What was kept before it went is still there.
                std::fs::remove_file(file(2)).unwrap();
                replicas[2] = start(&redis, 2, now);
                reached(&replicas[2..]).await;
            }
            // It forgets everything; who has a token goes on.
            85 if is_first => {
                redis.clear();
                shared = 0;
            }
            _ => {}
        }
        for (number, replica) in replicas.iter().enumerate() {
            let reachable = own[number].max(if is_up { shared } else { 0 });
            match replica.ask(now).await {
                Some(end) => {
                    served += 1;
                    if end <= now {
                        told.lock()
                            .unwrap()
                            .push(format!("{now}: an old token was sent"));
                    }
                    own[number] = own[number].max(end);
                }
                None => {
                    refused += 1;
                    if reachable > now + 2 * MARGIN {
                        let why = format!(
                            "minute {minute}: replica {number} refused, though a token is good until {reachable}"
                        );
                        told.lock().unwrap().push(why);
                    }
                }
            }
            if is_up && !redis.kept().is_empty() {
                shared = shared.max(own[number]);
            }
        }
    }
    let told = told.into_inner().unwrap();
    assert_eq!(told, Vec::<String>::new());
    let (given, failed) = (&entra.given, entra.failed.load(Ordering::SeqCst));
    let given = given.load(Ordering::SeqCst);
    println!("{served} served, {refused} refused, {given} tokens given, {failed} failures");
    // One at the start; one for each of the renewals near 0:58, 1:53 and 2:47 (in the last outage: at its
    // end), one for all three.
    assert_eq!(given, 4, "tokens that were given");
    // While it fails, each replica asks once in a cool-down, which grows with what the token in hand has
    // left, and never more.
    let outages: u64 = entra.outages.iter().map(|(from, until)| until - from).sum();
    let most = 3 * (outages / COOL_DOWN + 3);
    assert!(failed <= most, "{failed} of {most}");
    // Nobody but in the last outage, when every token had ended.
    assert!(
        refused > 0 && refused <= 3 * (at(175) - at(150)) / STEP,
        "{refused}"
    );
}
