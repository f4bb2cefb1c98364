//! What is shown of the stage: the requests worth trying, with their header files, and, for a test client, where
//! everything is and by which secrets.

use super::example::{self, Example};
use super::stage::{Stage, write_private};
use crate::fake::{Contoso, TokenBuilder};

/// A mailbox that the application may read, and one that it may not.
const READABLE: &str = "invoices@payroll.contoso.example";
const FORBIDDEN: &str = "ceo@contoso.example";
/// Who owns that one, which users' tokens are of, and somebody of whom the tenant demands a second factor.
pub(super) const OWNER: &str = FORBIDDEN;
pub(super) const AUDITOR: &str = "auditor@contoso.example";
/// What the API is called for by clients that users work with.
pub(super) const AS_USER: &str = "access_as_user";

impl Stage {
    /// Writes the tokens as header files, valid for an hour, and gives the requests worth trying.
    pub(super) fn examples(&self) -> anyhow::Result<Vec<Example>> {
        let bearer = |client: &str, change: &dyn Fn(TokenBuilder) -> TokenBuilder| {
            let token = self.contoso.issuer.token(Contoso::CALC_TENANT);
            let token = token.audience(Contoso::CALC_API).client(client);
            let token = change(token).try_mint();
            token.map(|token| format!("Authorization: Bearer {token}\n"))
        };
        let of_user = |name: &str| bearer(Contoso::CALC_CLIENT, &|it| it.user(name).scope(AS_USER));
        let folder = self.folder.path();
        for (name, header) in [
            (
                "calculator",
                bearer(Contoso::CALC_CLIENT, &|it| it.role(Contoso::CALC_ROLE))?,
            ),
            ("guest", bearer(Contoso::GUEST_CLIENT, &|it| it)?),
            ("owner", of_user(OWNER)?),
            ("auditor", of_user(AUDITOR)?),
            ("payroll", format!("X-Api-Key: {}\n", self.api_key)),
        ] {
            write_private(&folder.join(format!("{name}.header")), header.as_bytes())?;
        }
        Ok(example::all(&[
            ("{apis}", &self.origin("apis")),
            ("{legacy}", &self.origin("legacy")),
            ("{folder}", &folder.display().to_string()),
            ("{readable}", READABLE),
            ("{forbidden}", FORBIDDEN),
        ])?)
    }

    pub(super) fn facts(&self) -> serde_json::Value {
        let folder = self.folder.path();
        let secret = |secret: &crate::secret::Secret<String>| secret.expose().clone();
        serde_json::json!({
            "authority": self.doors.issuer.base(),
            "ca_file": self.ca_file(),
            "tenant": Contoso::CALC_TENANT,
            "gateway": {
                "apis": self.origin("apis"),
                "legacy": self.origin("legacy"),
                "admin": self.origin("admin"),
            },
            "platform": self.platform.facts(),
            "echo": self.doors.echo.base(),
            "mailbox": self.doors.mailbox.base(),
            "api": {
                "client_id": Contoso::CALC_API,
                "scope": format!("api://{}/.default", Contoso::CALC_API),
            },
            "clients": {
                "calculator": {
                    "client_id": Contoso::CALC_CLIENT,
                    "secret": secret(&self.contoso.calc_secret),
                },
                "guest": {
                    "client_id": Contoso::GUEST_CLIENT,
                    "secret": secret(&self.contoso.guest_secret),
                },
                "calc-api": {
                    "client_id": Contoso::CALC_API,
                    "secret": secret(&self.contoso.api_secret),
                },
                "mail-daemon": {
                    "client_id": Contoso::MAIL_CLIENT,
                    "tenant": Contoso::MAIL_TENANT,
                    "certificate_file": folder.join("mail-daemon.pem"),
                    "key_file": folder.join("mail-daemon.key.pem"),
                    "pfx_file": folder.join("mail-daemon.pfx"),
                    "passphrase": self.passphrase,
                    "thumbprint_sha1_hex": self.thumbprint,
                },
            },
            "api_key": self.api_key,
            "mailboxes": { "readable": READABLE, "forbidden": FORBIDDEN },
            "users": { "owner": OWNER, "auditor": AUDITOR },
            "header_files": {
                "calculator": folder.join("calculator.header"),
                "guest": folder.join("guest.header"),
                "payroll": folder.join("payroll.header"),
                "owner": folder.join("owner.header"),
                "auditor": folder.join("auditor.header"),
            },
        })
    }
}
