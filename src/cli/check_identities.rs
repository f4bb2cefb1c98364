//! Who the gateway is, and by what it proves that: the plan's lines about identities with more to say than that
//! they have a secret or a certificate.

use crate::config::Config;
use crate::entra::ManagedIdentity;
use crate::outbound::{
    ClientDefinition, CredentialDefinition, IdentityDefinition, SigningKey, TokenUrl,
};

pub(super) fn identities(config: &Config) -> Vec<String> {
    config.identities.iter().flat_map(lines).collect()
}

fn lines(identity: &IdentityDefinition) -> Vec<String> {
    if let ClientDefinition::ManagedIdentity(client) = &identity.client {
        let what = format!("  {}", of_platform(&client.0));
        return vec![identity.name.to_string(), what];
    }
    let credentials = identity.client.credentials();
    let credentials: Vec<_> = credentials
        .map(|all| all.iter().collect())
        .unwrap_or_default();
    let is_plain = match credentials[..] {
        [] | [CredentialDefinition::Secret(_)] => true,
        [CredentialDefinition::Certificate(it)] => matches!(it.key, SigningKey::Here(_)),
        _ => false,
    };
    let name = &identity.name;
    let first = match &identity.client {
        ClientDefinition::OAuth2(client) => {
            let at = match &client.token_url {
                TokenUrl::Written(url) => url.to_string(),
                it => format!("the token endpoint that {} names", it.written()),
            };
            format!("{name}: {} at {at}", client.client_id)
        }
        ClientDefinition::Entra(client) if client.region.is_some() => {
            format!("{name}: at {}", client.token_endpoint())
        }
        _ if is_plain => return Vec::new(),
        _ => name.to_string(),
    };
    let mut lines = vec![first];
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

/// Which platform was found, and which of its identities is meant.
fn of_platform(it: &ManagedIdentity) -> String {
    let (platform, selector) = (&it.platform, &it.selector);
    format!("the managed identity of {platform}: {selector}")
}

fn told(credential: &CredentialDefinition) -> String {
    let what = match credential {
        CredentialDefinition::Secret(_) => "a secret".to_owned(),
        CredentialDefinition::Certificate(it) => match &it.key {
            SigningKey::Here(_) => "a certificate".to_owned(),
            SigningKey::KeyVault(_, safe) => format!("a certificate whose key is in {safe}"),
            SigningKey::VaultTransit(_, safe) => format!("a certificate whose key is in {safe}"),
            SigningKey::Pkcs11(_, safe) => format!("a certificate whose key is in {safe}"),
        },
        CredentialDefinition::ClientCertificate(_) => "the certificate that is shown".to_owned(),
        CredentialDefinition::PrivateKey(_) => "a private key".to_owned(),
        CredentialDefinition::FederatedToken(file) => {
            format!("the federated token {}", file.path.display())
        }
        CredentialDefinition::Assertion(file) => format!("the assertion {}", file.path.display()),
        CredentialDefinition::Exec(command) => format!("what {} prints", command.program.display()),
        CredentialDefinition::ManagedIdentity(it) => of_platform(&it.identity),
    };
    let end = credential
        .ends_at()
        .filter(|_| credential.is_renewed_by_hand());
    match end {
        Some(end) => format!("{what}, until {end}"),
        None => what,
    }
}
