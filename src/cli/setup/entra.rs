//! `bearergate setup entra`: the script that brings a directory to what the file says.

use std::collections::BTreeSet;

use super::script::{FUNCTIONS, Script};
use super::{apis, applications};
use crate::cli::{ConfigFile, Failure, say};
use crate::config::Config;
use crate::entra::{Cloud, Tenant};
use crate::inbound::IssuerKind;
use crate::outbound::ClientDefinition;

/// Print a script for `az` that brings a tenant to what the file says.
///
/// Registrations must be there, for their ids are in the file: it gives APIs their app roles and scopes, callers
/// the roles and scopes that routes want, identities their certificates, federated credentials and permissions,
/// for themselves and for users, and mailboxes to applications by Exchange's RBAC. It looks before it does, takes nothing away, and may be run again. Read
/// it before you run it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate setup entra gateway.yaml            > setup.sh; less setup.sh; sh setup.sh
  bearergate setup entra gateway.yaml --tenant 5e0699a2-7e10-4d08-8ebb-4f7d7406ad09")]
pub(in crate::cli) struct SetupEntra {
    #[command(flatten)]
    config: ConfigFile,
    /// The tenant to set up, where the file names several.
    #[arg(long, value_name = "GUID")]
    tenant: Option<Tenant>,
}

impl SetupEntra {
    pub(in crate::cli) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        let tenant = self.tenant(&config)?;
        let cloud = cloud(&config, tenant);
        let mut script = Script::default();
        script.line("#!/bin/sh");
        script.remark("Made by `bearergate setup entra`. Read it before you run it.");
        script.line("set -eu");
        script.line(&format!("tenant={tenant}"));
        script.line(&format!("graph=https://{}/v1.0", cloud.graph_hosts()[0]));
        script.line("work=$(mktemp -d)");
        script.line("trap 'rm -rf \"$work\"' EXIT");
        script.line(
            "if [ \"$(az account show --query tenantId --output tsv)\" != \"$tenant\" ]; then",
        );
        script.line("  echo \"log in first: az login --tenant $tenant --allow-no-subscriptions\" >&2; exit 1");
        script.line("fi");
        script.line(FUNCTIONS.trim_end());
        apis::write(&mut script, &config, tenant);
        applications::write(&mut script, &config, tenant);
        script.part("What the tenant has now is what the file says.");
        script.line("echo done");
        say!("{}", script.text().trim_end())?;
        Ok(())
    }

    /// The one that is meant.
    fn tenant(&self, config: &Config) -> Result<Tenant, Failure> {
        let named = tenants(config);
        let listed = || named.iter().cloned().collect::<Vec<_>>().join(", ");
        match (self.tenant, named.len()) {
            (Some(tenant), 0) => Ok(tenant),
            (Some(tenant), _) if named.contains(&tenant.to_string()) => Ok(tenant),
            (Some(tenant), _) => Err(Failure::Usage(format!(
                "the file names no tenant {tenant}; it has: {}",
                listed()
            ))),
            (None, 1) => {
                let only = named.iter().next().and_then(|it| it.parse().ok());
                only.ok_or_else(|| Failure::Usage("the file names no tenant".to_owned()))
            }
            (None, 0) => {
                let why = "the file names no tenant; say which by --tenant";
                Err(Failure::Usage(why.to_owned()))
            }
            (None, _) => Err(Failure::Usage(format!(
                "the file names several tenants; say which by --tenant: {}",
                listed()
            ))),
        }
    }
}

/// All that the file names, as text.
fn tenants(config: &Config) -> BTreeSet<String> {
    let of_issuers = config.issuers.iter().map(|issuer| {
        let IssuerKind::Entra(authority, _) = &issuer.kind;
        authority.tenant().to_string()
    });
    let of_identities = config.identities.iter().filter_map(|it| match &it.client {
        ClientDefinition::Entra(client) => Some(client.authority.tenant().to_string()),
        ClientDefinition::ManagedIdentity(_) | ClientDefinition::OAuth2(_) => None,
    });
    of_issuers.chain(of_identities).collect()
}

/// The cloud that a tenant is of, as the file has it.
fn cloud(config: &Config, tenant: Tenant) -> Cloud {
    let mut of_issuers = config.issuers.iter().filter_map(|issuer| {
        let IssuerKind::Entra(authority, _) = &issuer.kind;
        (authority.tenant() == tenant).then(|| authority.cloud())
    });
    let mut of_identities = config.identities.iter().filter_map(|it| match &it.client {
        ClientDefinition::Entra(client) if client.authority.tenant() == tenant => {
            Some(client.authority.cloud())
        }
        _ => None,
    });
    of_issuers
        .next()
        .or_else(|| of_identities.next())
        .unwrap_or_default()
}
