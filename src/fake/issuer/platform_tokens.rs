//! What does the issuer give to a platform for one of its identities? What an application would get, without
//! a credential: that the platform knows who runs on it is the proof.

use super::entra::Issuer;
use super::registration::{ApiRegistration, Generation};
use crate::fake::token::TokenBuilder;

/// What stands for another issuer's token: a token for it proves an application that trusts its subject.
pub(super) const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";
/// That resource's own id, which is the audience of such tokens.
pub(super) const TOKEN_EXCHANGE_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

impl Issuer {
    /// A token of that tenant's for the resource, where there is one by that name.
    pub(in crate::fake) fn to_platform(
        &self,
        tenant: &str,
        client_id: &str,
        resource: &str,
    ) -> Option<TokenBuilder> {
        let token = self.token(tenant).client(client_id).proven_by("2");
        if resource == TOKEN_EXCHANGE {
            return Some(token.audience(TOKEN_EXCHANGE_ID));
        }
        let registry = self.state.registry.read();
        let api = registry.api(resource)?;
        let mut token = token.generation(api.tokens).audience(match api.tokens {
            Generation::V1 => resource,
            Generation::V2 => &api.client_id,
        });
        let app = registry.app(tenant, client_id);
        for role in app.iter().flat_map(|app| app.roles_on(api)) {
            token = token.role(role);
        }
        Some(match api.client_id == ApiRegistration::GRAPH {
            true => token.for_graph(),
            false => token,
        })
    }
}
