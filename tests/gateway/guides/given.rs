//! What is given to an application beyond its registration: roles, one by one, and trust in others' tokens.

use serde_json::{Value, json};
use uuid::Uuid;

use super::azure::Asked;
use super::directory::Directory;

/// A federated credential: name, issuer, subject, audience.
pub type Federated = [String; 4];

impl Directory {
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
