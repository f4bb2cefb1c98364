//! An application that knows no OAuth, the gateway, and mailboxes that want a token.

use bearergate::fake::{Contoso, KeyPair, Neighbourhood, Ports, SigningKey};

use super::{API_KEY, Gateway, Reply};

/// A mailbox the application may read.
pub fn mailbox() -> &'static str {
    "invoices@payroll.contoso.example"
}

pub struct MailWorld {
    pub contoso: Contoso,
    pub doors: Neighbourhood,
    pub gateway: Gateway,
    pub pair: KeyPair,
    _folder: tempfile::TempDir,
}

impl MailWorld {
    /// `knobs`: what goes into `entra:` and, after a `|`, into `certificate:` and, after another,
    /// into the identity.
    pub async fn start(knobs: &str) -> Self {
        let contoso = Contoso::with_key(SigningKey::shared().unwrap());
        let doors = contoso.open(Ports::default(), None).unwrap();
        Self::with(contoso, doors, knobs).await
    }

    pub async fn with(contoso: Contoso, doors: Neighbourhood, knobs: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate("mail-daemon").unwrap();
        contoso.register_mail_certificate(&pair).unwrap();
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("mail.pfx", &pair.pkcs12("a passphrase").unwrap());
        write("mail.pass", b"a passphrase\n");
        write("payroll.key", API_KEY.as_bytes());
        let mut knobs = knobs.split('|').map(str::trim);
        let mut knob = || match knobs.next() {
            Some(text) if !text.is_empty() => format!(", {text}"),
            _ => String::new(),
        };
        let (entra, certificate, identity) = (knob(), knob(), knob());
        let identity = identity.trim_start_matches(", ");
        let yaml = format!(
            r#"
version: 1
listeners:
  legacy: {{ address: 127.0.0.1:0 }}
admin: {{ address: 127.0.0.1:0 }}
identities:
  mail-daemon:
    entra: {{ tenant: {tenant}, client_id: {client}, authority: "{authority}"{entra} }}
    credentials:
      - certificate: {{ file: mail.pfx, passphrase: {{ file: mail.pass }}{certificate} }}
    {identity}
routes:
  - id: inbox
    listener: legacy
    match: {{ path: "/graph/v1.0/users/{{mailbox}}/messages", methods: [GET] }}
    callers: &payroll
      - api_key: {{ id: payroll, key: {{ file: payroll.key }} }}
        where: {{ mailbox: ["*@payroll.contoso.example"] }}
    upstream: {{ url: "{mailbox}", strip_prefix: /graph }}
    token: {{ identity: mail-daemon, scope: "https://graph.microsoft.com/.default", allow_host_mismatch: true }}
  - id: send
    listener: legacy
    match: {{ path: "/graph/v1.0/users/{{mailbox}}/sendMail", methods: [POST] }}
    callers: *payroll
    upstream: {{ url: "{mailbox}", strip_prefix: /graph }}
    token: {{ identity: mail-daemon, scope: "https://graph.microsoft.com/.default", allow_host_mismatch: true }}
  - id: anything
    listener: legacy
    match: {{ path: "/any/**" }}
    callers: [{{ api_key: {{ id: payroll, key: {{ file: payroll.key }} }} }}]
    upstream: {{ url: "{echo}", strip_prefix: /any }}
    token: {{ identity: mail-daemon, scope: "https://graph.microsoft.com/.default", allow_host_mismatch: true }}
"#,
            tenant = Contoso::MAIL_TENANT,
            client = Contoso::MAIL_CLIENT,
            authority = doors.issuer.base(),
            mailbox = doors.mailbox.base(),
            echo = doors.echo.base(),
        );
        let gateway = Gateway::start(&yaml, folder.path()).await;
        Self {
            contoso,
            doors,
            gateway,
            pair,
            _folder: folder,
        }
    }

    /// Reads a mailbox as the application does.
    pub async fn read(&self, mailbox: &str, query: &str) -> Reply {
        let target = format!("/graph/v1.0/users/{mailbox}/messages{query}");
        self.gateway
            .get("legacy", &target, &[format!("X-Api-Key: {API_KEY}")])
            .await
    }
}
