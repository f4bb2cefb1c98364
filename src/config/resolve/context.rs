//! What every part of resolving needs: the list of problems, the files next to the configuration,
//! and what has been read of them already.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openssl::sha::sha256;

use crate::config::Files;
use crate::config::secret_ref::SecretRef;
use crate::located::{At, FilePath, Found, NodeId, Reader};
use crate::pem::{self, Content};
use crate::secret::{Secret, SecretSource};

/// The shortest key: 128 bits where it is made of hexadecimal digits.
const SHORTEST_KEY: usize = 32;

pub(super) struct Context<'c> {
    pub(super) reader: Reader<'c>,
    base: &'c Path,
    /// `state.redis` is there.
    pub(super) has_shared_store: bool,
    /// What is read, for whoever waits for it to change.
    files: &'c mut Files,
    // Ten thousand routes may name one file: it is read once and held once.
    certificates: HashMap<PathBuf, Result<Arc<Vec<u8>>, String>>,
    keys: HashMap<SecretSource, Result<[u8; 32], String>>,
}

impl<'c> Context<'c> {
    pub(super) fn new(reader: Reader<'c>, base: &'c Path, files: &'c mut Files) -> Self {
        Self {
            reader,
            base,
            has_shared_store: false,
            files,
            certificates: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    pub(super) fn problem(&mut self, node: NodeId, message: impl Into<String>) -> &mut Found {
        self.reader.problem(node, message)
    }

    /// Where a file is that the configuration names.
    pub(super) fn beside(&self, path: &FilePath) -> PathBuf {
        self.base.join(&path.0)
    }

    /// A secret's text.
    pub(super) fn secret(&mut self, at: &At<SecretRef>) -> Option<Secret<String>> {
        let read = self.source(at).read_text();
        read.map_err(|why| self.problem(at.node, why.to_string()))
            .ok()
    }

    /// A variable of the environment, where it is set and holds one line of text.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let read = SecretSource::Env(name.to_owned()).read_text();
        Some(read.ok()?.expose().clone())
    }

    /// The same of several lines.
    pub(super) fn pem_variable(&self, name: &str) -> Option<String> {
        let read = SecretSource::Env(name.to_owned()).read_bytes();
        String::from_utf8(read.ok()?.expose().clone()).ok()
    }

    /// What is in a file of certificates or keys.
    pub(super) fn content(&mut self, at: &At<FilePath>) -> Option<Content> {
        let source = SecretSource::File(self.file(&at.0));
        let read = source.read_bytes().map_err(|why| why.to_string());
        let content = read.and_then(|bytes| {
            pem::content(bytes.expose()).map_err(|why| format!("{source} {why}"))
        });
        content.map_err(|why| self.problem(at.node, why)).ok()
    }

    /// The PEM certificates of a `ca_file`.
    pub(super) fn certificates(&mut self, at: &At<FilePath>) -> Option<Arc<Vec<u8>>> {
        let path = self.file(&at.0);
        let entry = self.certificates.entry(path);
        let read = entry.or_insert_with_key(|path| trusted(path)).clone();
        read.map_err(|why| self.problem(at.node, why)).ok()
    }

    /// The SHA-256 of an API key, which must be long enough to be one.
    pub(super) fn key_hash(&mut self, at: &At<SecretRef>) -> Option<[u8; 32]> {
        let source = self.source(at);
        let read = self.keys.entry(source).or_insert_with_key(hashed).clone();
        read.map_err(|why| self.problem(at.node, why)).ok()
    }

    /// Where a file is that is about to be read.
    fn file(&mut self, written: &Path) -> PathBuf {
        let path = self.base.join(written);
        self.files.note(&path);
        path
    }

    fn source(&mut self, written: &SecretRef) -> SecretSource {
        match &written.0 {
            SecretSource::File(path) => SecretSource::File(self.file(path)),
            SecretSource::Env(name) => SecretSource::Env(name.clone()),
        }
    }
}

/// Written anew: what reads it later, here and in `serve`, reads the same.
fn trusted(path: &Path) -> Result<Arc<Vec<u8>>, String> {
    let source = SecretSource::File(path.to_owned());
    let bytes = source.read_bytes().map_err(|why| why.to_string())?;
    let pem = pem::authorities(bytes.expose());
    pem.map(Arc::new).map_err(|why| format!("{source} {why}"))
}

fn hashed(source: &SecretSource) -> Result<[u8; 32], String> {
    let key = source.read_text().map_err(|why| why.to_string())?;
    let key = key.expose();
    let wrong = if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has characters that no header can carry".to_owned()
    } else if key.len() < SHORTEST_KEY {
        format!("is shorter than {SHORTEST_KEY} characters")
    } else {
        return Ok(sha256(key.as_bytes()));
    };
    Err(format!("the key in {source} {wrong}"))
}

/// Rules of an object, each `what breaks it => where, what is wrong, what to do;`. The place may be
/// that of a key that was not written: then there is nothing to note.
macro_rules! rules {
    ($context:ident, $( $broken:expr => $place:expr, $message:expr $(, $hint:expr)?; )*) => { $(
        if $broken && let Some(node) = Option::<$crate::located::NodeId>::from($place) {
            let _found = $context.problem(node, $message);
            $( _found.hint($hint); )?
        }
    )* };
}
pub(super) use rules;
