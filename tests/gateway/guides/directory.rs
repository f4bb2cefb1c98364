//! A tenant's directory as far as the guides touch it: applications, their service principals, roles,
//! credentials and consents. Every change is registered with the issuer at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearergate::fake::{ApiRegistration, AppRegistration, Contoso, Generation, Issuer};
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use serde_json::{Value, json};
use uuid::Uuid;

use super::azure::Asked;
use super::delegated;
use super::delegated::Consent;
use super::given::Federated;

/// Roles of Microsoft Graph by their ids there.
const OF_GRAPH: [(&str, &str); 4] = [
    ("810c84a8-4a9e-49e6-bf7d-12d183f40d01", "Mail.Read"),
    ("693c5e45-0940-467d-9b8a-1022fb9d42ef", "Mail.ReadBasic.All"),
    ("e2a3a72e-5f79-4c64-b1b1-878b674786c9", "Mail.ReadWrite"),
    ("b633e1c5-b582-4048-a93e-9f11b44c7e96", "Mail.Send"),
];

pub struct Directory {
    issuer: Issuer,
    tenant: String,
    pub(super) apps: Vec<App>,
}

#[derive(Clone, Default)]
pub struct App {
    pub(super) id: String,
    object: String,
    name: String,
    /// Its service principal's object id, once there is one.
    pub(super) principal: Option<String>,
    /// Id and value of the roles it defines.
    pub roles: Vec<(String, String)>,
    pub wants_v2: bool,
    /// Key id and value.
    pub secrets: Vec<(String, String)>,
    certificates: Vec<(String, X509)>,
    pub(super) federated: Vec<Federated>,
    /// `api://…`, once it has one.
    uris: Vec<String>,
    /// Scopes that it exposes, as Graph has them.
    pub(super) scopes: Vec<Value>,
    /// The API, the role's or scope's id, and which of both.
    pub(super) wanted: Vec<(String, String, Kind)>,
    /// The API and the role's value.
    pub granted: Vec<(String, String)>,
    /// By which it may act for users.
    pub(super) consents: Vec<Consent>,
}

/// A permission to act for itself, or for users.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Role,
    Scope,
}

pub(super) fn fresh() -> String {
    Uuid::new_v4().to_string()
}

impl Directory {
    pub fn of(contoso: &Contoso) -> Self {
        let roles = OF_GRAPH.map(|(id, value)| (id.to_owned(), value.to_owned()));
        let graph = App {
            id: ApiRegistration::GRAPH.to_owned(),
            object: fresh(),
            name: "Microsoft Graph".to_owned(),
            principal: Some(fresh()),
            roles: roles.to_vec(),
            scopes: delegated::of_graph(),
            ..App::default()
        };
        Self {
            issuer: contoso.issuer.clone(),
            tenant: Contoso::CALC_TENANT.to_owned(),
            apps: vec![graph],
        }
    }

    /// An application that is there already; its id.
    pub fn settle(&mut self, name: &str, change: impl FnOnce(&mut App)) -> String {
        let mut app = App {
            id: fresh(),
            object: fresh(),
            name: name.to_owned(),
            principal: Some(fresh()),
            ..App::default()
        };
        change(&mut app);
        let id = app.id.clone();
        self.keep(app);
        id
    }

