//! Who lives here? The sample organisation: two tenants, their applications, an API that adds numbers and
//! three mailboxes, on three ports. `bearergate dev` and most tests move in with it.

use std::io;
use std::sync::Arc;

use openssl::error::ErrorStack;
use uuid::Uuid;

use super::certificate::KeyPair;
use super::echo::Echo;
use super::issuer::{ApiRegistration, AppRegistration, Issuer, Registry, SigningKey};
use super::mailbox::Mailbox;
use super::serve::{Running, bind, serve};
use crate::secret::Secret;

/// The organisation: its issuer, its APIs, and the secrets of its applications, new in each process.
#[derive(Clone)]
pub struct Contoso {
    pub issuer: Issuer,
    pub echo: Echo,
    pub mailbox: Mailbox,
    pub calc_secret: Secret<String>,
    pub guest_secret: Secret<String>,
    pub mail_secret: Secret<String>,
    /// Of the API that adds numbers, for calling others.
    pub api_secret: Secret<String>,
}

impl Contoso {
    pub const CALC_TENANT: &str = "019486dd-8ffb-45a9-9232-4132babb1324";
    /// The API that adds numbers; it wants v2 tokens.
    pub const CALC_API: &str = "06b2a484-141c-42d3-9d73-32bec5910b06";
    pub const CALC_CLIENT: &str = "f1f695cb-2d00-4c0f-84a5-437282f3f3fd";
    pub const CALC_ROLE: &str = "invokeRole";
    /// An application of the same tenant that holds no role, and gets a token all the same.
    pub const GUEST_CLIENT: &str = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11";
    pub const MAIL_TENANT: &str = "5e0699a2-7e10-4d08-8ebb-4f7d7406ad09";
    pub const MAIL_CLIENT: &str = "bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc";

    pub fn new() -> Result<Self, ErrorStack> {
        Ok(Self::with_key(SigningKey::generate()?))
    }

    pub fn with_key(key: SigningKey) -> Self {
        let (calc_secret, guest_secret, mail_secret) =
            (fresh_secret(), fresh_secret(), fresh_secret());
        let api_secret = fresh_secret();
        let registry = Registry::new()
            .with_api(ApiRegistration::new(Self::CALC_API))
            .with_app(
                app(Self::CALC_CLIENT, Self::CALC_TENANT, &calc_secret)
                    .role(Self::CALC_API, Self::CALC_ROLE),
            )
            .with_app(app(Self::GUEST_CLIENT, Self::CALC_TENANT, &guest_secret))
            .with_app(mail_app(&mail_secret))
            .with_app(
                app(Self::CALC_API, Self::CALC_TENANT, &api_secret)
                    .delegated(ApiRegistration::GRAPH, "Mail.Read")
                    .delegated(ApiRegistration::GRAPH, "User.Read")
                    .role(ApiRegistration::GRAPH, "Mail.Send"),
            );
        let issuer = Issuer::with_key(registry, key);
        Self {
            mailbox: Mailbox::new(issuer.clone()),
            echo: Echo::new(),
            issuer,
            calc_secret,
            guest_secret,
            mail_secret,
            api_secret,
        }
    }

    pub fn register_mail_certificate(&self, pair: &KeyPair) -> Result<(), ErrorStack> {
        let app = mail_app(&self.mail_secret).certificate(&pair.certificate().to_der()?)?;
        self.issuer.register(|registry| registry.with_app(app));
        Ok(())
    }

    /// Opens its doors: each on the port asked for, or on another when that is taken. The issuer's door is
    /// TLS when there is a certificate. Needs a Tokio runtime around it.
    pub fn open(&self, ports: Ports, certificate: Option<&KeyPair>) -> io::Result<Neighbourhood> {
        let issuer = Arc::new(self.issuer.clone());
        let issuer = serve(bind(ports.issuer)?, certificate, issuer)?;
        let echo = serve(bind(ports.echo)?, None, Arc::new(self.echo.clone()))?;
        let mailbox = serve(bind(ports.mailbox)?, None, Arc::new(self.mailbox.clone()))?;
        self.mailbox.accept_host(&mailbox.address().to_string());
        let port = mailbox.address().port();
        self.mailbox.accept_host(&format!("localhost:{port}"));
        Ok(Neighbourhood {
            issuer,
            echo,
            mailbox,
        })
    }
}

/// Which ports are wanted; 0 is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    pub issuer: u16,
    pub echo: u16,
    pub mailbox: u16,
}

/// The open doors; dropping one closes it.
#[derive(Debug)]
pub struct Neighbourhood {
    pub issuer: Running,
    pub echo: Running,
    pub mailbox: Running,
}

fn app(client: &str, tenant: &str, secret: &Secret<String>) -> AppRegistration {
    AppRegistration::new(client)
        .in_tenant(tenant)
        .secret(secret.expose())
}

fn mail_app(secret: &Secret<String>) -> AppRegistration {
    app(Contoso::MAIL_CLIENT, Contoso::MAIL_TENANT, secret)
        .role(ApiRegistration::GRAPH, "Mail.Read")
        .role(ApiRegistration::GRAPH, "Mail.Send")
}

fn fresh_secret() -> Secret<String> {
    let half = || Uuid::new_v4().simple().to_string();
    Secret::new(format!("{}~{}", half(), half()))
}
