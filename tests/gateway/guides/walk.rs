//! A reader with a page, a terminal, and an organisation to try it on. What the page names and is not of this
//! host is moved here, in the text, in one place: Entra's login host, Graph, and the ports.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use bearergate::fake::{Contoso, Echo, Neighbourhood, Ports, Running, bind, serve};

use super::azure::Azure;
use super::page::{missing, steps};
use super::shell::Shell;
use crate::support::contoso;

/// Where the page's reader has the API.
const API: &str = "127.0.0.1:3000";
const LOGIN: &str = "https://login.microsoftonline.com";
const GRAPH: &str = "https://graph.microsoft.com";

pub struct Walk {
    contoso: Contoso,
    azure: Arc<Azure>,
    _doors: Neighbourhood,
    _stand_ins: Running,
    moves: Vec<(String, String)>,
    shell: Shell,
}

impl Walk {
    /// Types everything; fails at the first line that does not do what the page says.
    pub async fn through(page: &str) -> Self {
        Self::begin(page, |_| {}).go().await
    }

    /// The same where something is there already.
    pub async fn through_with(page: &str, before: impl FnOnce(&mut Settled<'_>)) -> Self {
        Self::begin(page, before).go().await
    }

    fn begin(page: &str, before: impl FnOnce(&mut Settled<'_>)) -> (Self, String) {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page));
        let text = text.unwrap_or_else(|why| panic!("{page}: {why}"));
        let contoso = contoso();
        let doors = contoso.open(Ports::default(), None).unwrap();
        let azure = Arc::new(Azure::of(&contoso));
        let stand_ins = serve(bind(0).unwrap(), None, azure.clone()).unwrap();
        let shell = Shell::with(&stand_ins.base());
        before(&mut Settled {
            azure: &azure,
            shell: &shell,
        });
        let base = doors.issuer.base();
        let echo = doors.echo.address().to_string();
        let mut moves = vec![
            (
                "entra: { tenant:".to_owned(),
                format!("entra: {{ authority: \"{base}\", tenant:"),
            ),
            (LOGIN.to_owned(), base),
            (
                format!("url: {GRAPH}"),
                format!("url: {}", doors.mailbox.base()),
            ),
            (
                format!("scope: {GRAPH}/.default"),
                format!("scope: {GRAPH}/.default, allow_host_mismatch: true"),
            ),
            (
                format!("scope: {GRAPH}/Calendars.Read"),
                format!("scope: {GRAPH}/Calendars.Read, allow_host_mismatch: true"),
            ),
            (API.to_owned(), echo.clone()),
            ("orders.shop.svc.cluster.local".to_owned(), echo),
        ];
        moves.extend(ports(&text));
        let walk = Self {
            contoso,
            azure,
            _doors: doors,
            _stand_ins: stand_ins,
            moves,
            shell,
        };
        (walk, format!("{page}\n{text}"))
    }

    /// Which of these commands were asked of the stand-ins; all must have been.
    pub fn asked(&self, commands: &[&str]) {
        let asked = self.azure.asked();
        for command in commands {
            assert!(
                asked.iter().any(|it| it.starts_with(command)),
                "{command} in {asked:#?}"
            );
        }
    }

    /// How often that was asked.
    pub fn count(&self, command: &str) -> usize {
        let asked = self.azure.asked();
        asked.iter().filter(|it| it.starts_with(command)).count()
    }

    pub fn echo(&self) -> &Echo {
        &self.contoso.echo
    }

    fn moved(&self, text: &str) -> String {
        let moves = self.moves.iter();
        moves.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn moved_back(&self, text: &str) -> String {
        let moves = self.moves.iter();
        moves.fold(text.to_owned(), |text, (from, to)| text.replace(to, from))
    }
}

/// What is in the tenant, and in the reader's folder, before the page begins.
pub struct Settled<'w> {
    azure: &'w Azure,
    shell: &'w Shell,
}

impl Settled<'_> {
    /// A registration without roles; its client id.
    pub fn app(&mut self, name: &str, wants_v2: bool) -> String {
        self.azure
            .directory
            .lock()
            .unwrap()
            .settle(name, |app| app.wants_v2 = wants_v2)
    }

    /// One with the role `Orders.Read`.
    pub fn api(&mut self, name: &str, wants_v2: bool) -> String {
        self.azure.directory.lock().unwrap().settle(name, |app| {
            app.wants_v2 = wants_v2;
            app.roles.push((name.to_owned(), "Orders.Read".to_owned()));
        })
    }

    /// One with a secret, which is in `client.secret`, and perhaps a role of an API.
    pub fn client(&mut self, name: &str, granted: Option<(&str, &str)>) {
        const SECRET: &str = "the~secret~of~a~client~that~is~there~already";
        self.azure.directory.lock().unwrap().settle(name, |app| {
            app.secrets
                .push((format!("secret of {name}"), SECRET.to_owned()));
            let granted = granted.map(|(api, role)| (api.to_owned(), role.to_owned()));
            app.granted.extend(granted);
        });
        std::fs::write(self.shell.here().join("client.secret"), SECRET).unwrap();
    }
}

trait Go {
    async fn go(self) -> Walk;
}

impl Go for (Walk, String) {
    async fn go(self) -> Walk {
        let (mut walk, text) = self;
        let (page, text) = text.split_once('\n').unwrap();
        let steps = steps(text);
        assert!(!steps.is_empty(), "{page} tells nothing to do");
        let commands = steps
            .iter()
            .map(|step| walk.moved(&step.commands))
            .collect();
        let told = walk.shell.run(commands).await;
        for (index, step) in steps.iter().enumerate() {
            let Some(printed) = told.printed.get(index) else {
                panic!("{page}: nobody came to line {}", step.line)
            };
            let printed = walk.moved_back(printed);
            let place = format!(
                "{page}:{}\n{}\n-- printed:\n{printed}",
                step.line, step.commands
            );
            let ended_here = index + 1 == told.printed.len();
            assert!(
                told.code == Some(0) || !ended_here,
                "{place}\n-- ended with {:?}",
                told.code
            );
            let lacks = step.printed.as_ref();
            let lacks = lacks.and_then(|expected| missing(expected, &printed));
            assert_eq!(lacks, None, "{place}");
        }
        walk
    }
}

/// For each port of the page but the API's, another that is free now.
fn ports(text: &str) -> Vec<(String, String)> {
    let mut moves: Vec<(String, String)> = Vec::new();
    for host in ["127.0.0.1:", "0.0.0.0:"] {
        for (at, _) in text.match_indices(host) {
            let port = text[at + host.len()..].chars();
            let port: String = port.take_while(char::is_ascii_digit).collect();
            let documented = format!("{host}{port}");
            let known = moves.iter().any(|(from, _)| *from == documented);
            if port.is_empty() || documented == API || known {
                continue;
            }
            let beside = moves
                .iter()
                .find(|(from, _)| from.ends_with(&format!(":{port}")));
            let free = match beside {
                Some((_, to)) => to.rsplit(':').next().unwrap_or_default().to_owned(),
                None => free_port().to_string(),
            };
            moves.push((documented, format!("127.0.0.1:{free}")));
        }
    }
    moves
}

fn free_port() -> u16 {
    let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    held.local_addr().unwrap().port()
}
