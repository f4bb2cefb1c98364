//! The one way to a gateway: a file of `tests/fixtures/gateway`, a fake organisation with its doors open,
//! a folder of secrets. The file's `$WORDS` are filled in, and what a test is about is put into it.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bearergate::config::Config;
use bearergate::fake::{Contoso, KeyPair, Ports, Running, SigningKey, TokenBuilder, bind, serve};
use serde_json::Value;
use tempfile::TempDir;

use super::gateway::parsed;
use super::{API_KEY, Gateway, NIGHT_KEY, scan};

/// The scope of the mailboxes.
pub const GRAPH: &str = "https://graph.microsoft.com/.default";
/// The scope of the API that adds numbers.
pub const CALC: &str = "api://06b2a484-141c-42d3-9d73-32bec5910b06/.default";

/// A mailbox that the application may read.
pub const MAILBOX: &str = "invoices@payroll.contoso.example";

/// Its messages, as the application asks for them.
pub fn inbox(query: &str) -> String {
    format!("/graph/v1.0/users/{MAILBOX}/messages{query}")
}

/// Contoso with the key that all tests share: making one takes long.
pub fn contoso() -> Contoso {
    Contoso::with_key(SigningKey::shared().unwrap())
}

/// A configuration in the making, and everything that it names.
pub struct Setup {
    pub contoso: Contoso,
    pub echo: Running,
    _mailbox: Running,
    issuer: Option<Running>,
    others: Vec<Running>,
    folder: TempDir,
    pub tree: Value,
    words: BTreeMap<String, String>,
}

impl Setup {
    /// Contoso around this fixture.
    pub fn of(fixture: &str) -> Self {
        Self::among(contoso(), fixture)
    }

    pub fn among(contoso: Contoso, fixture: &str) -> Self {
        Self::behind(contoso, None, fixture)
    }

    /// The issuer's door is TLS where there is a certificate.
    pub fn behind(contoso: Contoso, tls: Option<&KeyPair>, fixture: &str) -> Self {
        let doors = contoso.open(Ports::default(), tls).unwrap();
        let known = [
            ("ISSUER", doors.issuer.base()),
            ("ECHO", doors.echo.base()),
            ("MAILBOX", doors.mailbox.base()),
            ("UPSTREAM", doors.echo.base()),
            ("CALC_TENANT", Contoso::CALC_TENANT.to_owned()),
            ("CALC_API", Contoso::CALC_API.to_owned()),
            ("CALC_CLIENT", Contoso::CALC_CLIENT.to_owned()),
            ("GUEST_CLIENT", Contoso::GUEST_CLIENT.to_owned()),
            ("MAIL_TENANT", Contoso::MAIL_TENANT.to_owned()),
            ("MAIL_CLIENT", Contoso::MAIL_CLIENT.to_owned()),
        ];
        let calc_secret = contoso.calc_secret.expose().clone();
        let mail_secret = contoso.mail_secret.expose().clone();
        let api_secret = contoso.api_secret.expose().clone();
        let setup = Self {
            contoso,
            issuer: Some(doors.issuer),
            echo: doors.echo,
            _mailbox: doors.mailbox,
            others: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            tree: fixture_tree(fixture),
            words: known.map(|(word, text)| (word.to_owned(), text)).into(),
        };
        setup
            .file("payroll.key", API_KEY)
            .file("night.key", NIGHT_KEY)
            .file("calc.secret", calc_secret)
            .file("mail.secret", mail_secret)
            .file("api.secret", api_secret)
    }

    /// Mailboxes, and a certificate for the application that reads them.
    pub fn mail(contoso: Contoso) -> Self {
        let pair = KeyPair::generate("mail-daemon").unwrap();
        contoso.register_mail_certificate(&pair).unwrap();
        Self::among(contoso, "mail.yaml")
            .file("mail.pfx", pair.pkcs12("a passphrase").unwrap())
            .file("mail.pass", "a passphrase\n")
            .file("mail.cer", pair.certificate_pem().unwrap())
    }

    /// One public route to everything of this upstream; what else is said of the listener and of it.
    pub fn open(url: &str, listener: &str, upstream: &str) -> Self {
        Self::of("open.yaml")
            .fill("UPSTREAM", url)
            .put("/listeners/apis", listener)
            .put("/routes/0/upstream", upstream)
    }

    /// Another organisation, whose issuer is `$OTHER_ISSUER`.
    pub fn beside(mut self, other: &Contoso) -> Self {
        let door = bind(0).unwrap();
        let issuer = serve(door, None, Arc::new(other.issuer.clone())).unwrap();
        let base = issuer.base();
        self.others.push(issuer);
        self.fill("OTHER_ISSUER", base)
    }

    /// What stands for `$word`.
    pub fn fill(mut self, word: &str, text: impl Into<String>) -> Self {
        self.words.insert(word.to_owned(), text.into());
        self
    }

    /// Puts YAML at a place such as `/listeners/apis`: into a mapping, behind a list, or as it is.
    pub fn put(mut self, place: &str, yaml: &str) -> Self {
        self.add(place, yaml);
        self
    }

