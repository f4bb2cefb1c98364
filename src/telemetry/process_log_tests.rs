use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use super::super::logging::layer;
use super::*;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written when `say` speaks.
fn written(format: LogFormat, say: impl FnOnce()) -> String {
    let page = Page::default();
    let log = ProcessLog::to_writer(Box::new(page.clone()), format).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer(&log, false));
    tracing::subscriber::with_default(subscriber, say);
    log.flush();
    page.text()
}

#[test]
fn lines_share_their_shape_with_the_access_log() {
    let text = written(LogFormat::Json, || {
        tracing::info!(listener = "apis", "listening");
    });
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["kind"], "process");
    assert_eq!(line["message"], "listening");
    assert_eq!(line["listener"], "apis");
    let timestamp = line["timestamp"].as_str().unwrap();
    assert_eq!(timestamp.len(), "2027-01-15T08:00:00.123Z".len());
    let text = written(LogFormat::Text, || tracing::info!("listening"));
    assert!(text.contains("Z  INFO bearergate::"), "{text}");
    assert!(text.ends_with(": listening\n"), "{text}");
}

#[test]
fn a_flood_of_one_warning_becomes_two_lines_and_a_count() {
    for format in [LogFormat::Json, LogFormat::Text] {
        let text = written(format, || {
            for number in 0..10_000 {
                tracing::warn!(reason = "upstream_failed", number, "request failed");
            }
            tracing::warn!(reason = "upstream_timeout", "request failed");
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].contains("upstream_failed"), "{text}");
        assert!(lines[1].contains("upstream_timeout"), "{text}");
        let times = match format {
            LogFormat::Json => "\"times\":9999",
            LogFormat::Text => " times=9999",
        };
        assert!(lines[2].contains(times), "{text}");
    }
}

#[test]
fn what_is_no_warning_is_not_limited() {
    let text = written(LogFormat::Json, || {
        (0..100).for_each(|_| tracing::info!("token acquired"));
    });
    assert_eq!(text.lines().count(), 100);
}

#[tokio::test]
async fn a_count_is_told_when_its_second_is_over_though_nothing_more_is_said() {
    let page = Page::default();
    let log = ProcessLog::to_writer(Box::new(page.clone()), LogFormat::Json).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer(&log, false));
    tracing::subscriber::with_default(subscriber, || {
        (0..5).for_each(|_| tracing::warn!("again"));
    });
    let start = Instant::now();
    while !page.text().contains("\"times\":4") {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", page.text());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
