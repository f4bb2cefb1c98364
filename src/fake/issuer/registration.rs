//! Who is registered? Applications with their credentials and roles, and the APIs that tokens are for.

use openssl::error::ErrorStack;
use openssl::x509::X509;
use uuid::Uuid;

use super::federation::Federated;
use super::user::UserState;
use crate::secret::Secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// v1: `resource`, `appid`, `sts.windows.net`.
    V1,
    /// v2: `scope`, `azp`, `login.microsoftonline.com`.
    V2,
}

#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Registry {
    apps: Vec<AppRegistration>,
    apis: Vec<ApiRegistration>,
    /// By name; who is not among them is well.
    users: Vec<(String, UserState)>,
}

impl Registry {
    pub fn new() -> Self {
        let graph = "https://graph.microsoft.com";
        let exchange = "https://outlook.office365.com https://outlook.office.com";
        let microsofts = [
            (ApiRegistration::GRAPH, graph),
            (ApiRegistration::EXCHANGE, exchange),
        ];
        let apis = microsofts.map(|(id, uris)| ApiRegistration {
            uris: uris.split(' ').map(str::to_owned).collect(),
            tokens: Generation::V1,
            ..ApiRegistration::new(id)
        });
        Self {
            apis: apis.into(),
            apps: Vec::new(),
            users: Vec::new(),
        }
    }

    /// The same with an application more; one of the same id is replaced.
    pub fn with_app(mut self, app: AppRegistration) -> Self {
        self.apps.retain(|known| known.client_id != app.client_id);
        self.apps.push(app);
        self
    }

    pub fn with_app_changed(
        mut self,
        client_id: &str,
        change: impl FnOnce(AppRegistration) -> AppRegistration,
    ) -> Self {
        let known = |app: &AppRegistration| app.client_id.eq_ignore_ascii_case(client_id);
        if let Some(index) = self.apps.iter().position(known) {
            let app = self.apps.swap_remove(index);
            self.apps.push(change(app));
        }
        self
    }

    /// The same with an API more; one of the same id is replaced.
    pub fn with_api(mut self, api: ApiRegistration) -> Self {
        self.apis.retain(|known| known.client_id != api.client_id);
        self.apis.push(api);
        self
    }

    /// The same with an API of that App ID URI, or client id, where none is known by it.
    pub fn with_api_for(self, identifier: &str) -> Self {
        if self.api(identifier).is_some() {
            return self;
        }
        let bare = identifier.trim_end_matches('/');
        let id = match identifier.strip_prefix("api://").unwrap_or(identifier) {
            guid if Uuid::try_parse(guid).is_ok() => guid.to_owned(),
            _ => Uuid::new_v4().to_string(),
        };
        let mut api = ApiRegistration::new(&id);
        api.uris.push(bare.to_owned());
        self.with_api(api)
    }

    /// The same with that user in that state.
    pub fn with_user(mut self, name: &str, state: UserState) -> Self {
        self.users.retain(|(known, _)| known != name);
        self.users.push((name.to_owned(), state));
        self
    }

    /// The same with somebody's consent that an application acts for users, by this scope of that API.
    pub fn with_consent(self, client_id: &str, api: &str, scope: &str) -> Self {
        let Some(api) = self.api(api).map(|api| api.client_id.clone()) else {
            return self;
        };
        self.with_app_changed(client_id, |app| app.delegated(&api, scope))
    }

    pub(super) fn user(&self, name: &str) -> UserState {
        let known = self.users.iter().find(|(known, _)| known == name);
        known.map_or(UserState::Well, |(_, state)| *state)
    }

    pub(super) fn app(&self, tenant: &str, client_id: &str) -> Option<&AppRegistration> {
        self.apps.iter().find(|app| {
            app.client_id.eq_ignore_ascii_case(client_id)
                && (app.tenants.is_empty() || app.tenants.iter().any(|home| home == tenant))
        })
    }

