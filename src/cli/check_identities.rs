//! Who is the gateway when it asks for a token? What the file leaves to the place where it runs.

use crate::config::Config;
use crate::outbound::ClientDefinition;

/// The identities that the platform gives, and which platform was found.
pub(super) fn platform(config: &Config) -> Option<(&'static str, Vec<String>)> {
    let lines = config.identities.iter().filter_map(|it| match &it.client {
        ClientDefinition::ManagedIdentity(client) => {
            let (platform, selector) = (&client.0.platform, &client.0.selector);
            Some(format!("{}: {selector}, by {platform}", it.name))
        }
        ClientDefinition::Entra(_) => None,
    });
    let lines: Vec<_> = lines.collect();
    (!lines.is_empty()).then_some(("managed identity", lines))
}
