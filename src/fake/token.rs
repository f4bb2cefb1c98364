//! Any token, right or wrong: starts as a token that Entra would issue, and can be bent in every place
//! where a verifier must look.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use openssl::sha::sha256;
use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};

use super::contoso::Contoso;
use super::issuer::{Algorithm, Generation, SigningKey, issuer_string};
use crate::clock::UnixTime;

#[derive(Clone)]
#[must_use]
pub struct TokenBuilder {
    key: SigningKey,
    algorithm: Algorithm,
    generation: Generation,
    tenant: String,
    audience: Option<String>,
    client: String,
    proven_by: &'static str,
    user: Option<String>,
    roles: Vec<String>,
    scopes: Vec<String>,
    issued_at: UnixTime,
    expires_at: UnixTime,
    claims: Vec<Change>,
    header: Vec<Change>,
    payload: Option<Vec<u8>>,
    hash_nonce: bool,
}

/// A member that is set to something, or taken out.
type Change = (String, Option<Value>);

impl TokenBuilder {
    pub(super) fn new(key: SigningKey, tenant: &str) -> Self {
        let now = UnixTime::now();
        Self {
            key,
            algorithm: Algorithm::Rs256,
            generation: Generation::V2,
            tenant: tenant.to_owned(),
            audience: None,
            client: Contoso::CALC_CLIENT.to_owned(),
            proven_by: "1",
            user: None,
            roles: Vec::new(),
            scopes: Vec::new(),
            issued_at: now,
            expires_at: now.plus(Duration::from_secs(3600)),
            claims: Vec::new(),
            header: Vec::new(),
            payload: None,
            hash_nonce: false,
        }
    }

    pub fn v1(self) -> Self {
        self.generation(Generation::V1)
    }

