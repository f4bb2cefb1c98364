//! Does any certificate end soon? Entra refuses one that has ended, and says so only when asked.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixTime;
use crate::config::Config;

/// So long before the end there is still time to roll a certificate.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often it is told.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When the certificates of a configuration's identities end.
#[derive(Clone)]
pub(super) struct CertificateAges(Vec<(Arc<str>, UnixTime)>);

impl CertificateAges {
    pub(super) fn of(config: &Config) -> Self {
        let identities = config.identities.iter();
        let ends =
            identities.filter_map(|it| Some((Arc::clone(&it.name), it.certificate_ends_at()?)));
        Self(ends.collect())
    }

    /// What is to be told of those that have ended or soon will.
    pub(super) fn notices(&self, now: UnixTime) -> impl Iterator<Item = String> {
        let ends = self.0.iter();
        ends.filter_map(move |(identity, end)| notice(identity, *end, now))
    }

    /// How many have ended.
    pub(super) fn ended(&self, now: UnixTime) -> usize {
        self.0.iter().filter(|(_, end)| *end <= now).count()
    }

    /// Tells it now, and again and again.
    pub(super) async fn remind(&self, every: Duration, tell: impl Fn(&str)) -> Infallible {
        loop {
            self.notices(UnixTime::now())
                .for_each(|notice| tell(&notice));
            tokio::time::sleep(every).await;
        }
    }
}

fn notice(identity: &str, end: UnixTime, now: UnixTime) -> Option<String> {
    if end <= now {
        return Some(format!(
            "identity {identity}: its certificate ended at {end}, and Entra refuses it; \
             `bearergate certificate new` makes another"
        ));
    }
    let left = now.until(end);
    let days = left.as_secs() / (24 * 60 * 60);
    (left < SOON)
        .then(|| format!("identity {identity}: its certificate ends in {days} days, at {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_or_ends_soon_is_told() {
        let day = 24 * 60 * 60;
        let now = UnixTime::from_seconds(1000 * day);
        let told = |end: u64| notice("mail", UnixTime::from_seconds(end * day), now);
        assert!(told(999).unwrap().contains("ended at"));
        assert!(told(1000).unwrap().contains("ended at"));
        assert!(told(1029).unwrap().contains("ends in 29 days"));
        assert_eq!(told(1030), None);
    }
    #[tokio::test]
    async fn it_is_told_at_once_and_again_and_again() {
        let ends = CertificateAges(vec![("mail".into(), UnixTime::now())]);
        assert_eq!(ends.ended(UnixTime::now()), 1);
        let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
        let reminding = ends.remind(Duration::from_millis(1), |notice| {
            sender.send(notice.to_owned()).unwrap();
        });
        tokio::pin!(reminding);
        for _ in 0..3 {
            tokio::select! {
                never = &mut reminding => match never {},
                notice = told.recv() => assert!(notice.unwrap().contains("identity mail")),
            }
        }
    }
}
