//! `bearergate dev`: the organisation, the gateway in front of it, and the requests worth trying.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use openssl::hash::MessageDigest;
use tempfile::TempDir;

use super::example::{Example, FORBIDDEN, Facts, READABLE};
use crate::app::{App, Bound, StartError};
use crate::config::{Config, Problems};
use crate::entra::Authority;
use crate::fake::{CertificateAuthority, Contoso, KeyPair, Neighbourhood, Ports};
use crate::routing::RouteDefinition;
use crate::telemetry::AccessLog;

/// What the sample configuration is; also a file to read and to start from.
const CONFIG: &str = include_str!("../../../config/dev.yaml");
/// The key of the application that knows no OAuth; it dies with the process.
const KEY_LENGTH: usize = 43;

/// Where the organisation usually lives, as the sample configuration has it.
const ISSUER: u16 = 8400;
const ECHO: u16 = 8401;
const MAILBOX: u16 = 8402;

/// How to set the stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StageOptions {
    /// The issuer speaks TLS, by an authority made on the spot.
    pub(super) https: bool,
    /// Any free ports instead of the usual ones.
    pub(super) any_ports: bool,
}

/// Everything `dev` runs, alive until dropped. Its files go with it.
pub(super) struct Stage {
    folder: TempDir,
    contoso: Contoso,
    doors: Neighbourhood,
    app: App,
    api_key: String,
    passphrase: String,
    thumbprint: String,
    moved: Vec<String>,
}

/// Why the stage cannot be set.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// A file or port could not be had.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Keys or certificates could not be made.
    #[error("{0}")]
    Crypto(#[from] openssl::error::ErrorStack),
    /// The built-in configuration does not load: a bug of ours.
    #[error("the built-in configuration does not load:\n{0}")]
    Config(#[from] Problems),
    /// The gateway did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Stage {
    /// Starts everything. Needs a tokio runtime.
    ///
    /// # Errors
    /// What could not be had.
    pub(super) fn set(options: StageOptions, access_log: AccessLog) -> Result<Self, StageError> {
        let folder = tempfile::Builder::new()
            .prefix("bearergate-dev-")
            .tempdir()?;
        let contoso = Contoso::new()?;
        let pair = KeyPair::generate("mail-daemon")?;
        contoso.register_mail_certificate(&pair)?;
        let api_key = secret_text("payroll");
        let passphrase = secret_text("pfx");
        write_secrets(folder.path(), &pair, &api_key, &passphrase)?;

        let authority = if options.https {
            Some(CertificateAuthority::generate()?)
        } else {
            None
        };
        let certificate = match &authority {
            Some(authority) => {
                std::fs::write(folder.path().join("ca.pem"), authority.certificate_pem()?)?;
                Some(authority.issue_for_loopback()?)
            }
            None => None,
        };
        let ports = if options.any_ports {
            Ports::default()
        } else {
            Ports {
                issuer: ISSUER,
                echo: ECHO,
                mailbox: MAILBOX,
            }
        };
        let doors = contoso.open(ports, certificate.as_ref())?;

        let mut config = Config::parse(CONFIG, "config/dev.yaml", folder.path())?;
        config.fetch.ca_pem = authority
            .map(|authority| authority.certificate_pem())
            .transpose()?;
        let moved = move_in(&mut config, &doors, options.any_ports);
        let bound = Bound::new(&config)?;
        let app = App::start(config, bound, access_log)?;
        let digest = pair.certificate().digest(MessageDigest::sha1())?;
        let thumbprint = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self {
            folder,
            contoso,
            doors,
            app,
            api_key,
            passphrase,
            thumbprint,
            moved,
        })
    }

    /// Addresses that are not the usual ones, and why.
    pub(super) fn moved(&self) -> &[String] {
        &self.moved
    }

    /// The authority whose certificate clients of `--https` must trust.
    pub(super) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where a listener of the gateway is.
    pub(super) fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.app
            .addresses
            .iter()
            .find(|(name, _)| &**name == listener)
            .map(|(_, at)| *at)
    }

    /// The organisation's doors.
    pub(super) fn doors(&self) -> &Neighbourhood {
        &self.doors
    }

    /// Writes the tokens as header files, valid for an hour, and gives the requests worth trying.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn examples(&self) -> Result<Vec<Example>, StageError> {
        let bearer = |client: &str, role: Option<&str>| {
            let token = self.contoso.issuer.token(Contoso::CALC_TENANT);
            let token = token.audience(Contoso::CALC_API).client(client);
            let token = role.into_iter().fold(token, |token, role| token.role(role));
            token
                .try_mint()
                .map(|token| format!("Authorization: Bearer {token}\n"))
        };
        let folder = self.folder.path();
        let allowed = bearer(Contoso::CALC_CLIENT, Some(Contoso::CALC_ROLE))?;
        std::fs::write(folder.join("calculator.header"), allowed)?;
        std::fs::write(
            folder.join("guest.header"),
            bearer(Contoso::GUEST_CLIENT, None)?,
        )?;
        std::fs::write(
            folder.join("payroll.header"),
            format!("X-Api-Key: {}\n", self.api_key),
        )?;
        Ok(super::example::all(&Facts {
            apis: self.origin("apis"),
            legacy: self.origin("legacy"),
            folder: folder.display().to_string(),
        }))
    }

    /// What a test client needs to know, as JSON.
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
            "header_files": {
                "calculator": folder.join("calculator.header"),
                "guest": folder.join("guest.header"),
                "payroll": folder.join("payroll.header"),
            },
        })
    }

    fn origin(&self, listener: &str) -> String {
        self.address(listener)
            .map_or_else(String::new, |at| format!("http://{at}"))
    }
}

