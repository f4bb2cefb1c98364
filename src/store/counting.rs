//! How do replicas count together? A bucket is a key that ends when the bucket is full again: who has spent
//! of it puts that off, by one script for many buckets, so that nothing is lost between two who do so at
//! once. No clock is compared but Redis's own with itself. Nobody waits for it.

use std::time::Duration;

use redis::RedisError;
use tokio::time::{Instant, timeout_at};

use super::connect::told;
use super::redis::Redis;
use super::sealing::Name;

/// What is put off by how much, and until when at most; all in milliseconds. `PTTL` is negative for what
/// is not there, and for what was put there without an end, which is nothing of ours.
const PUT_OFF: &str = "\
local owed = {}
for place, key in ipairs(KEYS) do
  local left = math.max(redis.call('PTTL', key), 0) + ARGV[2 * place - 1]
  left = math.min(left, tonumber(ARGV[2 * place]))
  if left > 0 then redis.call('SET', key, '', 'PX', left) end
  owed[place] = left
end
return owed";
/// How long the answer may take; far longer than it does, and short enough that what is told is not old.
const ANSWER: Duration = Duration::from_millis(500);
/// Of one script: Redis does nothing else while it runs, which is a millisecond.
pub const MOST_CHARGES: usize = 256;

/// What has been spent of one bucket.
pub struct Charge {
    pub name: Name,
    /// So much later it is full again.
    pub spent: Duration,
    /// The longest that it may take to be.
    pub most: Duration,
}

impl Redis {
    /// How long each is from being full now; `None` where that could not be learned, and may have been
    /// told all the same.
    pub(super) async fn put_off(&self, charges: &[Charge]) -> Option<Vec<Duration>> {
        if self.counting.why().is_some() {
            return None;
        }
        let deadline = Instant::now() + ANSWER;
        // Where there is none, that is told already.
        let mut connection = self.link.connection(deadline).await.ok()?;
        let command = command(charges);
        let asked = command.query_async::<Vec<i64>>(&mut connection);
        let why = match timeout_at(deadline, asked).await {
            Ok(Ok(owed)) if owed.len() == charges.len() => {
                self.counting.ends();
                let owed = owed.into_iter().map(|it| u64::try_from(it).unwrap_or(0));
                return Some(owed.map(Duration::from_millis).collect());
            }
            Ok(Ok(_)) => "it is not understood: it answers something else".to_owned(),
            Ok(Err(why)) => told_of_script(&why),
            Err(_) => format!("it is slow: no answer within {ANSWER:?}"),
        };
        self.counting.begins(&why.into());
        None
    }
}

fn command(charges: &[Charge]) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(PUT_OFF).arg(charges.len());
    for charge in charges {
        command.arg(format!("bearergate:1:limit:{}", charge.name));
    }
    for charge in charges {
        command.arg(milliseconds(charge.spent));
        command.arg(milliseconds(charge.most));
    }
    command
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Redis 7.0 has no code of its own for a command that a script may not run.
fn told_of_script(why: &RedisError) -> String {
    match why.code() {
        Some("ERR") => "its script fails: the user needs EVAL, PTTL and SET".to_owned(),
        _ => told(why),
    }
}
