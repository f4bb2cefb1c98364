//! A whole valid configuration, and the way to one.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Files;
use super::file::File as Written;
use super::resolve;
use super::secret_ref::MASKING;
use crate::edge::{ListenerDefinition, TlsDefinition};
use crate::http_client::FetchDefinition;
use crate::inbound::IssuerDefinition;
use crate::limit::Limit;
use crate::located::{Problems, Reader, Schemas, Tree};
use crate::outbound::IdentityDefinition;
use crate::policy::Callers;
use crate::routing::RouteDefinition;
use crate::secret::why_unreadable;
use crate::store::StoreDefinition;
use crate::telemetry::{LogDefinition, TracesDefinition};

/// The largest file that is read; ten thousand routes have a third of it.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub listeners: Vec<ListenerDefinition>,
    /// What listeners allow to each address that asks: `limits.per_address`.
    pub doors: Vec<(Arc<str>, Limit)>,
    pub admin: Option<AdminDefinition>,
    pub fetch: FetchDefinition,
    pub issuers: Vec<IssuerDefinition>,
    pub identities: Vec<IdentityDefinition>,
    /// In file order.
    pub routes: Vec<RouteDefinition>,
    pub log: LogDefinition,
    /// `None`: there are none.
    pub traces: Option<TracesDefinition>,
    /// `None`: in memory alone.
    pub state: Option<StoreDefinition>,
    pub threads: usize,
    pub readiness: ReadinessRule,
    pub shutdown: ShutdownDefinition,
}

/// `admin:` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminDefinition {
    pub address: SocketAddr,
    /// `None`: in clear.
    pub tls: Option<TlsDefinition>,
    /// Who may see the status page; `None`: on loopback whoever is there, elsewhere nobody.
    pub callers: Option<Arc<Callers>>,
}

/// `readiness:` of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadinessRule {
    /// Ready once, ready ever after.
    Lenient,
    /// Ready while nothing is missing.
    Strict,
}

/// `shutdown:` of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownDefinition {
    /// Between not ready and no longer accepting.
    pub delay: Duration,
    /// How long requests in flight may take to end.
    pub grace: Duration,
}

impl Config {
    /// Reads and resolves a file.
    ///
    /// # Errors
    /// Every problem of the file, in file order.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::load_noting(path, &mut Files::default())
    }

    /// The same, and which files it was read from, also where it is not valid.
    ///
    /// # Errors
    /// Every problem of the file, in file order.
    pub fn load_noting(path: &Path, files: &mut Files) -> Result<Self, Problems> {
        files.note(path);
        let name = path.display().to_string();
        let unreadable = |cause| Problems::whole(&name, why_unreadable(path, &cause));
        let base = path.parent().unwrap_or(Path::new(""));
        Self::read_noting(File::open(path).map_err(unreadable)?, &name, base, files)
    }

    /// The same of what is no file of its own, such as standard input.
    ///
    /// # Errors
    /// Every problem of it, in its order.
    pub fn read(from: impl Read, name: &str, base: &Path) -> Result<Self, Problems> {
        Self::read_noting(from, name, base, &mut Files::default())
    }

    fn read_noting(
        from: impl Read,
        name: &str,
        base: &Path,
        files: &mut Files,
    ) -> Result<Self, Problems> {
        let whole = |message: &str| Problems::whole(name, message);
        let mut bytes = Vec::new();
        from.take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| Problems::whole(name, format!("it cannot be read: {cause}")))?;
        if matches!(
            bytes[..],
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, _, 0, ..]
        ) {
            return Err(whole("the file is UTF-16; save it as UTF-8"));
        }
        let text = String::from_utf8(bytes).map_err(|_| whole("the file is not UTF-8 text"))?;
        Self::parse_noting(&text, name, base, files)
    }

    /// Resolves a text; `name` stands for its path in problems, relative files are looked for in `base`.
    ///
    /// # Errors
    /// Every problem of the text, in its order.
    pub fn parse(text: &str, name: &str, base: &Path) -> Result<Self, Problems> {
        Self::parse_noting(text, name, base, &mut Files::default())
    }

    fn parse_noting(
        text: &str,
        name: &str,
        base: &Path,
        files: &mut Files,
    ) -> Result<Self, Problems> {
        if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST_FILE) {
            return Err(Problems::whole(name, "the file is larger than 16 MiB"));
        }
        let (tree, found) = Tree::parse(text, &MASKING)
            .map_err(|why| Problems::unreadable(text, name, why, &MASKING))?;
        let root = tree
            .root()
            .ok_or_else(|| Problems::whole(name, "the file is empty"))?;
        let (config, found) = resolve::resolve(root, Reader::new(&tree, found), base, files);
        match config {
            Some(config) if found.is_empty() => Ok(config),
            _ => Err(Problems::of(text, name, &tree, found)),
        }
    }

    /// The JSON Schema of the file, for editors.
    pub fn schema() -> serde_json::Value {
        Schemas::root::<Written>("File", "bearergate configuration, version 1")
    }
}
