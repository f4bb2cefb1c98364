//! The process's own lines: their shape, which is the access log's (`timestamp`, `level`, `kind`), and
//! their way out, on which nothing that is said can stop what is done.

use std::fmt::{self, Debug, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::outlet::Outlet;
use super::repeats::{Again, Alike, Fate, Repeats};
use super::written::time;
use super::{LogFormat, milliseconds};

/// Bytes of lines that may wait; the next ones are dropped and counted.
const WAITING: usize = 1024 * 1024;
/// Whatever these tell apart is not alike, of a line that comes from one place of the source.
const TELLING: [&str; 10] = [
    "reason",
    "listener",
    "route",
    "issuer",
    "identity",
    "scope",
    "host",
    "log",
    "log.target",
    "log.line",
];

/// Where the process's lines go.
pub(super) struct ProcessLog {
    outlet: Arc<Outlet>,
    repeats: Arc<Repeats>,
    format: LogFormat,
}

impl ProcessLog {
    pub(super) fn to_writer(out: Box<dyn Write + Send>, format: LogFormat) -> io::Result<Self> {
        let repeats = Arc::<Repeats>::default();
        let theirs = Arc::clone(&repeats);
        let due = Box::new(move |lines: &mut Vec<u8>| {
            let (due, next) = theirs.due(Instant::now());
            for again in due {
                lines.extend_from_slice(repeated(again, format).as_bytes());
            }
            next
        });
        let outlet = Outlet::open("process-log", out, WAITING, Some(due))?;
        Ok(Self {
            outlet: Arc::new(outlet),
            repeats,
            format,
        })
    }

    /// What writes one line.
    pub(super) fn pens(&self) -> impl Fn() -> Pen + Send + Sync + 'static {
        let outlet = Arc::clone(&self.outlet);
        move || Pen(Arc::clone(&outlet))
    }

    /// Lines as `inner` has them, in our shape and not too often.
    pub(super) fn shape<F>(&self, inner: F) -> Shape<F> {
        Shape {
            inner,
            format: self.format,
            repeats: Arc::clone(&self.repeats),
        }
    }

    pub(super) fn format(&self) -> LogFormat {
        self.format
    }

    pub(super) fn dropped(&self) -> u64 {
        self.outlet.dropped()
    }

    /// Waits until everything that was said is written, as long as that may take.
    pub(super) fn flush(&self) {
        for again in self.repeats.all() {
            self.outlet.push(repeated(again, self.format).as_bytes());
        }
        self.outlet.flush();
    }
}

pub(super) struct Pen(Arc<Outlet>);

impl Write for Pen {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !line.is_empty() {
            self.0.push(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct Shape<F> {
    inner: F,
    format: LogFormat,
    repeats: Arc<Repeats>,
}

impl<S, N, F> FormatEvent<S, N> for Shape<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = || -> Result<String, fmt::Error> {
            let mut line = String::new();
            self.inner
                .format_event(context, Writer::new(&mut line), event)?;
            if self.format == LogFormat::Json {
                add(&mut line, ",\"kind\":\"process\"}\n");
            }
            Ok(line)
        };
        if *event.metadata().level() > Level::WARN {
            return out.write_str(&line()?);
        }
        let alike = alike(event);
        match self.repeats.fate(alike, Instant::now()) {
            Fate::Written(before) => {
                for again in before {
                    out.write_str(&repeated(again, self.format))?;
                }
                out.write_str(&line()?)
            }
            Fate::Held => {
                self.repeats.hold(alike, line()?);
                Ok(())
            }
            Fate::Counted => Ok(()),
        }
    }
}

/// A line that stands for as many.
fn repeated(again: Again, format: LogFormat) -> String {
    let Again { mut line, times } = again;
    match (format, times) {
        (_, 1) => {}
        (LogFormat::Json, _) => add(&mut line, &format!(",\"times\":{times}}}\n")),
        (LogFormat::Text, _) => {
            line.truncate(line.trim_end().len());
            // A String takes it.
            let _ = writeln!(line, " times={times}");
        }
    }
    line
}

/// Puts it in the place of an object's end.
fn add(line: &mut String, more: &str) {
    if let Some(end) = line.rfind('}') {
        line.replace_range(end.., more);
    }
}

fn alike(event: &Event<'_>) -> Alike {
    struct Telling(DefaultHasher);
    impl Visit for Telling {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if TELLING.contains(&field.name()) {
                field.name().hash(&mut self.0);
                format!("{value:?}").hash(&mut self.0);
            }
        }
    }
    let mut telling = Telling(DefaultHasher::new());
    event.metadata().callsite().hash(&mut telling.0);
    event.record(&mut telling);
    telling.0.finish()
}

/// Milliseconds, as in access lines.
pub(super) struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        let mut text = Vec::new();
        time(&mut text, milliseconds()).map_err(|_| fmt::Error)?;
        out.write_str(&String::from_utf8_lossy(&text))
    }
}

#[cfg(test)]
#[path = "process_log_tests.rs"]
mod tests;