    /// The API that an identifier names: its client id, or one of its URIs with or without a final slash.
    pub(super) fn api(&self, identifier: &str) -> Option<&ApiRegistration> {
        let bare = identifier.strip_suffix('/').unwrap_or(identifier);
        self.apis.iter().find(|api| {
            api.client_id.eq_ignore_ascii_case(identifier)
                || api.uris.iter().any(|uri| uri.eq_ignore_ascii_case(bare))
        })
    }
}

#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AppRegistration {
    pub(super) client_id: String,
    pub(super) tenants: Vec<String>,
    pub(super) secrets: Vec<ClientSecret>,
    pub(super) certificates: Vec<X509>,
    pub(super) federated: Vec<Federated>,
    pub(super) roles: Vec<(String, String)>,
    /// Consented to: APIs with the scopes by which it may act for users there.
    pub(super) delegated: Vec<(String, String)>,
    pub(super) disabled: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ClientSecret {
    pub(super) value: Secret<String>,
    pub(super) expired: bool,
}

impl AppRegistration {
    pub fn new(client_id: &str) -> Self {
        Self {
            client_id: client_id.to_ascii_lowercase(),
            ..Self::default()
        }
    }

    /// Known in that tenant only (and in others named so).
    pub fn in_tenant(mut self, tenant: &str) -> Self {
        self.tenants.push(tenant.to_ascii_lowercase());
        self
    }

    pub fn secret(self, value: &str) -> Self {
        self.with_secret(value, false)
    }

    pub fn expired_secret(self, value: &str) -> Self {
        self.with_secret(value, true)
    }

    fn with_secret(mut self, value: &str, expired: bool) -> Self {
        let value = Secret::new(value.to_owned());
        self.secrets.push(ClientSecret { value, expired });
        self
    }

    pub fn certificate(mut self, der: &[u8]) -> Result<Self, ErrorStack> {
        self.certificates.push(X509::from_der(der)?);
        Ok(self)
    }

    /// With a federated credential: tokens of this issuer prove it, which the key of this certificate signs.
    pub fn federated(
        mut self,
        (issuer, subject, audience): (&str, &str, &str),
        signer: &[u8],
    ) -> Result<Self, ErrorStack> {
        self.federated.push(Federated {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audience: audience.to_owned(),
            signer: X509::from_der(signer)?,
        });
        Ok(self)
    }

    pub fn role(mut self, api: &str, role: &str) -> Self {
        self.roles.push((api.to_ascii_lowercase(), role.to_owned()));
        self
    }

    /// With consent to act for users by that scope of that API.
    pub fn delegated(mut self, api: &str, scope: &str) -> Self {
        self.delegated
            .push((api.to_ascii_lowercase(), scope.to_owned()));
        self
    }

    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    pub(super) fn scopes_on<'a>(
        &'a self,
        api: &'a ApiRegistration,
    ) -> impl Iterator<Item = &'a str> {
        let scopes = self.delegated.iter().filter(|(of, _)| *of == api.client_id);
        scopes.map(|(_, scope)| scope.as_str())
    }

    pub(super) fn roles_on<'a>(
        &'a self,
        api: &'a ApiRegistration,
    ) -> impl Iterator<Item = &'a str> {
        let roles = self.roles.iter().filter(|(of, _)| *of == api.client_id);
        roles.map(|(_, role)| role.as_str())
    }
}

#[derive(Clone, Debug)]
#[must_use]
pub struct ApiRegistration {
    pub(super) client_id: String,
    pub(super) uris: Vec<String>,
    pub(super) tokens: Generation,
}

impl ApiRegistration {
    pub const GRAPH: &'static str = "00000003-0000-0000-c000-000000000000";
    pub const EXCHANGE: &'static str = "00000002-0000-0ff1-ce00-000000000000";

    /// An API of that client id, with the App ID URI `api://<client id>`, that wants v2 tokens.
    pub fn new(client_id: &str) -> Self {
        let client_id = client_id.to_ascii_lowercase();
        Self {
            uris: vec![format!("api://{client_id}")],
            client_id,
            tokens: Generation::V2,
        }
    }

    /// With `requestedAccessTokenVersion` 1 or 2.
    pub fn wants(mut self, tokens: Generation) -> Self {
        self.tokens = tokens;
        self
    }
}
