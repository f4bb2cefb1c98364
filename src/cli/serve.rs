//! `bearergate serve`: run the gateway until it is told to stop.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc, watch};

use super::certificate_age::{CertificateAges, DAY};
use super::service::{self, Service};
use super::signals::{Signals, hear, obey, rotate};
use super::{ConfigFile, Failure};
use crate::app::{App, Bound, Followed, Follower, MeetingPlace, Predecessor, Succession};
use crate::config::{Config, Files};
use crate::telemetry::{AccessLog, AccessSink, LogDefinition, log_panics, start_logging};

/// Threads for what blocks: three ask for the names of upstreams, which leaves one for those of
/// issuers.
const BLOCKING: usize = 4;

/// Until what reading the file left behind may be given back: the allocator waits for a second.
const SETTLED: Duration = Duration::from_secs(3);
/// Large enough to be no object among others.
const LARGE: usize = 8 * 1024 * 1024;

/// How long tasks that were cut off may take to end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Run the gateway.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate serve gateway.yaml                       until SIGTERM; SIGHUP reads the file anew
  bearergate serve -c gateway.yaml --hand-over run    a second one, started so, takes over")]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// A folder of this user alone (mode 0700), through which a successor takes over the listening
    /// sockets of the process that runs: start it with the same folder.
    #[arg(long, value_name = "FOLDER")]
    hand_over: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        // Signals have a thread of their own: busy workers cannot keep a SIGTERM waiting.
        let control = super::small_runtime()?;
        let (workers, access_log) = control.block_on(self.serve())?;
        // What was cut off is told when its task is dropped, and then written.
        workers.shutdown_timeout(LAST_WORDS);
        // A file that does not answer is waited for by a thread of it.
        control.shutdown_background();
        access_log.flush();
        Ok(())
    }

    async fn serve(self) -> Result<(Runtime, AccessLog), Failure> {
        let Signals {
            mut ending,
            hangup,
            rotation,
            orders,
        } = Signals::new().context("cannot listen for signals")?;
        let mut files = Files::default();
        let config = self.config.load_noting(&mut files)?;
        start_logging(&config.log);
        log_panics();
        let access_log = access_log(&config.log)?;
        let (ages, certificates) = watch::channel(CertificateAges::of(&config));
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            file = %self.config.path().display(),
            listeners = config.listeners.len(),
            routes = config.routes.len(),
            issuers = config.issuers.len(),
            identities = config.identities.len(),
            "starting"
        );
        let service = Service::of_environment();
        let place = self.meeting_place()?;
        let (predecessor, bound) = bound(&config, place.as_ref()).await?;
        let passed_on = match place {
            Some(_) => bound.duplicates().context("cannot pass sockets on")?,
            None => Vec::new(),
        };
        let workers = Builder::new_multi_thread()
            .worker_threads(config.threads)
            .max_blocking_threads(BLOCKING)
            .thread_name("worker")
            .enable_all()
            .build()
            .context("cannot start worker threads")?;
        let started = {
            let _inside = workers.enter();
            let started = App::prepare(config, bound, access_log.clone());
            started.inspect(App::ask_for_tokens)
        };
        let app = match started {
            Ok(app) => app,
            Err(why) => {
                // A runtime may not be waited for inside another.
                workers.shutdown_background();
                return Err(anyhow::Error::from(why).into());
            }
        };
        workers.spawn(app.tells_when_ready());
        let succession = match succeed(&app, predecessor, place.as_ref()).await {
            Ok(succession) => succession,
            Err(why) => {
                workers.shutdown_background();
                return Err(why.into());
            }
        };
        app.accept();
        service.ready();
        let (hang_up, hung_up) = mpsc::channel(1);
        let change = Notify::new();
        let told = Told {
            ages,
            change: &change,
            service: &service,
        };
        let signal = tokio::select! {
            signal = ending.came() => Some(signal),
            () = succeeded(succession.as_ref(), &passed_on) => None,
            never = hear(hangup, hang_up) => match never {},
            never = self.follow(&app, files, hung_up, &told) => match never {},
            never = settle(&change) => match never {},
            never = remind(certificates) => match never {},
            never = rotate(rotation, &access_log) => match never {},
            never = obey(orders, &app) => match never {},
        };
        // Nobody is to wait where nobody accepts.
        drop((passed_on, succession));
        let draining = async {
            match signal {
                Some(signal) => {
                    service.stopping();
                    tracing::info!(signal, "stopping");
                    app.drain().await
                }
                None => {
                    tracing::info!("stopping: a successor accepts");
                    app.drain_succeeded().await
                }
            }
        };
        tokio::select! {
            cut = draining => match cut {
                0 => tracing::info!("stopped; every request was answered"),
                cut => tracing::warn!(cut, "stopped; grace ran out on requests in flight"),
            },
            signal = ending.came() => tracing::warn!(signal, "stopping at once"),
        }
        Ok((workers, access_log))
    }

    fn meeting_place(&self) -> anyhow::Result<Option<MeetingPlace>> {
        let Some(folder) = &self.hand_over else {
            return Ok(None);
        };
        let place = MeetingPlace::at(folder);
        let place = place.with_context(|| format!("--hand-over {}", folder.display()))?;
        Ok(Some(place))
    }

    /// Takes over what the file has become, when it changes and when SIGHUP asks for it.
    async fn follow(
        &self,
        app: &App,
        files: Files,
        mut hung_up: mpsc::Receiver<()>,
        told: &Told<'_>,
    ) -> Infallible {
        if self.config.is_standard_input() {
            loop {
                hung_up.recv().await;
                tracing::warn!("SIGHUP: standard input cannot be read again; nothing changes");
            }
        }
        let followed = Followed {
            path: self.config.path().to_owned(),
            files,
        };
        app.follow(followed, hung_up, told).await
    }
}

