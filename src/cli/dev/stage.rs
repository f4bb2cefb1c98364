//! `bearergate dev`: the organisation, the gateway in front of it, and the requests worth trying.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use openssl::hash::MessageDigest;
use tempfile::TempDir;

use super::own::{self, Line};
use super::platform::Platform;
use super::shown::AUDITOR;
use crate::app::{App, Bound};
use crate::config::Config;
use crate::edge::Address;
use crate::entra::Authority;
use crate::fake::{
    CertificateAuthority, Contoso, KeyPair, Neighbourhood, Ports, Registry, UserState,
};
use crate::inbound::IssuerKind;
use crate::outbound::ClientDefinition;
use crate::telemetry::AccessLog;

const CONFIG: &str = include_str!("../../../config/dev.yaml");
/// The key of the application that knows no OAuth; it dies with the process.
const KEY_LENGTH: usize = 43;

/// Where the organisation usually lives, as the sample configuration has it.
const USUAL: Ports = Ports {
    issuer: 8400,
    echo: 8401,
    mailbox: 8402,
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct StageOptions {
    /// The issuer speaks TLS, by an authority made on the spot, so that MSAL can use it.
    #[arg(long)]
    pub(super) https: bool,
    /// Any free ports instead of 8080, 8081, 9090 and 8400 to 8402.
    #[arg(long)]
    pub(super) any_ports: bool,
}

/// Everything `dev` runs, alive until dropped. Its files go with it.
pub(super) struct Stage {
    pub(super) folder: TempDir,
    pub(super) contoso: Contoso,
    pub(super) doors: Neighbourhood,
    pub(super) platform: Platform,
    app: App,
    pub(super) api_key: String,
    pub(super) passphrase: String,
    pub(super) thumbprint: String,
    pub(super) moved: Vec<String>,
    /// Somebody's own file as it runs here.
    own: Option<Config>,
}

impl Stage {
    /// Starts everything. Needs a tokio runtime.
    pub(super) fn set(
        options: StageOptions,
        own: Option<Config>,
        access_log: AccessLog,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("bearergate-dev-")
            .tempdir()?;
        let contoso = Contoso::new()?;
        let pair = KeyPair::generate("mail-daemon")?;
        contoso.register_mail_certificate(&pair)?;
        let users = |registry: Registry| registry.with_user(AUDITOR, UserState::SecondFactor);
        contoso.issuer.register(users);
        let api_key = secret_text("payroll");
        let passphrase = secret_text("pfx");
        let write = |name: &str, content: &[u8]| write_private(&folder.path().join(name), content);
        write("payroll.key", api_key.as_bytes())?;
        let api_secret = contoso.api_secret.expose().as_bytes();
        write("calc-api.secret", api_secret)?;
        write("mail-daemon.pass", passphrase.as_bytes())?;
        write("mail-daemon.pfx", &pair.pkcs12(&passphrase)?)?;
        write("mail-daemon.pem", &pair.certificate_pem()?)?;
        write("mail-daemon.key.pem", &pair.key_pem()?)?;

        let (mut ca_pem, mut certificate) = (None, None);
        if options.https {
            let authority = CertificateAuthority::generate()?;
            write("ca.pem", &authority.certificate_pem()?)?;
            ca_pem = Some(authority.certificate_pem()?);
            certificate = Some(authority.issue_for_loopback()?);
        }
        let ports = match options.any_ports {
            true => Ports::default(),
            false => USUAL,
        };
        let doors = contoso.open(ports, certificate.as_ref())?;

        let platform = Platform::open(&contoso, options.any_ports)?;
        let (mut config, mut moved) = match &own {
            Some(config) => {
                let mut config = config.clone();
                let replaced = own::move_in(&mut config, &contoso, &doors)?;
                (config, replaced)
            }
            None => {
                let config = Config::parse(CONFIG, "config/dev.yaml", folder.path());
                let mut config = config.context("the built-in configuration does not load")?;
                lead_to(&mut config, &doors);
                (config, Vec::new())
            }
        };
        config.fetch.ca_pem = ca_pem;
        moved.extend(move_in(&mut config, &doors, options.any_ports));
        let own = own.map(|_| config.clone());
        let bound = Bound::new(&config)?;
        let app = App::start(config, bound, access_log)?;
        let digest = pair.certificate().digest(MessageDigest::sha1())?;
        let thumbprint = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self {
            folder,
            contoso,
            doors,
            platform,
            app,
            api_key,
            passphrase,
            thumbprint,
            moved,
            own,
        })
    }

    /// What is worth trying of somebody's own file; nothing where it is the built-in one.
    pub(super) fn own_lines(&self) -> anyhow::Result<Option<Vec<Line>>> {
        let lines = |config| {
            own::lines(config, &self.contoso, self.folder.path(), |listener| {
                self.origin(listener)
            })
        };
        self.own.as_ref().map(lines).transpose()
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The gateway's listeners but admin, by name.
    pub(super) fn listeners(&self) -> Vec<(String, String)> {
        let addresses = self.app.addresses.iter();
        let listeners = addresses.filter(|(name, _)| &**name != "admin");
        let named =
            listeners.map(|(name, at)| (format!("gateway, {name}"), format!("http://{at}")));
        named.collect()
    }

    pub(super) fn origin(&self, listener: &str) -> String {
        let mut addresses = self.app.addresses.iter();
        let found = addresses.find(|(name, _)| &**name == listener);
        found.map_or_else(String::new, |(_, at)| format!("http://{at}"))
    }
}

/// For nobody but its owner, from the moment it exists.
pub(super) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600);
    file.open(path)?.write_all(content)
}