    pub fn add(&mut self, place: &str, yaml: &str) {
        match (self.at(place), serde_saphyr::from_str(yaml).unwrap()) {
            (_, Value::Null) => {}
            (Value::Object(known), Value::Object(more)) => known.extend(more),
            (Value::Array(known), more) => known.push(more),
            (known, more) => *known = more,
        }
    }

    /// Puts it in the place of what is there.
    pub fn set(&mut self, place: &str, yaml: &str) {
        *self.at(place) = serde_saphyr::from_str(yaml).unwrap();
    }

    fn at(&mut self, place: &str) -> &mut Value {
        let names = place.split('/').skip(1);
        names.fold(&mut self.tree, |tree, name| match name.parse::<usize>() {
            Ok(number) => &mut tree[number],
            Err(_) => &mut tree[name],
        })
    }

    /// A file for the configuration to name.
    pub fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let holds_a_secret = [".secret", ".key", ".pass"]
            .iter()
            .any(|end| name.ends_with(end));
        if let (true, Ok(text)) = (holds_a_secret, std::str::from_utf8(bytes.as_ref())) {
            text.lines().for_each(scan::is_secret);
        }
        std::fs::write(self.path(name), bytes).unwrap();
        self
    }

    /// An identity of the tenant of the mailboxes that proves itself with `secret`.
    pub fn identity(self, name: &str, authority: &str, secret: &str) -> Self {
        let file = format!("{name}.secret");
        self.file(&file, secret).identity_with(
            name,
            authority,
            &format!("secret: {{ file: {file} }}"),
        )
    }

    /// The same with any credential.
    pub fn identity_with(self, name: &str, authority: &str, credential: &str) -> Self {
        let authority = match authority {
            "" => String::new(),
            url => format!(", authority: {url}"),
        };
        let identity = format!(
            "{name}: {{ entra: {{ tenant: $MAIL_TENANT, client_id: $MAIL_CLIENT{authority} }}, credentials: [{credential}] }}"
        );
        self.put("/identities", &identity)
    }

    /// A route `/NAME/**` to `upstream` that carries `identity`'s token for `scope`.
    pub fn route(self, name: &str, upstream: &str, identity: &str, scope: &str) -> Self {
        let token = format!("identity: {identity}, scope: {scope}, allow_host_mismatch: true");
        self.plain(
            name,
            &format!("url: {upstream}"),
            &format!("token: {{ {token} }}"),
        )
    }

    /// A route `/NAME/**` with this upstream, and what else is said of it.
    pub fn plain(self, name: &str, upstream: &str, more: &str) -> Self {
        let route = format!(
            "id: {name}\nlistener: legacy\nmatch: {{ path: /{name}/** }}\n\
             callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]\n\
             upstream: {{ strip_prefix: /{name}, {upstream} }}\n{more}"
        );
        self.put("/routes", &route)
    }

    /// The configuration with every word filled in; JSON, which is YAML.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.tree).unwrap();
        // A word that begins like another comes after it in the map: the longest are filled first.
        let filled = self.words.iter().rev().fold(text, |text, (word, value)| {
            text.replace(&format!("${word}"), value)
        });
        let mut dollars = filled.split('$').skip(1);
        let left = dollars.find(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        assert_eq!(left, None, "a word that nothing stands for");
        filled
    }

    pub fn config(&self) -> Config {
        parsed(&self.text(), self.folder())
    }

    /// Writes the text beside what it names; where.
    pub fn written(&self) -> String {
        let path = self.path("gate.yaml");
        std::fs::write(&path, self.text()).unwrap();
        path.display().to_string()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The URL of Contoso's issuer, also when that is gone.
    pub fn issuer(&self) -> &str {
        &self.words["ISSUER"]
    }

    /// Ends the issuer; the other doors stay open. Its port.
    pub async fn stop_issuer(&mut self) -> u16 {
        let issuer = self.issuer.take().expect("an issuer that runs");
        let port = issuer.address().port();
        issuer.stop().await;
        port
    }

    /// A token for the API that adds numbers, without a role.
    pub fn token(&self) -> TokenBuilder {
        let token = self.contoso.issuer.token(Contoso::CALC_TENANT);
        token
            .audience(Contoso::CALC_API)
            .client(Contoso::CALC_CLIENT)
    }

    /// What the echo was sent last under this name, or nothing.
    pub fn echoed(&self, name: &str) -> String {
        let last = self.contoso.echo.last();
        let value = last.as_ref().and_then(|request| request.header(name));
        value.unwrap_or_default().to_owned()
    }

    /// A gateway of it; there may be several.
    pub async fn gateway(&self) -> Gateway {
        Gateway::start(&self.text(), self.folder()).await
    }

    pub async fn start(self) -> World {
        let gateway = self.gateway().await;
        World {
            setup: self,
            gateway,
        }
    }

    /// The same, once its issuers' keys are there.
    pub async fn ready(self) -> World {
        let world = self.start().await;
        world.gateway.ready().await;
        world
    }
}

/// A setup with its gateway.
pub struct World {
    pub setup: Setup,
    pub gateway: Gateway,
}

impl Deref for World {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }
}

fn fixture_tree(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gateway");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}