    pub fn generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// For that API: `aud`. Else the sample API, as the generation writes it.
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.to_owned());
        self
    }

    /// For that application: `azp`, in v1 `appid`.
    pub fn client(mut self, client_id: &str) -> Self {
        self.client = client_id.to_owned();
        self
    }

    /// How the application proved itself: `azpacr`, in v1 `appidacr`.
    pub fn proven_by(mut self, class: &'static str) -> Self {
        self.proven_by = class;
        self
    }

    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// With a scope more: makes it a user's token.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    pub fn user(mut self, user_name: &str) -> Self {
        self.user = Some(user_name.to_owned());
        self
    }

    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.push((name.to_owned(), Some(value.into())));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.claims.push((name.to_owned(), None));
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.push((name.to_owned(), Some(value.into())));
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.header.push((name.to_owned(), None));
        self
    }

    /// Signed with that as payload, whatever it is: doubled members, no JSON, no text at all.
    pub fn payload(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.payload = Some(bytes.as_ref().to_vec());
        self
    }

    pub fn issued_at(mut self, time: UnixTime) -> Self {
        self.issued_at = time;
        self
    }

    pub fn expires_at(mut self, time: UnixTime) -> Self {
        self.expires_at = time;
        self
    }

    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    pub fn unsigned(self) -> Self {
        self.algorithm(Algorithm::None)
    }

    pub fn hs256_with_public_key(self) -> Self {
        self.algorithm(Algorithm::Hs256WithPublicKey)
    }

    /// As Graph's tokens are: the header's `nonce` is hashed in what is signed, so that nobody but Graph
    /// can verify it.
    pub fn for_graph(mut self) -> Self {
        self.hash_nonce = true;
        let nonce = random();
        self.header("nonce", nonce)
    }

    #[allow(
        clippy::expect_used,
        reason = "for tests and demonstrations; the token endpoint uses try_mint"
    )]
    pub fn mint(self) -> String {
        // INVARIANT: OpenSSL signs with a key that it generated itself, whatever the message.
        self.try_mint().expect("a generated key signs")
    }

    pub fn try_mint(self) -> Result<String, ErrorStack> {
        let header = self.header_fields();
        let payload = match &self.payload {
            Some(bytes) => URL_SAFE_NO_PAD.encode(bytes),
            None => encoded(&self.claim_set()),
        };
        let shown = encoded(&header);
        let mut signed = header;
        if self.hash_nonce
            && let Some(Value::String(nonce)) = signed.get_mut("nonce")
        {
            *nonce = hashed_nonce(nonce);
        }
        let message = format!("{}.{payload}", encoded(&signed));
        let signature = self.key.sign(self.algorithm, message.as_bytes())?;
        Ok(format!(
            "{shown}.{payload}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        ))
    }

    fn header_fields(&self) -> Map<String, Value> {
        let kid = self.key.kid();
        let mut fields = json!({ "typ": "JWT", "alg": self.algorithm.name(), "kid": kid });
        if self.generation == Generation::V1 {
            fields["x5t"] = json!(kid);
        }
        changed(fields, &self.header)
    }

    fn claim_set(&self) -> Map<String, Value> {
        let is_user = self.user.is_some() || !self.scopes.is_empty();
        let id = object_id(&self.tenant, self.user.as_deref().unwrap_or(&self.client));
        let mut claims = json!({
            "aud": self.written_audience(),
            "iss": issuer_string(self.generation, &self.tenant),
            "iat": self.issued_at.seconds(),
            "nbf": self.issued_at.seconds(),
            "exp": self.expires_at.seconds(),
            "aio": format!("k2{}", random()),
            "rh": format!("1.A{}", random()),
            "uti": random(),
            "tid": self.tenant,
            "oid": id,
            "sub": id,
        });
        let mut set = |name: &str, value: Value| claims[name] = value;
        let [version, client, class, user_name] = match self.generation {
            Generation::V1 => ["1.0", "appid", "appidacr", "upn"],
            Generation::V2 => ["2.0", "azp", "azpacr", "preferred_username"],
        };
        set("ver", json!(version));
        set(client, json!(self.client));
        set(class, json!(self.proven_by));
        if self.generation == Generation::V1 && !is_user {
            set("idp", json!(issuer_string(Generation::V1, &self.tenant)));
        }
        if is_user {
            let name = self.user.as_deref().unwrap_or("ann@contoso.example");
            // Pairwise: the same user is somebody else to another application.
            let subject = sha256(format!("{name} {}", self.client).as_bytes());
            set("oid", json!(object_id(&self.tenant, name)));
            set("sub", json!(URL_SAFE_NO_PAD.encode(subject)));
            set("name", json!(name.split('@').next()));
            set(user_name, json!(name));
            if self.generation == Generation::V1 {
                set("unique_name", json!(name));
            }
        }
        if !self.scopes.is_empty() {
            set("scp", json!(self.scopes.join(" ")));
        }
        if !self.roles.is_empty() {
            set("roles", json!(self.roles));
        }
        changed(claims, &self.claims)
    }

    fn written_audience(&self) -> String {
        match (&self.audience, self.generation) {
            (Some(audience), _) => audience.clone(),
            (None, Generation::V1) => format!("api://{}", Contoso::CALC_API),
            (None, Generation::V2) => Contoso::CALC_API.to_owned(),
        }
    }
}

/// A part of a compact JWT (RFC 7515 §3.1).
pub(super) fn encoded(members: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(Value::Object(members.clone()).to_string())
}

pub(super) fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

pub(super) fn members(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decoded(part)?).ok()
}

/// What stands for a Graph token's `nonce` in the signed bytes.
pub(super) fn hashed_nonce(nonce: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(nonce.as_bytes()))
}

fn changed(members: Value, changes: &[Change]) -> Map<String, Value> {
    let Value::Object(mut members) = members else {
        return Map::new();
    };
    for (name, value) in changes {
        match value {
            Some(value) => members.insert(name.clone(), value.clone()),
            None => members.remove(name),
        };
    }
    members
}

/// The same object id for the same principal in a tenant, always.
pub(super) fn object_id(tenant: &str, principal: &str) -> String {
    derived_guid(&format!("{tenant} {principal}"))
}

/// The same GUID for the same seed, in every process.
pub(super) fn derived_guid(seed: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256(seed.as_bytes())[..16]);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
