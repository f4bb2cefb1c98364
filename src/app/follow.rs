//! How does a gateway follow its configuration? Its files are read again when one of them has changed,
//! and when that is asked for. What holds is taken over; what does not is told, and changes nothing.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout_at};

use super::watch::Watch;
use super::{App, ReloadError, Reloaded};
use crate::admin::Unfit;
use crate::clock::UnixTime;
use crate::config::{Config, Files, Problems};

/// What does not hold may be half of a change, a certificate before its key: so long the rest may
/// take to follow.
const OTHER_HALF: Duration = Duration::from_millis(250);

/// Who is told of each configuration that is read while running.
pub trait Follower {
    fn begins(&self);
    /// It was taken over, or nothing has changed.
    fn ended(&self, taken: Option<&Config>);
}

/// How long reading all of it may take: a pipe that nobody writes to, or a network's file system, never
/// answers.
const ANSWER: Duration = Duration::from_secs(10);

/// What is followed.
pub struct Followed {
    /// The configuration's own file.
    pub path: PathBuf,
    /// What it was read from.
    pub files: Files,
}

/// What was not taken over, and why.
type Refused = (Unfit, String);

/// One that is being taken over: what is new in it waits for keys and tokens.
struct Coming<'a> {
    taking: Pin<Box<dyn Future<Output = Result<Reloaded, ReloadError>> + 'a>>,
    config: Arc<Config>,
    begin: Instant,
    is_asked: bool,
    /// Why what the file says by now was refused.
    stale: Option<Refused>,
}

impl App {
    /// Follows a configuration for ever: each change of its files, and each word of `asked`.
    pub async fn follow(
        &self,
        followed: Followed,
        mut asked: Receiver<()>,
        follower: &impl Follower,
    ) -> Infallible {
        let path: Arc<Path> = followed.path.into();
        let mut watch = Watch::over(followed.files);
        let mut coming: Option<Coming<'_>> = None;
        loop {
            let is_asked = tokio::select! {
                biased;
                taken = taken(&mut coming) => {
                    self.conclude(coming.take(), taken, follower);
                    continue;
                }
                () = watch.changed() => false,
                () = said(&mut asked) => true,
            };
            follower.begins();
            let (read, files) = {
                let mut reading = pin!(read(&path, is_asked));
                loop {
                    tokio::select! {
                        taken = taken(&mut coming) => self.conclude(coming.take(), taken, follower),
                        read = &mut reading => break read,
                    }
                }
            };
            let is_half_written = watch.is_half_written();
            if is_half_written || files.have_changed() {
                if is_half_written {
                    tracing::info!("a file is being written; it is read again when that is done");
                }
                // It was read while it was written: what comes of it will be seen.
                follower.ended(None);
                continue;
            }
            let refused = match read {
                Err(problems) => {
                    watch.follow_also(files);
                    self.refuse(Unfit::Invalid, &problems, &problems.told())
                }
                Ok(config) => {
                    watch.follow(files);
                    match self.takes(&config) {
                        Err(why) => self.refuse(Unfit::NeedsRestart, &why, &why),
                        Ok(()) => {
                            // It alone counts now: of one before it that was coming, nothing happens.
                            coming = Some(self.coming(config, is_asked));
                            continue;
                        }
                    }
                }
            };
            if let Some(coming) = &mut coming {
                coming.stale = Some(refused);
            }
            follower.ended(None);
        }
    }

    fn coming(&self, config: Config, is_asked: bool) -> Coming<'_> {
        let config = Arc::new(config);
        let same = Arc::clone(&config);
        Coming {
            taking: Box::pin(async move { self.reload(&same).await }),
            config,
            begin: Instant::now(),
            is_asked,
            stale: None,
        }
    }

    fn conclude(
        &self,
        coming: Option<Coming<'_>>,
        taken: Result<Reloaded, ReloadError>,
        follower: &impl Follower,
    ) {
        let Some(coming) = coming else { return };
        match taken {
            Ok(reloaded) => {
                self.tell(&reloaded, coming.begin.elapsed(), coming.is_asked);
                if let Some((unfit, why)) = coming.stale {
                    self.metrics.stale();
                    self.readiness.refused(unfit, &why, UnixTime::now());
                }
                return follower.ended(Some(&coming.config));
            }
            Err(why @ ReloadError::NeedsRestart(_)) => self.refuse(Unfit::NeedsRestart, &why, &why),
            Err(why @ (ReloadError::Compose(_) | ReloadError::Tls(_))) => {
                self.refuse(Unfit::Failed, &why, &why)
            }
        };
        follower.ended(None);
    }

    fn tell(&self, reloaded: &Reloaded, took: Duration, asked: bool) {
        self.metrics.reloaded(true);
        let differs = !reloaded.is_nothing();
        self.readiness.taken_over(differs, UnixTime::now());
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if reloaded.is_nothing() && !asked {
            tracing::debug!("the configuration was read again; nothing differs");
            return;
        }
        tracing::info!(
            new = reloaded.new.join(", "),
            gone = reloaded.gone.join(", "),
            kept = reloaded.kept.len(),
            milliseconds,
            "configuration taken over"
        );
        if !reloaded.cold.is_empty() {
            let cold = reloaded.cold.join(", ");
            tracing::warn!(cold, "taken over without keys or tokens that are new");
        }
    }

    /// The log has all of `why`; the status page what is `told`, which quotes nothing of the file.
    fn refuse(&self, unfit: Unfit, why: &dyn Display, told: &dyn Display) -> Refused {
        self.metrics.reloaded(false);
        self.readiness.refused(unfit, told, UnixTime::now());
        tracing::error!(%why, "configuration refused; the one before it goes on");
        (unfit, told.to_string())
    }
}

/// Waits until what is coming was taken over or refused; for ever where nothing is.
async fn taken(coming: &mut Option<Coming<'_>>) -> Result<Reloaded, ReloadError> {
    match coming {
        Some(coming) => (&mut coming.taking).await,
        None => pending().await,
    }
}

/// Waits for a word; for ever where nobody is left who could say one.
async fn said(asked: &mut Receiver<()>) {
    if asked.recv().await.is_none() {
        pending().await
    }
}

/// Reads it, where it does not hold a second time: unless somebody says that it is whole.
async fn read(path: &Arc<Path>, is_asked: bool) -> (Result<Config, Problems>, Files) {
    let until = Instant::now() + ANSWER;
    let first = read_once(path, until).await;
    // What has not answered would not the second time either.
    if first.0.is_ok() || is_asked || Instant::now() + OTHER_HALF >= until {
        return first;
    }
    sleep(OTHER_HALF).await;
    read_once(path, until).await
}

/// Reads it apart: a file system that does not answer must not keep signals waiting.
async fn read_once(path: &Arc<Path>, until: Instant) -> (Result<Config, Problems>, Files) {
    let (name, path) = (path.display().to_string(), Arc::clone(path));
    let reading = tokio::task::spawn_blocking(move || {
        let mut files = Files::default();
        (Config::load_noting(&path, &mut files), files)
    });
    let why = match timeout_at(until, reading).await {
        Ok(Ok(read)) => return read,
        Ok(Err(why)) => why.to_string(),
        // Its thread waits on, and nobody for it: what changes later gets another.
        Err(_) => format!("a file did not answer within {ANSWER:?}"),
    };
    let problem = Problems::whole(&name, format!("it could not be read: {why}"));
    (Err(problem), Files::default())
}
