//! Which identities does the machine have, and what does it want to be shown?

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::clock::UnixTime;
use crate::fake::faults::Faults;
use crate::fake::http::Request;
use crate::fake::issuer::Issuer;
use crate::fake::token::object_id;
use crate::secret::Secret;

/// A token of a platform lives for a day, less what it takes to come.
const LIFE: Duration = Duration::from_secs(86_399);

/// A machine with managed identities, on all platforms at once. Cloning shares it.
#[derive(Clone)]
pub struct Machine {
    pub(super) state: Arc<State>,
}

pub(super) struct State {
    issuer: Issuer,
    tenant: String,
    /// `IDENTITY_HEADER`, and the secret of Service Fabric and of Machine Learning.
    pub(super) header: Secret<String>,
    identities: Mutex<Vec<Identity>>,
    pub(super) habits: Mutex<Habits>,
    pub(super) door: Faults,
    last: Mutex<Option<Request>>,
}

#[derive(Clone)]
pub(super) struct Identity {
    pub(super) client_id: String,
    pub(super) object_id: String,
    /// `None`: the machine's own.
    pub(super) resource_id: Option<String>,
}

/// What tests make it do otherwise.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    /// The key that Arc's agent wants to see, and what it says of where that is.
    pub arc_key: Option<(PathBuf, String)>,
    /// Arc's agent from before user-assigned identities: it passes over the selector.
    pub old_agent: bool,
    /// App Service and Machine Learning write times as dates.
    pub dates: bool,
    /// Another life of tokens, in seconds.
    pub life: Option<u64>,
}

/// What was asked for: the parameter's name and its value.
pub(super) type Selected<'a> = Option<(&'a str, &'a str)>;

/// A token that was found, with what goes along.
pub(super) struct Found {
    pub(super) token: String,
    pub(super) identity: Identity,
    pub(super) life: u64,
    pub(super) issued_at: UnixTime,
    pub(super) expires_at: UnixTime,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Identity,
    /// Several were assigned, and none is named.
    Ambiguous,
    Resource,
}

impl Machine {
    /// A machine of that tenant, without identities.
    pub fn new(issuer: Issuer, tenant: &str) -> Self {
        let state = State {
            issuer,
            tenant: tenant.to_owned(),
            header: Secret::new(Uuid::new_v4().simple().to_string()),
            identities: Mutex::default(),
            habits: Mutex::default(),
            door: Faults::default(),
            last: Mutex::default(),
        };
        Self {
            state: Arc::new(state),
        }
    }

    /// The same with an identity of its own (system-assigned).
    pub fn with_own(self, client_id: &str) -> Self {
        self.with(client_id, None)
    }

    /// The same with an identity that was assigned to it.
    pub fn with_assigned(self, client_id: &str, name: &str) -> Self {
        let resource = format!(
            "/subscriptions/7f1c3b3e-0d5a-4a4e-9c52-0a6c9f3f5d11/resourcegroups/contoso/providers/\
             Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        );
        self.with(client_id, Some(resource))
    }

    fn with(self, client_id: &str, resource_id: Option<String>) -> Self {
        self.state.identities.lock().push(Identity {
            client_id: client_id.to_owned(),
            object_id: object_id(&self.state.tenant, client_id),
            resource_id,
        });
        self
    }

    /// What `IDENTITY_HEADER` and its like say.
    pub fn header(&self) -> &Secret<String> {
        &self.state.header
    }

    /// The object id of its service principal, and for one that was assigned its resource id.
    pub fn ids(&self, client_id: &str) -> Option<(String, Option<String>)> {
        let identities = self.state.identities.lock();
        let found = identities.iter().find(|it| it.client_id == client_id)?;
        Some((found.object_id.clone(), found.resource_id.clone()))
    }

    pub fn behave(&self, how: impl FnOnce(&mut Habits)) {
        how(&mut self.state.habits.lock());
    }

    pub fn door(&self) -> &Faults {
        &self.state.door
    }

    /// What it was asked last.
    pub fn last(&self) -> Option<Request> {
        self.state.last.lock().clone()
    }

    pub(super) fn note(&self, request: &Request) {
        *self.state.last.lock() = Some(request.clone());
    }

    pub(super) fn habits(&self) -> Habits {
        self.state.habits.lock().clone()
    }

    /// The token of the identity that is asked for.
    pub(super) fn find(
        &self,
        resource: &str,
        selected: Selected<'_>,
        at: UnixTime,
    ) -> Result<Found, Missing> {
        let identity = self.identity(selected)?;
        let life = self.habits().life.unwrap_or(LIFE.as_secs());
        let (issued_at, expires_at) = (
            at.minus(Duration::from_secs(300)),
            at.plus(Duration::from_secs(life)),
        );
        let issuer = &self.state.issuer;
        let token = issuer
            .to_platform(&self.state.tenant, &identity.client_id, resource)
            .ok_or(Missing::Resource)?;
        let mut token = token.issued_at(issued_at).expires_at(expires_at);
        if let Some(resource) = &identity.resource_id {
            token = token.claim("xms_mirid", resource.as_str());
        }
        Ok(Found {
            token: token.try_mint().map_err(|_| Missing::Resource)?,
            identity,
            life,
            issued_at,
            expires_at,
        })
    }

    fn identity(&self, selected: Selected<'_>) -> Result<Identity, Missing> {
        let identities = self.state.identities.lock();
        let Some((name, value)) = selected else {
            // Where it has none of its own, the only one that was assigned is given.
            let own = identities.iter().find(|it| it.resource_id.is_none());
            return match (own, &identities[..]) {
                (Some(own), _) => Ok(own.clone()),
                (None, [only]) => Ok(only.clone()),
                (None, []) => Err(Missing::Identity),
                (None, _) => Err(Missing::Ambiguous),
            };
        };
        let found = identities.iter().find(|it| {
            let id = match name {
                "client_id" | "clientid" => Some(&it.client_id),
                "object_id" | "principal_id" => Some(&it.object_id),
                _ => it.resource_id.as_ref(),
            };
            id.is_some_and(|id| id.eq_ignore_ascii_case(value))
        });
        found.cloned().ok_or(Missing::Identity)
    }
}
