//! What applications may do for users: scopes that an API exposes, and consents to act by them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::directory::{App, Directory, Kind};

/// An administrator's, for all users.
#[derive(Clone)]
pub struct Consent {
    id: String,
    /// The API's service principal.
    api: String,
    /// Separated by spaces.
    scope: String,
}

/// Scopes of Microsoft Graph by their ids there.
const OF_GRAPH: [(&str, &str); 3] = [
    ("570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "Mail.Read"),
    ("465a38f9-76ea-45b9-9f34-9e8b0d4b0b42", "Calendars.Read"),
    ("e1fe6dd8-ba31-4d61-89e7-88639da4683d", "User.Read"),
];

pub fn of_graph() -> Vec<Value> {
    let scopes = OF_GRAPH.map(|(id, value)| json!({ "id": id, "value": value, "isEnabled": true }));
    scopes.to_vec()
}

impl Directory {
    fn with_principal(&self, principal: &str) -> Result<&App, String> {
        let mut apps = self.apps.iter();
        let app = apps.find(|it| it.principal.as_deref() == Some(principal));
        app.ok_or_else(|| format!("no service principal {principal}"))
    }

    /// The consents by which an application acts.
    pub(super) fn consents_of(&self, principal: &str) -> Result<Value, String> {
        let app = self.with_principal(principal)?;
        let shown = app.consents.iter().map(|it| it.shown(principal));
        Ok(json!({ "value": shown.collect::<Vec<_>>() }))
    }

    /// `/oauth2PermissionGrants`
    pub(super) fn delegated(
        &mut self,
        method: &str,
        place: &[&str],
        body: &Value,
    ) -> Result<Value, String> {
        let scope = body["scope"].as_str();
        match (method, place) {
            ("POST", []) => {
                let client = body["clientId"].as_str().unwrap_or_default();
                let mut app = self.with_principal(client)?.clone();
                let api = self.with_principal(body["resourceId"].as_str().unwrap_or_default())?;
                let api = api.principal.clone().unwrap_or_default();
                if body["consentType"] != "AllPrincipals" {
                    return Err(format!("whose consent is {body}?"));
                }
                if app.consents.iter().any(|it| it.api == api) {
                    return Err("Permission entry already exists.".to_owned());
                }
                app.consents.push(Consent {
                    id: Uuid::new_v4().to_string(),
                    api,
                    scope: scope.ok_or("without a scope")?.to_owned(),
                });
                self.keep(app);
                Ok(body.clone())
            }
            (_, [id]) => {
                let is_it = |it: &&mut Consent| it.id == *id;
                let mut apps = self.apps.clone().into_iter();
                let found = apps.find_map(|mut app| {
                    let consent = app.consents.iter_mut().find(is_it)?;
                    if let Some(scope) = scope {
                        consent.scope = scope.to_owned();
                    }
                    let shown = consent.shown(app.principal.as_deref().unwrap_or_default());
                    Some((app, shown))
                });
                let (app, shown) = found.ok_or("no such consent")?;
                match (method, scope) {
                    ("PATCH", Some(_)) => self.keep(app),
                    ("GET", None) => {}
                    other => return Err(format!("{other:?} of a consent")),
                }
                Ok(shown)
            }
            other => Err(format!("{other:?} of consents")),
        }
    }

    /// Consents to one more scope, as `admin-consent` does.
    pub(super) fn consent_to(&self, app: &mut App, api: &str, id: &str) -> Result<(), String> {
        let api = self.apps.iter().find(|it| it.id == api);
        let api = api.ok_or("no such API")?;
        let scope = api.scopes.iter().find(|it| it["id"] == id);
        let scope = scope.ok_or_else(|| format!("{} has no scope {id}", api.id))?;
        let value = scope["value"].as_str().unwrap_or_default();
        let api = api.principal.clone().ok_or("no enterprise application")?;
        let known = app.consents.iter_mut().find(|it| it.api == api);
        match known {
            Some(consent) if consent.scope.split(' ').any(|it| it == value) => {}
            Some(consent) => consent.scope = format!("{} {value}", consent.scope),
            None => app.consents.push(Consent {
                id: Uuid::new_v4().to_string(),
                api,
                scope: value.to_owned(),
            }),
        }
        Ok(())
    }

    /// APIs with the scopes by which an application may act for users there.
    pub(super) fn acted_by(&self, app: &App) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for consent in &app.consents {
            let api = self.with_principal(&consent.api).unwrap();
            for scope in consent.scope.split_whitespace() {
                assert!(
                    api.scopes.iter().any(|it| it["value"] == scope),
                    "{} exposes no {scope}",
                    api.id
                );
                all.push((api.id.clone(), scope.to_owned()));
            }
        }
        all
    }
}

impl Consent {
    fn shown(&self, client: &str) -> Value {
        json!({
            "id": self.id, "clientId": client, "consentType": "AllPrincipals", "principalId": null,
            "resourceId": self.api, "scope": self.scope,
        })
    }
}

impl App {
    /// Takes scopes in the place of those that it has, as Graph does.
    pub(super) fn expose(&mut self, scopes: &[Value]) -> Result<(), String> {
        for scope in scopes {
            let text = |name: &str| scope[name].as_str().ok_or(format!("a scope lacks {name}"));
            let id = text("id")?;
            Uuid::try_parse(id).map_err(|why| why.to_string())?;
            let value = text("value")?;
            text("adminConsentDisplayName").and(text("adminConsentDescription"))?;
            if !["Admin", "User"].contains(&text("type")?) || scope["isEnabled"] != json!(true) {
                return Err(format!("nobody can consent to {scope}"));
            }
            let alike = |it: &&Value| it["id"] == id || it["value"] == value;
            if scopes.iter().filter(alike).count() != 1 {
                return Err(format!("{value} is there twice"));
            }
        }
        if self.scopes.iter().any(|known| !scopes.contains(known)) {
            return Err("a scope must be disabled before it is taken away".to_owned());
        }
        if self.uris_are_missing() {
            return Err("an API without an App ID URI has no scopes".to_owned());
        }
        self.scopes = scopes.to_vec();
        Ok(())
    }

    /// `requiredResourceAccess`
    pub(super) fn required(&self) -> Value {
        let mut apis: Vec<&String> = self.wanted.iter().map(|(api, ..)| api).collect();
        apis.sort();
        apis.dedup();
        let required = apis.into_iter().map(|api| {
            let of = self.wanted.iter().filter(|(it, ..)| it == api);
            let access = of.map(|(_, id, kind)| {
                let kind = match kind {
                    Kind::Role => "Role",
                    Kind::Scope => "Scope",
                };
                json!({ "id": id, "type": kind })
            });
            json!({ "resourceAppId": api, "resourceAccess": access.collect::<Vec<_>>() })
        });
        required.collect()
    }
}
