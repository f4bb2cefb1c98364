//! One line for every request, rendered where the request ends, and written by a thread of its own
//! so that no request waits for a disk.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::log_file::{Asked, LogFile};
use super::outlet::Outlet;
use super::{AccessLine, LogFormat};

/// Bytes of lines that may wait; the next ones are dropped and counted.
const WAITING: usize = 4 * 1024 * 1024;

thread_local! {
    /// A line in the making. Rendering it under the lock would hold up other threads' requests.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where the file wants access lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessSink {
    Nothing,
    StandardOutput,
    /// It is opened anew when that is asked for.
    File(PathBuf),
}

/// Where access lines go. Cloning is cheap; the last one dropped ends the writer.
#[derive(Clone)]
pub struct AccessLog {
    outlet: Option<Arc<Outlet>>,
    format: LogFormat,
    /// Of a file, whether it is to be opened anew.
    asked: Option<Asked>,
}

impl AccessLog {
    /// # Errors
    /// A file cannot be written to.
    pub fn open(sink: &AccessSink, format: LogFormat) -> io::Result<Self> {
        Ok(match sink {
            AccessSink::Nothing => Self {
                outlet: None,
                format,
                asked: None,
            },
            AccessSink::StandardOutput => Self::to_writer(Box::new(io::stdout()), format),
            AccessSink::File(path) => {
                let file = LogFile::open(path)?;
                let asked = Some(file.asked());
                Self {
                    asked,
                    ..Self::to_writer(Box::new(file), format)
                }
            }
        })
    }

    pub fn to_writer(out: Box<dyn Write + Send>, format: LogFormat) -> Self {
        let outlet = Outlet::open("access-log", out, WAITING, None);
        let outlet = outlet.inspect_err(|why| {
            tracing::error!(%why, "no thread for the access log; no line will be written");
        });
        Self {
            outlet: outlet.ok().map(Arc::new),
            format,
            asked: None,
        }
    }

    /// Has the file opened anew under its name, soon; false where lines go to no file.
    pub fn reopen(&self) -> bool {
        let (Some(outlet), Some(asked)) = (&self.outlet, &self.asked) else {
            return false;
        };
        asked.store(true, Ordering::Release);
        outlet.nudge();
        true
    }

    pub fn is_enabled(&self) -> bool {
        self.outlet.is_some()
    }

    pub fn write(&self, line: &AccessLine<'_>) {
        let Some(outlet) = &self.outlet else { return };
        // A thread that is ending has no request left to tell of.
        let _ = LINE.try_with(|text| {
            let mut text = text.borrow_mut();
            text.clear();
            line.render(self.format, &mut text);
            outlet.push(&text);
        });
    }

    /// How many lines were lost: too many waited, or they could not be written.
    pub fn dropped(&self) -> u64 {
        self.outlet.as_ref().map_or(0, |outlet| outlet.dropped())
    }

    /// Waits until every line handed over so far is written; two seconds at most, so that a
    /// terminal that stands still cannot hold the process.
    pub fn flush(&self) {
        if let Some(outlet) = &self.outlet {
            outlet.flush();
        }
    }
}

#[cfg(test)]
#[path = "access_log_tests.rs"]
mod tests;
