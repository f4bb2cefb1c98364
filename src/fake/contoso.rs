//! Who lives here? The sample organisation: two tenants, their applications, an API that adds numbers and
//! three mailboxes, on three ports. `bearergate dev` and most tests move in with it.

use std::io;
use std::sync::Arc;

use openssl::error::ErrorStack;
use uuid::Uuid;

use super::certificate::{KeyPair, ServerCertificate};
use super::echo::Echo;
use super::issuer::{ApiRegistration, AppRegistration, Issuer, Registry, SigningKey};
use super::mailbox::Mailbox;
use super::serve::{Running, bind, serve};
use crate::secret::Secret;

/// The API that adds numbers.
pub(super) const CALC_API: &str = "06b2a484-141c-42d3-9d73-32bec5910b06";
/// The application that may call it.
pub(super) const CALC_CLIENT: &str = "f1f695cb-2d00-4c0f-84a5-437282f3f3fd";

/// The organisation: its issuer, its APIs, and the secrets of its applications, new in each process.
#[derive(Clone, Debug)]
pub struct Contoso {
    /// Its issuer.
    pub issuer: Issuer,
    /// The API that adds numbers, and shows what it was sent.
    pub echo: Echo,
    /// Its mailboxes.
    pub mailbox: Mailbox,
    /// The secret of [`Self::CALC_CLIENT`].
    pub calc_secret: Secret<String>,
    /// The secret of [`Self::GUEST_CLIENT`].
    pub guest_secret: Secret<String>,
    /// The secret of [`Self::MAIL_CLIENT`].
    pub mail_secret: Secret<String>,
}

impl Contoso {
    /// The tenant of the API that adds numbers.
    pub const CALC_TENANT: &str = "019486dd-8ffb-45a9-9232-4132babb1324";
    /// The API that adds numbers; it wants v2 tokens.
    pub const CALC_API: &str = CALC_API;
    /// The application that may call it: it holds [`Self::CALC_ROLE`].
    pub const CALC_CLIENT: &str = CALC_CLIENT;
    /// The app role that the API asks for.
    pub const CALC_ROLE: &str = "invokeRole";
    /// An application of the same tenant that holds no role, and gets a token all the same.
    pub const GUEST_CLIENT: &str = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11";
    /// The tenant of the mailboxes.
    pub const MAIL_TENANT: &str = "5e0699a2-7e10-4d08-8ebb-4f7d7406ad09";
    /// The application that reads and sends mail.
    pub const MAIL_CLIENT: &str = "bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc";

    /// Moves in, with a fresh signing key.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn new() -> Result<Self, ErrorStack> {
        Ok(Self::with_key(SigningKey::generate()?))
    }

    /// Moves in, with that signing key.
    pub fn with_key(key: SigningKey) -> Self {
        let (calc_secret, guest_secret, mail_secret) =
            (fresh_secret(), fresh_secret(), fresh_secret());
        let registry = Registry::new()
            .with_api(ApiRegistration::new(Self::CALC_API))
            .with_app(
                AppRegistration::new(Self::CALC_CLIENT)
                    .in_tenant(Self::CALC_TENANT)
                    .secret(calc_secret.expose())
                    .role(Self::CALC_API, Self::CALC_ROLE),
            )
            .with_app(
                AppRegistration::new(Self::GUEST_CLIENT)
                    .in_tenant(Self::CALC_TENANT)
                    .secret(guest_secret.expose()),
            )
            .with_app(mail_app(&mail_secret));
        let issuer = Issuer::with_key(registry, key);
        Self {
            mailbox: Mailbox::new(issuer.clone()),
            echo: Echo::new(),
            issuer,
            calc_secret,
            guest_secret,
            mail_secret,
        }
    }

    /// Registers a certificate with the application that reads and sends mail, beside its secret.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn register_mail_certificate(&self, pair: &KeyPair) -> Result<(), ErrorStack> {
        let app = mail_app(&self.mail_secret).certificate(&pair.certificate().to_der()?)?;
        self.issuer.register(|registry| registry.with_app(app));
        Ok(())
    }

    /// Opens its doors: each on the port asked for, or on another when that is taken. The issuer's door is
    /// TLS when there is a certificate. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// When no ports can be had.
    pub fn open(
        &self,
        ports: Ports,
        certificate: Option<&ServerCertificate>,
    ) -> io::Result<Neighbourhood> {
        let issuer = serve(
            bind(ports.issuer)?,
            certificate,
            Arc::new(self.issuer.clone()),
        )?;
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
    /// The issuer's.
    pub issuer: u16,
    /// The echo API's.
    pub echo: u16,
    /// The mailbox's.
    pub mailbox: u16,
}

/// The open doors; dropping one closes it.
#[derive(Debug)]
pub struct Neighbourhood {
    /// The issuer's.
    pub issuer: Running,
    /// The echo API's.
    pub echo: Running,
    /// The mailbox's.
    pub mailbox: Running,
}

fn mail_app(secret: &Secret<String>) -> AppRegistration {
    AppRegistration::new(Contoso::MAIL_CLIENT)
        .in_tenant(Contoso::MAIL_TENANT)
        .secret(secret.expose())
        .role(ApiRegistration::GRAPH, "Mail.Read")
        .role(ApiRegistration::GRAPH, "Mail.Send")
}

fn fresh_secret() -> Secret<String> {
    let half = || Uuid::new_v4().simple().to_string();
    Secret::new(format!("{}~{}", half(), half()))
}
