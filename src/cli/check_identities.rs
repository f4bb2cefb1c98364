//! Who the gateway is, and by what it proves that: the plan's lines about identities with more to say than that
//! they have a secret or a certificate.

use crate::config::Config;
use crate::outbound::{ClientDefinition, CredentialDefinition, IdentityDefinition};

pub(super) fn identities(config: &Config) -> Vec<String> {
    config.identities.iter().flat_map(lines).collect()
}

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

fn lines(identity: &IdentityDefinition) -> Vec<String> {
    let credentials = identity.client.credentials();
    let credentials: Vec<_> = credentials
        .map(|all| all.iter().collect())
        .unwrap_or_default();
    if let [] | [CredentialDefinition::Secret(_) | CredentialDefinition::Certificate(_)] =
        credentials[..]
    {
        return Vec::new();
    }
    let mut lines = vec![identity.name.to_string()];
    for (place, credential) in credentials.into_iter().enumerate() {
        let or = if place == 0 { "by" } else { "or by" };
        lines.push(format!("  {or} {}", told(credential)));
        if let CredentialDefinition::FederatedToken(file) | CredentialDefinition::Assertion(file) =
            credential
            && let Some(said) = file.said()
        {
            lines.push(format!("    issuer {}", said.issuer));
            lines.push(format!("    subject {}", said.subject));
            lines.push(format!("    audience {}", said.audience));
        }
    }
    lines
}

fn told(credential: &CredentialDefinition) -> String {
    let what = match credential {
        CredentialDefinition::Secret(_) => "a secret".to_owned(),
        CredentialDefinition::Certificate(_) => "a certificate".to_owned(),
        CredentialDefinition::FederatedToken(file) => {
            format!("the federated token {}", file.path.display())
        }
        CredentialDefinition::Assertion(file) => format!("the assertion {}", file.path.display()),
        CredentialDefinition::Exec(command) => format!("what {} prints", command.program.display()),
    };
    let end = credential
        .ends_at()
        .filter(|_| credential.is_renewed_by_hand());
    match end {
        Some(end) => format!("{what}, until {end}"),
        None => what,
    }
}