/// Leads the built-in routes to where their upstreams really are.
fn lead_to(config: &mut Config, doors: &Neighbourhood) {
    for route in &mut config.routes {
        for endpoint in &mut route.upstream.endpoints {
            let door = match endpoint.port == USUAL.mailbox {
                true => &doors.mailbox,
                false => &doors.echo,
            };
            endpoint.port = door.address().port();
        }
    }
}

/// Points the configuration at where everything really is, and moves listeners off taken ports.
fn move_in(config: &mut Config, doors: &Neighbourhood, any_ports: bool) -> Vec<String> {
    let base = url::Url::parse(&doors.issuer.base()).ok();
    let elsewhere = |authority: &Authority| {
        Authority::new(authority.cloud(), authority.tenant(), base.as_ref())
    };
    for issuer in &mut config.issuers {
        let IssuerKind::Entra(authority, _) = &mut issuer.kind;
        *authority = elsewhere(authority);
    }
    for identity in &mut config.identities {
        if let ClientDefinition::Entra(client) = &mut identity.client {
            client.authority = elsewhere(&client.authority);
            (client.region, client.instance) = (None, None);
        }
    }
    let mut moved = Vec::new();
    for listener in &mut config.listeners {
        // What is tried by hand is tried by curl lines of one kind.
        let at = &listener.address;
        if let Address::Unix(_) = at {
            moved.push(format!(
                "{}: {at} is a Unix socket, so a port was chosen",
                listener.name
            ));
            listener.address = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        }
    }
    let mut tell = |name: &str, address: SocketAddr, why: &str| {
        let told = format!("{name}: {address} is {why}, so another port was chosen");
        moved.push(told);
    };
    let usual = [
        ("issuer", USUAL.issuer, &doors.issuer),
        ("echo", USUAL.echo, &doors.echo),
        ("mailbox", USUAL.mailbox, &doors.mailbox),
    ];
    for (name, port, door) in usual {
        if !any_ports && door.address().port() != port {
            let address = SocketAddr::new(door.address().ip(), port);
            tell(name, address, "taken");
        }
    }
    let listeners = config.listeners.iter_mut();
    let listeners = listeners.filter_map(|one| match &mut one.address {
        Address::Tcp(address) => Some((&*one.name, address)),
        Address::Unix(_) => None,
    });
    let admin = config
        .admin
        .iter_mut()
        .map(|admin| ("admin", &mut admin.address));
    for (name, address) in listeners.chain(admin) {
        if any_ports {
            address.set_port(0);
        } else if let Err(cause) = std::net::TcpListener::bind(*address) {
            match cause.kind() {
                std::io::ErrorKind::AddrInUse => tell(name, *address, "taken"),
                _ => tell(name, *address, &format!("not to be had ({cause})")),
            }
            address.set_port(0);
        }
    }
    moved
}

/// A fresh secret whose first word tells a reader of logs what leaked.
pub(super) fn secret_text(kind: &str) -> String {
    let half = || uuid::Uuid::new_v4().simple().to_string();
    format!("{kind}-{}", &(half() + &half())[..KEY_LENGTH])
}
