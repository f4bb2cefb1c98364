//! What did the upstream see? An API that answers every request with that request, in JSON; it also adds
//! two numbers, so that there is something to be called.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::http::{Intake, Origin, Pace, Request, Response};

const JSON: &str = "application/json; charset=utf-8";
const KEPT: usize = 1024 * 1024;
const SHOWN: usize = 4 * 1024;
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
const LONGEST_DELAY: u64 = 60_000;

/// The echo API. Cloning shares what it remembers.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    last: Option<Request>,
}

impl Echo {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn count(&self) -> u64 {
        self.seen.lock().count
    }

    pub fn last(&self) -> Option<Request> {
        self.seen.lock().last.clone()
    }
}

impl Origin for Echo {
    fn intake(&self) -> Intake {
        Intake::Beginning(KEPT)
    }

    fn answer(&self, request: &Request) -> Response {
        {
            let mut seen = self.seen.lock();
            seen.count += 1;
            seen.last = Some(request.clone());
        }
        let wish = match Wish::of(request) {
            Ok(wish) => wish,
            Err(why) => return Response::json(StatusCode::BAD_REQUEST, &json!({ "error": why })),
        };
        let response = match wish.bytes {
            None => Response::of(wish.status, JSON, description(request).into_bytes()),
            Some(length) => Response::of(wish.status, "application/octet-stream", pattern(length)),
        };
        response.paced(wish.pace)
    }
}

/// What the query asks for: `status=`, `delay_ms=`, `bytes=`.
#[derive(Default)]
struct Wish {
    status: StatusCode,
    pace: Pace,
    bytes: Option<usize>,
}

impl Wish {
    fn of(request: &Request) -> Result<Self, &'static str> {
        let mut wish = Self::default();
        for (name, value) in request.parameters() {
            match name.as_str() {
                "status" => {
                    let status = StatusCode::from_bytes(value.as_bytes()).ok();
                    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
                    wish.status = status.ok_or("status is a number from 200 to 599")?;
                }
                "delay_ms" => {
                    let span = value.parse().ok().filter(|span| *span <= LONGEST_DELAY);
                    let span = span.ok_or("delay_ms is a number up to 60000")?;
                    wish.pace = Pace::After(Duration::from_millis(span));
                }
                "bytes" => {
                    let length = value.parse().ok();
                    let length = length.filter(|length| *length <= LARGEST_ANSWER);
                    wish.bytes = Some(length.ok_or("bytes is a number up to 67108864")?);
                }
                _ => {}
            }
        }
        Ok(wish)
    }
}

/// One line for each member and each header field: this is read by people in terminals, too.
fn description(request: &Request) -> String {
    let mut lines = vec![
        format!("\"method\": {}", json!(request.method.as_str())),
        format!("\"path\": {}", json!(request.path())),
        format!("\"query\": {}", json!(request.query())),
    ];
    if let Some(sum) = sum(request.path()) {
        lines.push(format!("\"result\": {sum}"));
    }
    let fields = request.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("    [{}, {}]", json!(name.as_str()), json!(value))
    });
    let fields: Vec<String> = fields.collect();
    lines.push(match fields.is_empty() {
        true => "\"headers\": []".to_owned(),
        false => format!("\"headers\": [\n{}\n  ]", fields.join(",\n")),
    });
    let body = &request.body;
    let mut told = json!({ "length": body.length, "sha256": hex(&body.sha256) });
    if body.length > 0
        && body.kept.len() as u64 == body.length
        && body.kept.len() <= SHOWN
        && let Ok(text) = std::str::from_utf8(&body.kept)
    {
        told["text"] = Value::from(text);
    }
    lines.push(format!("\"body\": {told}"));
    format!("{{\n  {}\n}}\n", lines.join(",\n  "))
}

/// `…/calc/v1/add/{a}/{b}`, wherever a gateway put it.
fn sum(path: &str) -> Option<i64> {
    let (_, numbers) = path.split_once("/calc/v1/add/")?;
    let (first, second) = numbers.split_once('/')?;
    first.parse::<i64>().ok()?.checked_add(second.parse().ok()?)
}

/// `0123456789` over and over: a lost or doubled byte shows.
fn pattern(length: usize) -> Vec<u8> {
    b"0123456789".iter().copied().cycle().take(length).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "echo_tests.rs"]
mod tests;
