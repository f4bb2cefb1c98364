//! What is given to an application beyond its registration: roles, one by one, and trust in others' tokens.

use serde_json::{Value, json};
use uuid::Uuid;

use super::azure::Asked;
use super::directory::{Directory, Kind, fresh};

/// A federated credential: name, issuer, subject, audience.
pub type Federated = [String; 4];

impl Directory {
    pub(super) fn want(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let (mut app, api) = (self.named(asked)?.clone(), asked.need("--api")?.to_owned());
        for permission in asked.flags("--api-permissions") {
            let (id, kind) = match permission.split_once('=') {
                Some((id, "Role")) => (id, Kind::Role),
                Some((id, "Scope")) => (id, Kind::Scope),
                _ => return Err(format!("{permission} is no permission")),
            };
            let wanted = (api.clone(), id.to_owned(), kind);
            if app.wanted.contains(&wanted) {
                return Err(format!("{permission} of {api} is there already"));
            }
            app.wanted.push(wanted);
        }
        self.keep(app);
        Ok(Value::Null)
    }

    pub(super) fn consent(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let mut app = self.named(asked)?.clone();
        for (api, id, kind) in app.wanted.clone() {
            match kind {
                Kind::Role => {
                    let granted = (api.clone(), self.role(&api, &id)?);
                    if !app.granted.contains(&granted) {
                        app.granted.push(granted);
                    }
                }
                Kind::Scope => self.consent_to(&mut app, &api, &id)?,
            }
        }
        app.principal.get_or_insert_with(fresh);
        self.keep(app);
        Ok(Value::Null)
    }

    /// The value of a role of an API that lives in the tenant.
    fn role(&self, api: &str, role: &str) -> Result<String, String> {
        let found = self
            .apps
            .iter()
            .find(|app| app.id == api && app.principal.is_some());
        let found = found.ok_or_else(|| format!("no enterprise application of {api}"))?;
        let mut roles = found.roles.iter().filter(|(id, _)| id == role);
        let (_, value) = roles
            .next()
            .ok_or_else(|| format!("{api} has no role {role}"))?;
        Ok(value.clone())
    }

    /// Has another issuer's tokens trusted.
    pub fn trust(&mut self, asked: &Asked<'_>) -> Result<Value, String> {
        let mut app = self.named(asked)?.clone();
        let given = asked.content("--parameters")?;
        let given: Value = serde_json::from_str(&given).map_err(|why| why.to_string())?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(format!("{given}"));
        let audience = &given["audiences"][0];
        let federated = [
            text(&given["name"])?,
            text(&given["issuer"])?,
            text(&given["subject"])?,
            text(audience)?,
        ];
        if app.federated.iter().any(|it| it[1..3] == federated[1..3]) {
            return Err("FederatedIdentityCredential with same issuer and subject exists".into());
        }
        app.federated.push(federated);
        self.keep(app);
        Ok(Value::Null)
    }

    pub fn trusted(&self, asked: &Asked<'_>) -> Result<Value, String> {
        let federated = self.named(asked)?.federated.iter();
        Ok(federated
            .map(|it| json!({ "name": it[0], "issuer": it[1], "subject": it[2] }))
            .collect())
    }

    /// The roles that a service principal has.
    pub fn assigned(&self, principal: &str) -> Result<Value, String> {
        let mut apps = self.apps.iter();
        let app = apps.find(|it| it.principal.as_deref() == Some(principal));
        let granted = &app.ok_or("no such service principal")?.granted;
        let assignments = granted.iter().filter_map(|(api, value)| {
            let api = self.apps.iter().find(|it| it.id == *api)?;
            let (id, _) = api.roles.iter().find(|(_, known)| known == value)?;
            Some(json!({ "id": Uuid::new_v4().to_string(), "appRoleId": id, "resourceId": api.principal }))
        });
        Ok(json!({ "value": assignments.collect::<Vec<_>>() }))
    }

    /// Gives it one more.
    pub fn assign(&mut self, principal: &str, body: &Value) -> Result<Value, String> {
        let of = |principal: &str| {
            let mut apps = self.apps.iter();
            let app = apps
                .find(|it| it.principal.as_deref() == Some(principal))
                .cloned();
            app.ok_or(format!("no service principal {principal}"))
        };
        if body["principalId"] != principal {
            return Err(format!("{body} of {principal}"));
        }
        let api = of(body["resourceId"].as_str().unwrap_or_default())?;
        let mut app = of(principal)?;
        let role = body["appRoleId"].as_str().unwrap_or_default();
        let found = api.roles.iter().find(|(id, _)| id == role);
        let (_, value) = found.ok_or(format!("{} has no role {role}", api.id))?;
        app.granted.push((api.id.clone(), value.clone()));
        self.keep(app);
        Ok(body.clone())
    }
}