/// Binds what nobody has bound for us: no predecessor, and no service manager.
async fn bound(
    config: &Config,
    place: Option<&MeetingPlace>,
) -> anyhow::Result<(Option<Predecessor>, Bound)> {
    let given = service::sockets()?;
    let met = match place {
        Some(place) => place.predecessor().await,
        None => Ok(None),
    };
    let (predecessor, mut inherited) = match met.context("cannot take over from who serves now")? {
        Some((predecessor, sockets)) => (Some(predecessor), sockets),
        None => (None, given),
    };
    let bound = Bound::beside(config, &mut inherited)?;
    let left = inherited.left().join(", ");
    // A predecessor may have had a listener more; who bound one for us means it to be served.
    if !left.is_empty() && predecessor.is_none() {
        anyhow::bail!("no listener has the address of a socket in LISTEN_FDS: {left}");
    }
    Ok((predecessor, bound))
}

/// Takes the place of who served before, once everything is there for it, and waits for successors in it.
async fn succeed(
    app: &App,
    predecessor: Option<Predecessor>,
    place: Option<&MeetingPlace>,
) -> anyhow::Result<Option<Succession>> {
    if let Some(predecessor) = predecessor {
        app.warmed().await;
        let relieved = predecessor.relieve().await;
        relieved.context("cannot take over from who serves now")?;
    }
    let succession = place.map(MeetingPlace::succession).transpose();
    succession.context("cannot wait for a successor")
}

/// Waits until somebody has taken over; for ever where nobody may.
async fn succeeded(succession: Option<&Succession>, sockets: &[OwnedFd]) {
    match succession {
        Some(succession) => succession.succeeded(sockets).await,
        None => std::future::pending().await,
    }
}

/// Who hears of configurations that are read while running.
struct Told<'s> {
    ages: watch::Sender<CertificateAges>,
    change: &'s Notify,
    service: &'s Service,
}

impl Follower for Told<'_> {
    fn begins(&self) {
        self.service.reloading();
    }

    fn ended(&self, taken: Option<&Config>) {
        if let Some(config) = taken {
            let _ = self.ages.send(CertificateAges::of(config));
        }
        self.change.notify_one();
        self.service.ready();
    }
}

/// The allocator looks for what it can give back to the system when something large is freed, and a
/// gateway at rest frees nothing: of 10,000 routes, that is 40 MB. Now, and after each `change`.
async fn settle(change: &Notify) -> Infallible {
    loop {
        tokio::time::sleep(SETTLED).await;
        drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
        change.notified().await;
    }
}

/// Tells of certificates that end, each day and of each configuration.
async fn remind(mut certificates: watch::Receiver<CertificateAges>) -> Infallible {
    loop {
        let ages = certificates.borrow_and_update().clone();
        tokio::select! {
            never = ages.remind(DAY, |notice| tracing::warn!("{notice}")) => match never {},
            Ok(()) = certificates.changed() => {}
        }
    }
}

fn access_log(definition: &LogDefinition) -> anyhow::Result<AccessLog> {
    let opened = AccessLog::open(&definition.access, definition.format);
    opened.with_context(|| match &definition.access {
        AccessSink::File(path) => format!("cannot write to log.access.file, {}", path.display()),
        AccessSink::Nothing | AccessSink::StandardOutput => "no access log".to_owned(),
    })
}
