//! Any token, right or wrong: starts as a token that Entra would issue, and can be bent in every place
//! where a verifier must look.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use openssl::sha::sha256;
use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};

use super::contoso;
use super::issuer::{Generation, SigningKey, issuer_string};
use super::seal::{Algorithm, Seal};
use crate::clock::UnixTime;

/// A token in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenBuilder {
    key: SigningKey,
    seal: Seal,
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
    payload: Option<String>,
    hash_nonce: bool,
}

/// A member that is set to something, or taken out.
type Change = (String, Option<Value>);

impl TokenBuilder {
    /// A v2 app-only token of that tenant, valid from now for an hour.
    pub(super) fn new(key: SigningKey, tenant: &str) -> Self {
        let now = UnixTime::now();
        Self {
            key,
            seal: Seal::Signature(Algorithm::Rs256),
            generation: Generation::V2,
            tenant: tenant.to_owned(),
            audience: None,
            client: contoso::CALC_CLIENT.to_owned(),
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

    /// As APIs get it that want v1 tokens.
    pub fn v1(self) -> Self {
        self.generation(Generation::V1)
    }

    /// As APIs get it that want v2 tokens.
    pub fn v2(self) -> Self {
        self.generation(Generation::V2)
    }

    /// Of that generation.
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

    /// With an app role more.
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// With a scope more: makes it a user's token.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    /// A user's token, by user name.
    pub fn user(mut self, user_name: &str) -> Self {
        self.user = Some(user_name.to_owned());
        self
    }

    /// With a claim set to any value.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Without a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.push((name.to_owned(), None));
        self
    }

    /// With a header parameter set to any value.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Without a header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.push((name.to_owned(), None));
        self
    }

    /// Signed with that text as payload, whatever it is: doubled members, no JSON at all.
    pub fn payload(mut self, text: &str) -> Self {
        self.payload = Some(text.to_owned());
        self
    }

    /// `iat` and `nbf`.
    pub fn issued_at(mut self, time: UnixTime) -> Self {
        self.issued_at = time;
        self
    }

    /// `exp`.
    pub fn expires_at(mut self, time: UnixTime) -> Self {
        self.expires_at = time;
        self
    }

    /// Signed by another key, under that key's `kid`.
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Signed with another algorithm, which the header names.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.seal = Seal::Signature(algorithm);
        self
    }

    /// Under another `kid`.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// `alg: none` and an empty signature.
    pub fn unsigned(mut self) -> Self {
        self.seal = Seal::None;
        self
    }

    /// HS256 with the public key's PEM as the shared secret: the classic confusion.
    pub fn hs256_with_public_key(mut self) -> Self {
        self.seal = Seal::HmacWithPublicKey;
        self
    }

    /// As Graph's tokens are: the header's `nonce` is hashed in what is signed, so that nobody but Graph
    /// can verify it.
    pub fn for_graph(mut self) -> Self {
        self.hash_nonce = true;
        let nonce = random();
        self.header("nonce", nonce)
    }

    /// The token in compact form.
    #[allow(
        clippy::expect_used,
        reason = "for tests and demonstrations; the token endpoint uses try_mint"
    )]
    pub fn mint(self) -> String {
        // INVARIANT: OpenSSL signs with a key that it generated itself, whatever the message.
        self.try_mint().expect("a generated key signs")
    }

    /// The token in compact form.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn try_mint(self) -> Result<String, ErrorStack> {
        let header = self.header_fields();
        let payload = match &self.payload {
            Some(text) => text.clone(),
            None => Value::Object(self.claim_set()).to_string(),
        };
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let encode = |header: &Map<String, Value>| {
            URL_SAFE_NO_PAD.encode(Value::Object(header.clone()).to_string())
        };
        let shown = encode(&header);
        let mut signed = header;
        if self.hash_nonce
            && let Some(Value::String(nonce)) = signed.get_mut("nonce")
        {
            *nonce = hashed_nonce(nonce);
        }
        let message = format!("{}.{payload}", encode(&signed));
        let signature = self.seal.sign(&self.key, message.as_bytes())?;
        Ok(format!(
            "{shown}.{payload}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        ))
    }

    fn header_fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("typ".into(), json!("JWT"));
        fields.insert("alg".into(), json!(self.seal.name()));
        fields.insert("kid".into(), json!(self.key.kid()));
        if self.generation == Generation::V1 {
            fields.insert("x5t".into(), json!(self.key.kid()));
        }
        apply(&mut fields, &self.header);
        fields
    }

    fn claim_set(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        let principal = self.user.as_deref().unwrap_or(&self.client);
        let oid = object_id(&self.tenant, principal);
        let is_user = self.user.is_some() || !self.scopes.is_empty();
        set("aud", json!(self.written_audience()));
        set("iss", json!(issuer_string(self.generation, &self.tenant)));
        set("iat", json!(self.issued_at.seconds()));
        set("nbf", json!(self.issued_at.seconds()));
        set("exp", json!(self.expires_at.seconds()));
        set("aio", json!(format!("k2{}", random())));
        set("rh", json!(format!("1.A{}", random())));
        set("uti", json!(random()));
        set("tid", json!(self.tenant));
        set("oid", json!(oid));
        set("sub", json!(oid));
        match self.generation {
            Generation::V1 => {
                set("ver", json!("1.0"));
                set("appid", json!(self.client));
                set("appidacr", json!(self.proven_by));
                if !is_user {
                    set("idp", json!(issuer_string(Generation::V1, &self.tenant)));
                }
            }
            Generation::V2 => {
                set("ver", json!("2.0"));
                set("azp", json!(self.client));
                set("azpacr", json!(self.proven_by));
            }
        }
        if is_user {
            let name = self.user.as_deref().unwrap_or("ann@contoso.example");
            set("oid", json!(object_id(&self.tenant, name)));
            // Pairwise: the same user is somebody else to another application.
            let pair = format!("{name} {}", self.client);
            set(
                "sub",
                json!(URL_SAFE_NO_PAD.encode(sha256(pair.as_bytes()))),
            );
            set("name", json!(name.split('@').next()));
            match self.generation {
                Generation::V1 => {
                    set("upn", json!(name));
                    set("unique_name", json!(name))
                }
                Generation::V2 => set("preferred_username", json!(name)),
            };
        }
        if !self.scopes.is_empty() {
            set("scp", json!(self.scopes.join(" ")));
        }
        if !self.roles.is_empty() {
            set("roles", json!(self.roles));
        }
        apply(&mut claims, &self.claims);
        claims
    }

    fn written_audience(&self) -> String {
        match (&self.audience, self.generation) {
            (Some(audience), _) => audience.clone(),
            (None, Generation::V1) => format!("api://{}", contoso::CALC_API),
            (None, Generation::V2) => contoso::CALC_API.to_owned(),
        }
    }
}

/// What stands for a Graph token's `nonce` in the signed bytes.
pub(super) fn hashed_nonce(nonce: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(nonce.as_bytes()))
}

fn apply(members: &mut Map<String, Value>, changes: &[Change]) {
    for (name, value) in changes {
        match value {
            Some(value) => members.insert(name.clone(), value.clone()),
            None => members.remove(name),
        };
    }
}

/// The same object id for the same principal in a tenant, always.
fn object_id(tenant: &str, principal: &str) -> String {
    let digest = sha256(format!("{tenant} {principal}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(bytes)
        .into_uuid()
        .hyphenated()
        .to_string()
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
