use std::sync::mpsc;

use parking_lot::Mutex;

use super::*;

fn line(path: &str) -> AccessLine<'_> {
    AccessLine {
        path,
        ..super::super::access_line::sample()
    }
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
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

/// Says that a write has begun, and stands still until it is let go.
struct Stuck {
    begun: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        let _ = self.go.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses every write.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_a_flush_every_line_is_there_in_order() {
    let page = Page::default();
    let log = AccessLog::to_writer(Box::new(page.clone()), LogFormat::Json);
    for round in 0..3 {
        for number in 0..1000 {
            log.write(&line(&format!("/{round}/{number}")));
        }
        log.flush();
        let lines = page.lines();
        assert_eq!(lines.len(), (round + 1) * 1000);
        let last = format!("\"path\":\"/{round}/999\"");
        assert!(lines.last().unwrap().contains(&last));
    }
    assert_eq!(log.dropped(), 0);
}

#[test]
fn lines_of_many_threads_are_whole() {
    let page = Page::default();
    let log = AccessLog::to_writer(Box::new(page.clone()), LogFormat::Json);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let log = log.clone();
            scope.spawn(move || (0..500).for_each(|_| log.write(&line("/x"))));
        }
    });
    log.flush();
    let lines = page.lines();
    assert_eq!(lines.len(), 2000);
    for line in lines {
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
    }
}

#[test]
fn a_writer_that_stands_still_loses_lines_and_holds_nobody() {
    let (begun, has_begun) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let log = AccessLog::to_writer(Box::new(Stuck { begun, go: gone }), LogFormat::Text);
    log.write(&line("/first"));
    has_begun.recv().unwrap();
    // The writer holds the first line; as many as may wait, and ten more.
    let mut more = Vec::new();
    line("/more").render(LogFormat::Text, &mut more);
    (0..WAITING / more.len() + 10).for_each(|_| log.write(&line("/more")));
    assert_eq!(log.dropped(), 10);
    drop(go);
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let log = AccessLog::to_writer(Box::new(Broken), LogFormat::Text);
    (0..3).for_each(|_| log.write(&line("/x")));
    log.flush();
    assert_eq!(log.dropped(), 3);
}

#[test]
fn the_last_clone_ends_the_writer_after_the_last_line() {
    /// Tells its end.
    struct Ending(Page, mpsc::Sender<()>);
    impl Write for Ending {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Ending {
        fn drop(&mut self) {
            let _ = self.1.send(());
        }
    }
    let page = Page::default();
    let (ended, has_ended) = mpsc::channel();
    let log = AccessLog::to_writer(Box::new(Ending(page.clone(), ended)), LogFormat::Text);
    let clone = log.clone();
    drop(log);
    clone.write(&line("/last"));
    drop(clone);
    has_ended.recv().unwrap();
    assert_eq!(page.lines().len(), 1);
}

#[test]
fn a_log_that_is_off_takes_everything_and_does_nothing() {
    let log = AccessLog::open(&AccessSink::Nothing, LogFormat::Json).unwrap();
    log.write(&line("/x"));
    log.flush();
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_file_is_opened_anew_when_that_is_asked_for_also_where_nobody_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    let log = AccessLog::open(&AccessSink::File(path.clone()), LogFormat::Json).unwrap();
    log.write(&line("/one"));
    log.flush();
    std::fs::rename(&path, &old).unwrap();
    assert!(log.reopen());
    while !path.exists() {
        std::thread::yield_now();
    }
    log.write(&line("/two"));
    log.flush();
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(
        (read(&old).lines().count(), read(&path).lines().count()),
        (1, 1)
    );
    assert!(read(&path).contains("/two"));
    let nowhere = AccessLog::open(&AccessSink::Nothing, LogFormat::Json).unwrap();
    assert!(!nowhere.reopen());
}
