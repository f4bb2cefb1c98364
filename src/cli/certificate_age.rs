//! Does any certificate end soon? Entra refuses one that has ended, and says so only when asked.

use std::time::Duration;

use crate::clock::UnixTime;
use crate::config::Config;
use crate::outbound::CredentialDefinition;

/// So long before the end there is still time to roll a certificate.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) fn notices(config: &Config, now: UnixTime) -> Vec<String> {
    let identities = config.identities.iter();
    identities
        .flat_map(|identity| {
            let ends = identity
                .credentials
                .iter()
                .filter_map(CredentialDefinition::not_after);
            ends.filter_map(move |end| notice(&identity.name, end, now))
        })
        .collect()
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
}
