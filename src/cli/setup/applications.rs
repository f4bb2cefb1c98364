//! The gateway's own identities: how they prove themselves, and what they may do.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::exchange::{self, Mail};
use super::script::{Script, Word};
use super::users;
use crate::cli::graph_roles;
use crate::config::Config;
use crate::entra::{Certificate, Endpoint, Selector, Tenant};
use crate::outbound::{
    ClientDefinition, CredentialDefinition, EntraClient, IdentityDefinition, TokenDefinition,
};

pub(super) fn write(script: &mut Script, config: &Config, tenant: Tenant) {
    for identity in &config.identities {
        match &identity.client {
            ClientDefinition::Entra(client) if client.authority.tenant() == tenant => {
                application(script, config, identity, client);
            }
            ClientDefinition::ManagedIdentity(client) => {
                let name = &identity.name;
                let Selector::ClientId(id) = &client.0.selector else {
                    script.part(&format!("The managed identity {name}: write its `client_id` into the file, and this script gives it roles."));
                    continue;
                };
                script.part(&format!("The managed identity {name}"));
                permissions(script, config, name, &id.to_string());
            }
            _ => {}
        }
    }
}

fn application(
    script: &mut Script,
    config: &Config,
    identity: &IdentityDefinition,
    client: &EntraClient,
) {
    let id = client.client_id.to_string();
    script.part(&format!("The application of {}", identity.name));
    script.call("application", &[Word::Text(&id)]);
    for credential in client.credentials.iter() {
        self::credential(script, &identity.name, client, credential);
    }
    permissions(script, config, &identity.name, &id);
    users::write(script, config, &identity.name, &id);
}

fn credential(
    script: &mut Script,
    name: &str,
    client: &EntraClient,
    credential: &CredentialDefinition,
) {
    let id = client.client_id.to_string();
    let exchange = client.authority.cloud().token_exchange();
    match credential {
        CredentialDefinition::Certificate(certificate) => {
            let thumbprint = certificate.key.certificate().thumbprint_hex();
            let base64 = certificate.key.certificate().thumbprint_base64();
            let file = format!("{thumbprint}.pem");
            script.file(&file, &pem(certificate.key.certificate()));
            script.line(&format!(
                "certificate {id} \"$work/{file}\" {thumbprint} '{base64}'"
            ));
        }
        CredentialDefinition::ManagedIdentity(managed) => {
            let issuer = client.authority.issuer(Endpoint::V2);
            match &managed.identity.selector {
                Selector::ClientId(of) => {
                    script.line(&format!("subject=$(principal {of})"));
                    trust(script, &id, name, &issuer, Word::Shell("\"$subject\""), exchange);
                }
                Selector::ObjectId(of) => {
                    trust(script, &id, name, &issuer, Word::Text(&of.to_string()), exchange);
                }
                Selector::Own | Selector::ResourceId(_) => script.remark(
                    "Its managed identity: write its `client_id` into the file, and this script has it trusted.",
                ),
            }
        }
        CredentialDefinition::FederatedToken(file) => match file.said() {
            Some(said) => {
                let (issuer, subject) = (&said.issuer, Word::Text(&said.subject));
                trust(script, &id, name, issuer, subject, &said.audience);
            }
            None => script.remark("Its federated token has not been read."),
        },
        CredentialDefinition::Secret(_) => {
            script.remark("Its secret is there already: Entra shows one only when it makes it.");
            script.remark(&format!("az ad app credential reset --id {id} --append"));
        }
        // Of clients of other servers alone.
        CredentialDefinition::PrivateKey(_) | CredentialDefinition::ClientCertificate(_) => {}
        CredentialDefinition::Assertion(_) | CredentialDefinition::Exec(_) => {
            script.remark(
                "Who makes its assertions knows the issuer, subject and audience to trust.",
            );
        }
    }
}

fn trust(
    script: &mut Script,
    id: &str,
    name: &str,
    issuer: &str,
    subject: Word<'_>,
    audience: &str,
) {
    let name = format!("bearergate-{name}");
    let words = [
        Word::Text(id),
        Word::Text(&name),
        Word::Text(issuer),
        subject,
        Word::Text(audience),
    ];
    script.call("trust", &words);
}

/// What the routes need, as far as that is known.
fn permissions(script: &mut Script, config: &Config, name: &str, id: &str) {
    let mail = Mail::of(config, name);
    if !mail.is_empty() {
        mail.write(script, name, id);
    }
    let (mut granted, mut told) = (BTreeSet::new(), BTreeSet::new());
    for route in &config.routes {
        let TokenDefinition::App { identity, scope } = &route.token else {
            continue;
        };
        if **identity != *name {
            continue;
        }
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        match graph_roles::sufficient(route).first() {
            Some(role) if role.starts_with("Mail.") => {}
            Some(role) => {
                granted.insert(*role);
            }
            None if exchange::is_exchange(scope) => {}
            None => {
                told.insert(format!(
                    "What {} needs of {resource} is for you to say, such as:",
                    route.id
                ));
            }
        }
    }
    for role in granted {
        script.call(
            "grant",
            &[
                Word::Text(id),
                Word::Text(graph_roles::GRAPH),
                Word::Text(role),
            ],
        );
    }
    for line in told {
        script.remark(&line);
        script.remark(&format!("grant {id} API-CLIENT-ID ROLE"));
    }
}

fn pem(certificate: &Certificate) -> Vec<String> {
    let encoded = STANDARD.encode(certificate.der());
    let mut lines = vec!["-----BEGIN CERTIFICATE-----".to_owned()];
    let chars: Vec<char> = encoded.chars().collect();
    lines.extend(chars.chunks(64).map(|line| line.iter().collect::<String>()));
    lines.push("-----END CERTIFICATE-----".to_owned());
    lines
}
