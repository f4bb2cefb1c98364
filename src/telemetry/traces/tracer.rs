//! The beginning and the end of a request's part in a trace: it continues its caller's, or begins one.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use tokio::sync::mpsc::{self, Receiver, Sender};
use uuid::Uuid;

use super::TracesDefinition;
use super::spans::{self, Spans, Told};
use crate::request::{TRACEPARENT, TRACESTATE, TraceParent, is_sound_tracestate};
use crate::telemetry::SpanMetrics;
use crate::telemetry::access_line::nanoseconds;

/// Requests whose spans wait to be sent; the next ones' are dropped and counted.
const WAITING: usize = 4096;
/// The part of a trace's id that is random also where half of it is a time (W3C Trace Context, level 2).
const RANDOM: u64 = (1 << 56) - 1;

/// What makes traces, and takes the spans of those that are recorded.
pub struct Tracer {
    /// Traces whose random part is not less are recorded.
    least: u64,
    ended: Sender<Spans>,
    metrics: SpanMetrics,
}

impl Tracer {
    /// With where its spans come out, until it is dropped.
    pub fn new(
        definition: &TracesDefinition,
        metrics: &SpanMetrics,
    ) -> (Arc<Self>, Receiver<Spans>) {
        let (ended, waiting) = mpsc::channel(WAITING);
        let left_out = u64::from(100 - definition.sample.min(100));
        let tracer = Self {
            least: left_out * (RANDOM + 1) / 100,
            ended,
            metrics: metrics.clone(),
        };
        (Arc::new(tracer), waiting)
    }

    /// Of a request with these fields. Anybody's trace is continued; whether it is recorded only a
    /// `trusted` proxy decides, for else every caller could have all of its requests recorded.
    pub fn begin(self: &Arc<Self>, headers: &HeaderMap, trusted: bool) -> Box<Trace> {
        let parent = TraceParent::of(headers);
        let (trace, random) = match parent {
            Some(parent) => (parent.trace, Uuid::new_v4()),
            None => (Uuid::new_v4().into_bytes(), Uuid::new_v4()),
        };
        let (own, onward) = random.as_u64_pair();
        let is_recorded = match parent {
            Some(parent) if trusted => parent.is_sampled,
            // SECURITY: nor by the id that it chose.
            Some(_) => self.is_recorded(random.into_bytes()),
            None => self.is_recorded(trace),
        };
        Box::new(Trace {
            tracer: Arc::clone(self),
            trace,
            parent: parent.map(|parent| parent.span),
            own: own.to_be_bytes(),
            onward: onward.to_be_bytes(),
            is_recorded,
            passes_state_on: parent.is_some() && is_sound_tracestate(headers),
            began: (Instant::now(), nanoseconds()),
            asked: None,
        })
    }

    fn is_recorded(&self, trace: [u8; 16]) -> bool {
        let [.., a, b, c, d, e, f, g] = trace;
        u64::from_be_bytes([0, a, b, c, d, e, f, g]) >= self.least
    }
}

/// A request's part in a trace.
pub struct Trace {
    tracer: Arc<Tracer>,
    pub(super) trace: [u8; 16],
    /// The caller's span.
    pub(super) parent: Option<[u8; 8]>,
    /// The span of being asked.
    pub(super) own: [u8; 8],
    /// The span of asking the upstream.
    pub(super) onward: [u8; 8],
    is_recorded: bool,
    passes_state_on: bool,
    /// The same moment by both clocks, the latter in nanoseconds since the epoch.
    pub(super) began: (Instant, u64),
    /// When the upstream was.
    pub(super) asked: Option<Instant>,
}

impl Trace {
    /// Its id, in hexadecimal digits.
    pub fn id(&self) -> String {
        hex(&self.trace)
    }

    /// The upstream is asked now.
    pub fn asks(&mut self) {
        self.asked = Some(Instant::now());
    }

    /// Tells the upstream.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let flags = if self.is_recorded { "01" } else { "00" };
        let (trace, span) = (self.id(), hex(&self.onward));
        // Digits and dashes are always a header's value.
        if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{span}-{flags}")) {
            headers.insert(TRACEPARENT, value);
        }
        if !self.passes_state_on {
            headers.remove(TRACESTATE);
        }
    }

    pub fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Takes what is told of it now that it has ended. Waits for nobody.
    pub fn end(&self, told: &Told<'_>) {
        let spans = spans::of(self, told);
        let count = spans.len() as u64;
        if self.tracer.ended.try_send(spans).is_err() {
            self.tracer.metrics.dropped(count);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0xf)]);
    let digits = |byte: &u8| [digit(byte >> 4), digit(*byte)];
    bytes.iter().flat_map(digits).collect()
}

#[cfg(test)]
#[path = "tracer_tests.rs"]
pub(super) mod tests;