    pub fn answer(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        match asked.command.as_str() {
            "login" => Ok(Value::Null),
            "account show" => Ok(json!({ "tenantId": self.tenant })),
            "ad app create" => self.create(asked),
            "ad app list" => {
                let name = asked.need("--display-name")?;
                let found = self.apps.iter().filter(|app| app.name == name);
                Ok(found.map(App::shown).collect())
            }
            "ad app show" => Ok(self.named(asked)?.shown()),
            "ad app update" => self.update(asked),
            "ad app delete" => {
                let id = self.named(asked)?.id.clone();
                self.apps.retain(|app| app.id != id);
                self.issuer
                    .register(|registry| registry.with_app(AppRegistration::new(&id)));
                Ok(Value::Null)
            }
            "ad app credential reset" => self.reset(asked),
            "ad app credential list" => {
                let app = self.named(asked)?;
                let secrets = app.secrets.iter().map(|(id, _)| id);
                let certificates = app.certificates.iter().map(|(id, certificate)| {
                    let digest = certificate.digest(MessageDigest::sha1()).unwrap();
                    // Capitals of hexadecimal are seen as well.
                    json!({ "keyId": id, "customKeyIdentifier": STANDARD.encode(digest) })
                });
                Ok(match asked.has("--cert") {
                    true => certificates.collect(),
                    false => secrets.map(|id| json!({ "keyId": id })).collect(),
                })
            }
            "ad app credential delete" => {
                let (mut app, key) = (self.named(asked)?.clone(), asked.need("--key-id")?);
                let before = app.secrets.len() + app.certificates.len();
                app.secrets.retain(|(id, _)| id != key);
                app.certificates.retain(|(id, _)| id != key);
                if before == app.secrets.len() + app.certificates.len() {
                    return Err(format!("no credential {key}"));
                }
                self.keep(app);
                Ok(Value::Null)
            }
            "ad app federated-credential list" => self.trusted(asked),
            "ad app federated-credential create" => self.trust(asked),
            "ad app permission add" => self.want(asked),
            "ad app permission admin-consent" => self.consent(asked),
            "ad sp create" => {
                let mut app = self.named(asked)?.clone();
                let object = app.principal.get_or_insert_with(fresh).clone();
                let shown = json!({ "appId": app.id, "id": object });
                self.keep(app);
                Ok(shown)
            }
            "ad sp show" => {
                let app = self.named(asked)?;
                let object = app
                    .principal
                    .as_ref()
                    .ok_or("there is no such service principal")?;
                let (roles, scopes) = (app.app_roles(), &app.scopes);
                Ok(json!({
                    "appId": app.id, "id": object, "appRoles": roles, "oauth2PermissionScopes": scopes,
                }))
            }
            "ad sp update" => {
                match (self.named(asked)?.principal.is_some(), asked.need("--set")?) {
                    (true, "appRoleAssignmentRequired=true") => Ok(Value::Null),
                    (true, other) => Err(format!("--set {other}")),
                    (false, _) => Err("there is no such service principal".to_owned()),
                }
            }
            "rest" => self.rest(asked),
            other => Err(format!("{other} is az's, and not written down here")),
        }
    }

    /// A permission that was given elsewhere: by Exchange.
    pub fn grant(&mut self, object: &str, role: &str) -> Result<(), String> {
        let found = self
            .apps
            .iter()
            .find(|app| app.principal.as_deref() == Some(object));
        let mut app = found
            .ok_or_else(|| format!("no service principal {object}"))?
            .clone();
        app.granted
            .push((ApiRegistration::GRAPH.to_owned(), role.to_owned()));
        self.keep(app);
        Ok(())
    }

    /// Whether they belong together, as Exchange wants to know.
    pub fn is_principal(&self, app: &str, object: &str) -> bool {
        let found = self.apps.iter().find(|known| known.id == app);
        found.is_some_and(|known| known.principal.as_deref() == Some(object))
    }

    /// By application id, object id or App ID URI.
    pub(super) fn named(&self, asked: &Asked<'_>) -> Result<&App, String> {
        let id = asked.need("--id")?;
        let id = id.strip_prefix("api://").unwrap_or(id);
        let found = self
            .apps
            .iter()
            .find(|app| app.id == id || app.object == id);
        found.ok_or_else(|| format!("Resource '{id}' does not exist"))
    }

    fn create(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let mut app = App {
            id: fresh(),
            object: fresh(),
            name: asked.need("--display-name")?.to_owned(),
            ..App::default()
        };
        app.change(asked)?;
        let shown = app.shown();
        self.keep(app);
        Ok(shown)
    }

    fn update(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let mut app = self.named(asked)?.clone();
        app.change(asked)?;
        self.keep(app);
        Ok(Value::Null)
    }

    fn reset(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let mut app = self.named(asked)?.clone();
        if !asked.has("--append") {
            app.secrets.clear();
            app.certificates.clear();
        }
        let shown = match asked.has("--cert") {
            true => {
                let pem = asked.content("--cert")?;
                assert!(
                    !pem.contains("PRIVATE KEY"),
                    "a private key was sent to Entra"
                );
                let certificate = X509::from_pem(pem.as_bytes()).map_err(|why| why.to_string())?;
                app.certificates.push((fresh(), certificate));
                json!({ "appId": app.id, "tenant": self.tenant, "password": null })
            }
            false => {
                let secret = format!("{}~{}", fresh(), fresh());
                app.secrets.push((fresh(), secret.clone()));
                json!({ "appId": app.id, "tenant": self.tenant, "password": secret })
            }
        };
        self.keep(app);
        Ok(shown)
    }