fn write_secrets(
    folder: &Path,
    pair: &KeyPair,
    api_key: &str,
    passphrase: &str,
) -> Result<(), StageError> {
    std::fs::write(folder.join("payroll.key"), api_key)?;
    std::fs::write(folder.join("mail-daemon.pass"), passphrase)?;
    std::fs::write(folder.join("mail-daemon.pfx"), pair.pkcs12(passphrase)?)?;
    std::fs::write(folder.join("mail-daemon.pem"), pair.certificate_pem()?)?;
    std::fs::write(folder.join("mail-daemon.key.pem"), pair.key_pem()?)?;
    Ok(())
}

/// Points the configuration at where everything really is, and moves listeners off taken ports.
fn move_in(config: &mut Config, doors: &Neighbourhood, any_ports: bool) -> Vec<String> {
    let base = url::Url::parse(&doors.issuer.base()).ok();
    let elsewhere = |authority: &Authority| {
        Authority::new(authority.cloud(), authority.tenant(), base.as_ref())
    };
    for issuer in &mut config.issuers {
        issuer.authority = elsewhere(&issuer.authority);
    }
    for identity in &mut config.identities {
        identity.authority = elsewhere(&identity.authority);
    }
    for route in &mut config.routes {
        route.upstream.port = door_of(route, doors);
    }
    let mut moved = Vec::new();
    let usual = [
        ("issuer", ISSUER, &doors.issuer),
        ("echo", ECHO, &doors.echo),
        ("mailbox", MAILBOX, &doors.mailbox),
    ];
    for (name, port, door) in usual {
        if !any_ports && door.address().port() != port {
            let address = SocketAddr::new(door.address().ip(), port);
            moved.push(format!(
                "{name}: {address} is taken, so another port was chosen"
            ));
        }
    }
    let listeners = config
        .listeners
        .iter_mut()
        .map(|l| (l.name.to_string(), &mut l.address));
    let admin = config
        .admin
        .iter_mut()
        .map(|address| ("admin".to_owned(), address));
    for (name, address) in listeners.chain(admin) {
        if any_ports {
            address.set_port(0);
        } else if let Err(cause) = std::net::TcpListener::bind(*address) {
            let taken = cause.kind() == std::io::ErrorKind::AddrInUse;
            let why = if taken {
                "taken".to_owned()
            } else {
                format!("not to be had ({cause})")
            };
            moved.push(format!(
                "{name}: {address} is {why}, so another port was chosen"
            ));
            address.set_port(0);
        }
    }
    moved
}

fn door_of(route: &RouteDefinition, doors: &Neighbourhood) -> u16 {
    match route.upstream.port {
        MAILBOX => doors.mailbox.address().port(),
        _ => doors.echo.address().port(),
    }
}

/// A fresh secret whose first word tells a reader of logs what leaked.
fn secret_text(kind: &str) -> String {
    let random = format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    );
    format!("{kind}-{}", &random[..KEY_LENGTH])
}
