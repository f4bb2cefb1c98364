//! Is Redis there? One connection, watched and made again in the background: nobody who wants something
//! of it waits for that for longer than they have.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::bounded::Allowance;
use super::connect::{Connected, connect, told};
use super::definition::RedisDefinition;

/// The longest that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// Between two attempts.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
/// Between two looks at whether it still answers, and how long that may take.
const LOOK: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(2);

/// A connection in the background; it ends with this.
pub(super) struct Link {
    state: watch::Receiver<State>,
    task: AbortHandle,
}

#[derive(Clone)]
enum State {
    /// For the first time.
    Connecting,
    Up(MultiplexedConnection, Allowance),
    Down(Arc<str>),
}

impl Link {
    /// Needs a tokio runtime.
    pub(super) fn start(definition: RedisDefinition) -> Self {
        let (sender, state) = watch::channel(State::Connecting);
        let task = tokio::spawn(hold(definition, sender)).abort_handle();
        Self { state, task }
    }

    /// A connection that may be asked something now, before `deadline`.
    pub(super) async fn connection(
        &self,
        deadline: Instant,
    ) -> Result<MultiplexedConnection, Arc<str>> {
        let mut state = self.state.clone();
        let decided = state.wait_for(|state| !matches!(state, State::Connecting));
        let state = match timeout_at(deadline, decided).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => return Err("the process is ending".into()),
            Err(_) => return Err("it is not connected yet".into()),
        };
        match state {
            State::Up(connection, allowance) => {
                allowance.renew();
                Ok(connection)
            }
            State::Down(why) => Err(why),
            State::Connecting => Err("it is not connected yet".into()),
        }
    }

    /// Why it is not there, where it is not.
    pub(super) fn failure(&self) -> Option<Arc<str>> {
        match &*self.state.borrow() {
            State::Connecting => Some("it is not connected yet".into()),
            State::Up(..) => None,
            State::Down(why) => Some(Arc::clone(why)),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, for ever again.
async fn hold(definition: RedisDefinition, state: watch::Sender<State>) {
    let url = definition.url.as_str();
    let mut pause = SHORTEST;
    let mut told_already = false;
    loop {
        let connected = timeout(CONNECT, connect(&definition)).await;
        let slow = || Err(format!("no connection within {CONNECT:?}"));
        let why: Arc<str> = match connected.unwrap_or_else(|_| slow()) {
            Ok(connected) => {
                tracing::info!(url, "the shared store is reached");
                (pause, told_already) = (SHORTEST, false);
                let (connection, allowance) = (&connected.connection, &connected.allowance);
                state.send_replace(State::Up(connection.clone(), allowance.clone()));
                until_it_ends(connected).await.into()
            }
            Err(why) => why.into(),
        };
        if !told_already {
            told_already = true;
            let why = &*why;
            tracing::warn!(
                url,
                why,
                "the shared store is not reached; each replica keeps its tokens for itself"
            );
        }
        state.send_replace(State::Down(why));
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Looks at it from time to time; what ended it.
async fn until_it_ends(connected: Connected) -> String {
    let Connected {
        mut connection,
        driver,
        allowance,
    } = connected;
    let watched = async {
        loop {
            sleep(LOOK).await;
            allowance.renew();
            let ping = redis::cmd("PING");
            let ping = ping.query_async::<redis::Value>(&mut connection);
            match timeout(ANSWER, ping).await {
                Ok(Ok(_)) => {}
                Ok(Err(why)) => return told(&why),
                Err(_) => return format!("it did not answer within {ANSWER:?}"),
            }
        }
    };
    tokio::select! {
        () = driver => "the connection ended".to_owned(),
        why = watched => why,
    }
}
