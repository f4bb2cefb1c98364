//! Does an endpoint give back what it was given in confidence? Then its words reach no log.

use zeroize::Zeroizing;

/// Whether an endpoint gives back what it was given in confidence.
pub(super) fn echoes(text: &str, confided: &[&str]) -> bool {
    let mut confided = confided.iter().filter(|told| !told.is_empty());
    confided.any(|told| {
        let sent: Zeroizing<String> =
            Zeroizing::new(url::form_urlencoded::byte_serialize(told.as_bytes()).collect());
        text.contains(told) || text.contains(sent.as_str())
    })
}
