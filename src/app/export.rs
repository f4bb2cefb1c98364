//! How do spans leave the process? Gathered for a moment and posted to a collector, one post at a time, by
//! a task of its own: what waits is bounded, and no request waits with it. What a collector does not take
//! is offered again a few times, then counted and let go.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::Url;

use crate::http_client::{FetchDefinition, FetchError, HttpClient};
use crate::telemetry::{Batch, Metrics, SpanMetrics, Spans, Tracer, TracesDefinition, rejected};

/// How long spans are gathered after the first.
const GATHER: Duration = Duration::from_secs(1);
/// Requests whose spans go in one post.
const MOST: usize = 512;
/// How often one post is tried.
const TRIES: u32 = 3;
/// Between two tries, at least and at most; a collector may ask for some time between.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// Of a collector's answer, in bytes.
const ANSWER: usize = 64 * 1024;
/// How long what waits may take to leave at the end.
const LAST: Duration = Duration::from_secs(2);

/// What has begun to send spans. Its task ends when nobody makes spans for it any more.
pub(super) struct Export {
    pub(super) tracer: Arc<Tracer>,
    flush: Sender<oneshot::Sender<()>>,
}

impl Export {
    /// Needs a tokio runtime.
    pub(super) fn start(
        definition: &TracesDefinition,
        metrics: &Metrics,
    ) -> Result<Self, FetchError> {
        let fetch = FetchDefinition {
            timeout: definition.timeout,
            ca_pem: definition.ca_pem.as_ref().map(|pem| pem.to_vec()),
            ca_key: Some("traces.ca_file"),
            ..FetchDefinition::default()
        };
        let metrics = metrics.spans();
        let (tracer, spans) = Tracer::new(definition, &metrics);
        let mut headers = definition.headers.clone();
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        let courier = Courier {
            http: HttpClient::new(&fetch)?,
            url: definition.endpoint.clone(),
            headers,
            batch: Batch::new(definition),
            metrics,
        };
        let (flush, asked) = mpsc::channel(1);
        tokio::spawn(courier.work(spans, asked));
        Ok(Self { tracer, flush })
    }

    /// Waits until what there is has left; two seconds at most.
    pub(super) async fn flush(&self) {
        let flushed = async {
            let (done, told) = oneshot::channel();
            if self.flush.send(done).await.is_ok() {
                // Dropped where the task has ended: then there is nothing left.
                let _ = told.await;
            }
        };
        let _ = timeout(LAST, flushed).await;
    }
}

struct Courier {
    http: HttpClient,
    url: Url,
    headers: HeaderMap,
    batch: Batch,
    metrics: SpanMetrics,
}

/// What became of a post.
enum Posted {
    Taken {
        but: u64,
    },
    /// Another try may do, after so long where the collector says so.
    Later(Option<Duration>, String),
    Refused(String),
}

impl Courier {
    async fn work(self, mut spans: Receiver<Spans>, mut asked: Receiver<oneshot::Sender<()>>) {
        let mut waiting = Vec::new();
        loop {
            let flush = tokio::select! {
                count = spans.recv_many(&mut waiting, MOST) => match count {
                    0 => return,
                    _ => gathered(&mut spans, &mut waiting, &mut asked).await,
                },
                Some(flush) = asked.recv() => Some(flush),
            };
            if flush.is_some() {
                while let Ok(more) = spans.try_recv() {
                    waiting.push(more);
                }
            }
            if !waiting.is_empty() {
                self.send(std::mem::take(&mut waiting).concat()).await;
            }
            if let Some(done) = flush {
                let _ = done.send(());
            }
        }
    }

    async fn send(&self, spans: Spans) {
        let count = spans.len() as u64;
        let message = self.batch.message(spans);
        let mut wait = SHORTEST;
        for attempt in 1..=TRIES {
            let (asked, why) = match self.post(message.clone()).await {
                Posted::Taken { but } => {
                    let but = but.min(count);
                    self.metrics.sent(count - but);
                    if but > 0 {
                        self.lost(but, "the collector rejected some");
                    }
                    return;
                }
                Posted::Refused(why) => return self.lost(count, &why),
                Posted::Later(_, why) if attempt == TRIES => return self.lost(count, &why),
                Posted::Later(asked, why) => (asked, why),
            };
            let pause = asked.unwrap_or(wait).clamp(SHORTEST, LONGEST);
            tracing::debug!(why, ?pause, "spans not taken; once more");
            sleep(pause).await;
            wait *= 2;
        }
    }

    async fn post(&self, message: Vec<u8>) -> Posted {
        let posted = self
            .http
            .post_open(&self.url, &self.headers, message, ANSWER);
        let answer = match posted.await {
            Ok(answer) => answer,
            Err(why) => return Posted::Later(None, why.to_string()),
        };
        let told = format!("the collector answered {}", answer.status);
        match answer.status {
            200..300 => Posted::Taken {
                but: rejected(&answer.body),
            },
            // The ones of OTLP that may be tried again.
            429 | 502 | 503 | 504 => Posted::Later(seconds(&answer.headers), told),
            _ => Posted::Refused(told),
        }
    }

    fn lost(&self, spans: u64, why: &str) {
        self.metrics.failed(spans);
        let host = self.url.host_str();
        tracing::warn!(host, spans, why, "spans were lost");
    }
}

/// Gathers more for a moment, as long as nobody wants them sent at once.
async fn gathered(
    spans: &mut Receiver<Spans>,
    waiting: &mut Vec<Spans>,
    asked: &mut Receiver<oneshot::Sender<()>>,
) -> Option<oneshot::Sender<()>> {
    let until = Instant::now() + GATHER;
    while waiting.len() < MOST {
        let room = MOST - waiting.len();
        tokio::select! {
            count = spans.recv_many(waiting, room) => if count == 0 { return None },
            flush = asked.recv() => return flush,
            () = sleep_until(until) => return None,
        }
    }
    None
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
