//! The API that adds numbers, behind a gateway that asks for a role.

use bearergate::fake::{Contoso, Neighbourhood, Ports, SigningKey};

use super::Gateway;

pub struct CalcWorld {
    pub contoso: Contoso,
    pub doors: Neighbourhood,
    pub gateway: Gateway,
    pub _folder: tempfile::TempDir,
}

impl CalcWorld {
    pub async fn start() -> Self {
        let contoso = Contoso::with_key(SigningKey::shared().unwrap());
        let doors = contoso.open(Ports::default(), None).unwrap();
        let world = Self::with(contoso, doors, "").await;
        world.gateway.ready().await;
        world
    }

    /// `keys`: what goes into the issuer's `keys:`.
    pub async fn with(contoso: Contoso, doors: Neighbourhood, keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = if keys.is_empty() {
            String::new()
        } else {
            format!(", keys: {{ {keys} }}")
        };
        let yaml = format!(
            r#"
version: 1
listeners:
  apis: {{ address: 127.0.0.1:0 }}
admin: {{ address: 127.0.0.1:0 }}
issuers:
  contoso: {{ entra: {{ tenant: {tenant}, authority: "{authority}" }}{keys} }}
routes:
  - id: calc
    listener: apis
    match: {{ path: /calc/v1/**, methods: [GET, POST] }}
    callers:
      - bearer: {{ issuer: contoso, audiences: [{api}], azp: [{client}, {guest}], roles: [{role}] }}
    upstream: {{ url: "{echo}" }}
    caller_headers: {{ X-Client-Id: azp, X-Roles: roles }}
"#,
            tenant = Contoso::CALC_TENANT,
            authority = doors.issuer.base(),
            api = Contoso::CALC_API,
            client = Contoso::CALC_CLIENT,
            guest = Contoso::GUEST_CLIENT,
            role = Contoso::CALC_ROLE,
            echo = doors.echo.base(),
        );
        let gateway = Gateway::start(&yaml, folder.path()).await;
        Self {
            contoso,
            doors,
            gateway,
            _folder: folder,
        }
    }

    /// A header line with a token that is let in.
    pub fn bearer(&self) -> String {
        let token = self
            .contoso
            .issuer
            .token(Contoso::CALC_TENANT)
            .audience(Contoso::CALC_API);
        format!(
            "Authorization: Bearer {}",
            token
                .client(Contoso::CALC_CLIENT)
                .role(Contoso::CALC_ROLE)
                .mint()
        )
    }

    /// Adds one and one, with this header line.
    pub async fn add(&self, header: &str) -> super::Reply {
        self.gateway
            .get("apis", "/calc/v1/add/1/1", &[header.to_owned()])
            .await
    }
}
