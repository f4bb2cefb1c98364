//! How does a gateway follow its configuration? Its files are read again when one of them has changed,
//! and when that is asked for. What holds is taken over; what does not is told, and changes nothing.

use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

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
        let mut is_asked = false;
        let mut is_newer = false;
        loop {
            if !std::mem::take(&mut is_newer) {
                tokio::select! {
                    () = watch.changed() => is_asked = false,
                    () = said(&mut asked) => is_asked = true,
                }
            }
            follower.begins();
            let (mut read, mut files) = read(&path).await;
            if read.is_err() && !is_asked {
                sleep(OTHER_HALF).await;
                (read, files) = self::read(&path).await;
            }
            if files.have_changed() || watch.is_half_written().await {
                // It was read while it was written: what comes of it will be seen.
                follower.ended(None);
                continue;
            }
            let config = match read {
                Ok(config) => config,
                Err(problems) => {
                    watch.follow_also(files);
                    self.refuse(Unfit::Invalid, &problems);
                    follower.ended(None);
                    continue;
                }
            };
            watch.follow(files);
            let begin = Instant::now();
            // While what is new gets its keys, something newer may come: then that counts, and of
            // this one nothing has happened.
            let taken = tokio::select! {
                biased;
                taken = self.reload(&config) => taken,
                () = watch.changed() => {
                    is_newer = true;
                    continue;
                }
                () = said(&mut asked) => {
                    (is_newer, is_asked) = (true, true);
                    continue;
                }
            };
            match taken {
                Ok(reloaded) => {
                    self.tell(&reloaded, begin.elapsed(), is_asked);
                    follower.ended(Some(&config));
                    continue;
                }
                Err(why @ ReloadError::NeedsRestart(_)) => self.refuse(Unfit::NeedsRestart, &why),
                Err(why @ (ReloadError::Compose(_) | ReloadError::Tls(_))) => {
                    self.refuse(Unfit::Failed, &why);
                }
            }
            follower.ended(None);
        }
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

    fn refuse(&self, unfit: Unfit, why: &dyn std::fmt::Display) {
        self.metrics.reloaded(false);
        self.readiness.refused(unfit, why, UnixTime::now());
        tracing::error!(%why, "configuration refused; the one before it goes on");
    }
}

/// Waits for a word; for ever where nobody is left who could say one.
async fn said(asked: &mut Receiver<()>) {
    if asked.recv().await.is_none() {
        pending().await
    }
}

/// Reads it apart: a file system that does not answer must not keep signals waiting.
async fn read(path: &Arc<Path>) -> (Result<Config, Problems>, Files) {
    let (name, path) = (path.display().to_string(), Arc::clone(path));
    let reading = tokio::task::spawn_blocking(move || {
        let mut files = Files::default();
        (Config::load_noting(&path, &mut files), files)
    });
    let why = match timeout(ANSWER, reading).await {
        Ok(Ok(read)) => return read,
        Ok(Err(why)) => why.to_string(),
        // Its thread waits on, and nobody for it: what changes later gets another.
        Err(_) => format!("a file did not answer within {ANSWER:?}"),
    };
    let problem = Problems::whole(&name, format!("it could not be read: {why}"));
    (Err(problem), Files::default())
}
