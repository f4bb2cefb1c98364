//! `bearergate consent-url`: where an administrator agrees to what an application asks for.

use std::collections::BTreeSet;

use url::Url;
use uuid::Uuid;

use super::{ConfigFile, Failure, say};
use crate::config::Config;
use crate::outbound::{ClientDefinition, EntraClient, IdentityDefinition, TokenDefinition};

/// Print where an administrator consents to an application's permissions.
///
/// An application that acts for itself gets its permissions from an administrator of the tenant alone; where it
/// acts for users, an administrator may consent for all of them, and Entra asks each user otherwise. A
/// registration without a redirect URI has its consent recorded all the same; Entra then ends with
/// AADSTS500113, which says no more than that it knows no page to go back to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate consent-url gateway.yaml                    for each application of the file
  bearergate consent-url gateway.yaml -i mail-daemon
  bearergate consent-url gateway.yaml -i mail-daemon --redirect-uri https://contoso.example/back")]
pub(super) struct ConsentUrl {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this identity.
    #[arg(long, short = 'i', value_name = "NAME")]
    identity: Option<String>,
    /// A redirect URI of the registration: consent is asked for what the routes are for, API by API.
    #[arg(long, value_name = "URL")]
    redirect_uri: Option<Url>,
}

impl ConsentUrl {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        let mut wanted: Vec<&IdentityDefinition> = config.identities.iter().collect();
        if let Some(name) = &self.identity {
            let names: Vec<&str> = config.identities.iter().map(|it| &*it.name).collect();
            wanted.retain(|it| *it.name == **name);
            if wanted.is_empty() {
                return Err(Failure::Usage(super::token::unknown(name, &names)));
            }
        }
        for identity in wanted {
            match &identity.client {
                ClientDefinition::Entra(client) => {
                    for url in self.urls(&config, &identity.name, client) {
                        say!("{}: {url}", identity.name)?;
                    }
                }
                ClientDefinition::OAuth2(_) => say!(
                    "{}: what a client of another server may is set up there",
                    identity.name
                )?,
                ClientDefinition::ManagedIdentity(_) => say!(
                    "{}: a managed identity has no consent; `bearergate setup entra` gives it roles",
                    identity.name
                )?,
            }
        }
        Ok(())
    }

    fn urls(&self, config: &Config, name: &str, client: &EntraClient) -> Vec<String> {
        let Some(redirect_uri) = &self.redirect_uri else {
            let scope = None;
            return vec![client.authority.consent_url(client.client_id, scope)];
        };
        let scopes = config.routes.iter().flat_map(|route| match &route.token {
            TokenDefinition::App { identity, scope } if **identity == *name => {
                [Some(scope.as_str()), None]
            }
            TokenDefinition::OnBehalfOf {
                identity,
                scope,
                app_scope,
            } if **identity == *name => [Some(scope.as_str()), app_scope.as_deref()],
            _ => [None, None],
        });
        let scopes: BTreeSet<&str> = scopes.flatten().collect();
        let urls = scopes.into_iter().map(|scope| {
            let back = (redirect_uri.as_str(), &*Uuid::new_v4().simple().to_string());
            let scope = Some((scope, back.0, back.1));
            client.authority.consent_url(client.client_id, scope)
        });
        urls.collect()
    }
}
