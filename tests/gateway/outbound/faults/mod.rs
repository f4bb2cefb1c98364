//! What comes of each fault of a token endpoint and of an upstream: who is answered what, who is asked how
//! often, and what the log says. One table, which is a page of the documentation: `docs/faults.md`.

mod kinds;
mod server;

use std::path::Path;

use futures_util::stream::{self, StreamExt as _};

use crate::config::BLESS;
use crate::support::{World, eventually};

use self::kinds::Fault;
use self::server::Server;
use super::replayed::begun;
use super::setup;

const PAGE: &str = "docs/faults.md";
/// Some of them wait for a timeout.
const AT_A_TIME: usize = 8;

/// What was seen of one fault.
struct Seen {
    answer: String,
    wait: String,
    tokens: usize,
    requests: usize,
    detail: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_comes_to_what_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let mut page = kept.clone();
    for section in kinds::sections() {
        let table = table(section.faults).await;
        page = with(&page, section.name, &table);
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &page).unwrap();
        return;
    }
    let differs = page.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        page == kept,
        "{PAGE} says otherwise (seen, said): {differs:#?}"
    );
}

/// The page with this table in the place of the one that it has.
fn with(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- faults: {name} -->\n"), "<!-- end -->");
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{PAGE} lacks {begin}"));
    let (_, after) = rest.split_once(end).expect("the table's end");
    format!("{before}{begin}{table}{end}{after}")
}

async fn table(faults: Vec<Fault>) -> String {
    let mut table =
        "| Fault | Answer | `Retry-After` | Token requests | Upstream requests | `detail` |\n"
            .to_owned();
    table.push_str("|---|---|---|---|---|---|\n");
    let names: Vec<_> = faults.iter().map(|fault| fault.name).collect();
    let seen: Vec<_> = stream::iter(faults)
        .map(see)
        .buffered(AT_A_TIME)
        .collect()
        .await;
    for (name, seen) in names.into_iter().zip(seen) {
        let Seen {
            answer,
            wait,
            tokens,
            requests,
            detail,
        } = seen;
        table.push_str(&format!(
            "| {name} | {answer} | {wait} | {tokens} | {requests} | {detail} |\n"
        ));
    }
    table
}

async fn see(fault: Fault) -> Seen {
    let tokens = Server::open(fault.tokens).await;
    let upstream = Server::open(fault.upstream).await;
    let _door = fault.door;
    let issuer = fault.issuer.unwrap_or_else(|| tokens.url());
    let url = fault.url.unwrap_or_else(|| upstream.url());
    let world = setup()
        .fill("ISSUER", issuer.replace("PORT", &tokens.port.to_string()))
        .fill("UPSTREAM", url.replace("PORT", &upstream.port.to_string()))
        .put("/fetch", &format!("timeout: {}", fault.patience))
        .put(
            "/routes/0/upstream",
            &format!("timeouts: {{ response: {} }}", fault.patience),
        )
        .start()
        .await;
    for _ in 0..fault.before {
        assert_eq!(
            world.gateway.ask("/mail/x").await.status,
            200,
            "before {}",
            fault.name
        );
    }
    let asked = (tokens.asked(), upstream.asked());
    let body = "x".repeat(fault.body);
    let request = match fault.method {
        "POST" => begun(fault.body, &body),
        _ => begun(0, "").replace("POST", fault.method),
    };
    let mut caller = world.gateway.connect("legacy").await;
    caller.send(request).await;
    let reply = caller.reply().await;
    let (answer, wait) = match reply {
        None => ("cut off".to_owned(), None),
        Some(reply) => {
            let reason = reply.reason();
            let wait = reply
                .header("retry-after")
                .map(|wait| wait.parse().unwrap());
            let length = reply.header("content-length").map(|it| it.parse().unwrap());
            let is_whole = length.is_none_or(|length: usize| length == reply.body.len());
            let answer = match reason.as_str() {
                "" if !is_whole => format!("{}, cut off", reply.status),
                "" => format!("{}, the upstream's", reply.status),
                reason => format!("{} `{reason}`", reply.status),
            };
            (answer, wait)
        }
    };
    Seen {
        answer,
        wait: wait.map_or("–".to_owned(), about),
        detail: told(&world, fault.before).await,
        tokens: tokens.asked() - asked.0,
        requests: upstream.asked() - asked.1,
    }
}

/// Pauses are in whole seconds, and some of them pass on the way.
fn about(seconds: u64) -> String {
    match seconds {
        0..10 => "seconds".to_owned(),
        _ => format!("{} s", (seconds + 5) / 10 * 10),
    }
}

/// What the access line behind so many others says, without what differs from time to time.
async fn told(world: &World, before: usize) -> String {
    let mut line = serde_json::Value::Null;
    eventually("an access line", async || {
        line = world.gateway.lines(before + 1).await[before].clone();
        true
    })
    .await;
    let Some(detail) = line["detail"].as_str() else {
        return "–".to_owned();
    };
    plain(detail)
}

/// Without addresses, places in OpenSSL's source, and what a system's resolver says in its own words.
fn plain(detail: &str) -> String {
    let mut words = detail.to_owned();
    for (begin, is_inside) in [
        ("127.0.0.1:", char::is_numeric as fn(char) -> bool),
        ("localhost:", char::is_numeric),
        (":ssl/", |sign| sign != ',' && sign != ' '),
        ("lookup address information: ", |_| true),
    ] {
        while let Some(place) = words.find(begin) {
            let rest = &words[place + begin.len()..];
            let end = rest.find(|sign| !is_inside(sign)).unwrap_or(rest.len());
            let instead = match begin {
                ":ssl/" => "",
                "lookup address information: " => "lookup address information",
                _ => "HOST",
            };
            words.replace_range(place..place + begin.len() + end, instead);
        }
    }
    words.replace('|', "\\|")
}