    /// What no command of `az` does: calls of Graph.
    fn rest(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let (method, url) = (asked.need("--method")?, asked.need("--uri")?);
        let place = url
            .strip_prefix("https://graph.microsoft.com/v1.0/")
            .ok_or(url)?;
        let body = match asked.has("--body") {
            true => asked.content("--body")?,
            false => "null".to_owned(),
        };
        let body: Value = serde_json::from_str(&body).map_err(|why| why.to_string())?;
        let place: Vec<_> = place.split('/').collect();
        match (method, &place[..]) {
            ("GET", ["servicePrincipals", object, "appRoleAssignments"]) => self.assigned(object),
            ("POST", ["servicePrincipals", object, "appRoleAssignments"]) => {
                self.assign(object, &body)
            }
            ("GET", ["servicePrincipals", object, "oauth2PermissionGrants"]) => {
                self.consents_of(object)
            }
            (_, ["oauth2PermissionGrants", rest @ ..]) => self.delegated(method, rest, &body),
            ("PATCH", ["applications", object]) => {
                let found = self.apps.iter().find(|app| app.object == *object);
                let mut app = found.ok_or("no such application")?.clone();
                match &body["api"]["oauth2PermissionScopes"] {
                    Value::Array(scopes) => app.expose(scopes)?,
                    _ if body == json!({ "api": { "requestedAccessTokenVersion": 2 } }) => {
                        app.wants_v2 = true
                    }
                    _ => return Err(format!("PATCH of {body}")),
                }
                self.keep(app);
                Ok(Value::Null)
            }
            other => Err(format!("{other:?} is Graph's, and not written down here")),
        }
    }

    pub(super) fn keep(&mut self, app: App) {
        let mut registered = AppRegistration::new(&app.id).in_tenant(&self.tenant);
        for (_, secret) in &app.secrets {
            registered = registered.secret(secret);
        }
        for (_, certificate) in &app.certificates {
            registered = registered
                .certificate(&certificate.to_der().unwrap())
                .unwrap();
        }
        for [_, issuer, subject, audience] in &app.federated {
            let signer = self.issuer.signing_key().certificate_der().unwrap();
            let record = (issuer.as_str(), subject.as_str(), audience.as_str());
            registered = registered.federated(record, &signer).unwrap();
        }
        for (api, role) in &app.granted {
            registered = registered.role(api, role);
        }
        for (api, scope) in self.acted_by(&app) {
            registered = registered.delegated(&api, &scope);
        }
        let version = match app.wants_v2 {
            true => Generation::V2,
            false => Generation::V1,
        };
        let api = ApiRegistration::new(&app.id).wants(version);
        self.issuer
            .register(|registry| registry.with_app(registered).with_api(api));
        self.apps.retain(|known| known.id != app.id);
        self.apps.push(app);
    }
}

impl App {
    fn shown(&self) -> Value {
        let (id, roles) = (&self.id, self.app_roles());
        json!({
            "appId": id, "id": self.object, "displayName": self.name, "appRoles": roles,
            "identifierUris": self.uris, "api": { "oauth2PermissionScopes": self.scopes },
            "requiredResourceAccess": self.required(),
        })
    }

    pub(super) fn uris_are_missing(&self) -> bool {
        self.uris.is_empty()
    }

    pub(super) fn app_roles(&self) -> Vec<Value> {
        let roles = self.roles.iter().map(|(id, value)| {
            json!({
                "id": id, "value": value, "displayName": value, "description": value,
                "allowedMemberTypes": ["Application"], "isEnabled": true,
            })
        });
        roles.collect()
    }

    fn change(&mut self, asked: &Asked<'_>) -> Result<(), String> {
        for uri in asked.flags("--identifier-uris") {
            if *uri != format!("api://{}", self.id) {
                return Err(format!(
                    "identifier URI {uri}: use api://{{appId}} or a verified domain"
                ));
            }
            self.uris = vec![uri.clone()];
        }
        match asked.flag("--requested-access-token-version") {
            None => {}
            Some("2") => self.wants_v2 = true,
            Some(other) => return Err(format!("requested access token version {other}")),
        }
        if asked.has("--app-roles") {
            self.roles.clear();
            let roles: Value = serde_json::from_str(&asked.content("--app-roles")?)
                .map_err(|why| why.to_string())?;
            for role in roles.as_array().ok_or("app roles are a list")? {
                let text = |name: &str| role[name].as_str().ok_or(format!("a role lacks {name}"));
                text("displayName").and(text("description"))?;
                if role["allowedMemberTypes"] != json!(["Application"])
                    || role["isEnabled"] != json!(true)
                {
                    return Err(format!("no application can have {role}"));
                }
                Uuid::try_parse(text("id")?).map_err(|why| why.to_string())?;
                self.roles
                    .push((text("id")?.to_owned(), text("value")?.to_owned()));
            }
        }
        Ok(())
    }
}
