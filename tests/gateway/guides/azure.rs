//! What answers in place of `az` and `pwsh`: it reads a command as the original does, refuses what that would
//! not know, and keeps what it was asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use bearergate::fake::{Contoso, Intake, Origin, Request, Response};
use http::StatusCode;
use serde_json::Value;

use super::cluster::Cluster;
use super::directory::Directory;
use super::exchange;
use super::query::followed;

/// Commands and flags of the real one, by `scripts/az-commands`.
const COMMANDS: &str = include_str!("../../fixtures/guides/az.json");

pub struct Azure {
    known: Value,
    pub directory: Mutex<Directory>,
    cluster: Mutex<Cluster>,
    asked: Mutex<Vec<String>>,
}

/// A command of `az` as it was typed.
pub struct Asked<'a> {
    pub folder: &'a Path,
    /// `ad app create`
    pub command: String,
    flags: BTreeMap<String, Vec<String>>,
}

impl Asked<'_> {
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name)?.first().map(String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.flags.contains_key(name)
    }

    pub fn flags(&self, name: &str) -> &[String] {
        self.flags.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn need(&self, name: &str) -> Result<&str, String> {
        let missing = || format!("the following arguments are required: {name}");
        self.flag(name).ok_or_else(missing)
    }

    /// A value, or with `@` what stands in the file of that name.
    pub fn content(&self, name: &str) -> Result<String, String> {
        let given = self.need(name)?;
        let Some(file) = given.strip_prefix('@') else {
            return Ok(given.to_owned());
        };
        let path = self.folder.join(file);
        std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))
    }
}

impl Azure {
    pub fn of(contoso: &Contoso) -> Self {
        Self {
            known: serde_json::from_str(COMMANDS).unwrap(),
            directory: Mutex::new(Directory::of(contoso)),
            cluster: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Everything that was asked, as it was typed.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn az(&self, folder: &Path, words: &[String]) -> Result<String, String> {
        let mut asked = self.parsed(folder, words)?;
        let is_text = match asked.flags.remove("--output").as_deref() {
            None => false,
            Some([form]) if form == "tsv" => true,
            Some([form]) if form == "json" || form == "none" => false,
            Some(other) => return Err(format!("argument --output: invalid choice: {other:?}")),
        };
        let query = asked.flags.remove("--query");
        let mut answer = self.directory.lock().unwrap().answer(&asked)?;
        for query in query.iter().flatten() {
            answer = followed(&answer, query)?;
        }
        Ok(match (is_text, &answer) {
            (_, Value::Null) => String::new(),
            (true, Value::String(text)) => format!("{text}\n"),
            (true, Value::Object(_) | Value::Array(_)) => {
                return Err("tsv of a whole object".into());
            }
            _ => format!("{answer:#}\n"),
        })
    }

    /// Reads the words as `az` does: a command, and flags with all words up to the next.
    fn parsed<'a>(&self, folder: &'a Path, words: &[String]) -> Result<Asked<'a>, String> {
        let is_flag = |word: &String| word.starts_with('-') && word.len() > 1;
        let named = words.iter().take_while(|word| !is_flag(word));
        let command = named.cloned().collect::<Vec<_>>().join(" ");
        let flags = self.known["commands"].get(&command);
        let flags = flags.ok_or_else(|| format!("'{command}' is misspelled or not recognized"))?;
        let known = |list: &Value, word: &str| {
            let aliases = list
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| it.as_array().unwrap());
            let mut found = aliases.filter(|it| it.iter().any(|alias| alias == word));
            let found = found.next()?;
            let longest = found
                .iter()
                .filter_map(Value::as_str)
                .max_by_key(|alias| alias.len());
            longest.map(str::to_owned)
        };
        let mut asked = Asked {
            folder,
            command,
            flags: BTreeMap::new(),
        };
        let mut last: Option<String> = None;
        for word in words.iter().skip_while(|word| !is_flag(word)) {
            if !is_flag(word) {
                match &last {
                    Some(name) => asked
                        .flags
                        .entry(String::clone(name))
                        .or_default()
                        .push(word.clone()),
                    None => return Err(format!("unrecognized arguments: {word}")),
                }
                continue;
            }
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let name = known(flags, flag).or_else(|| known(&self.known["global"], flag));
            let name = name.ok_or_else(|| format!("unrecognized arguments: {flag}"))?;
            asked.flags.entry(name.clone()).or_default().extend(value);
            last = Some(name);
        }
        Ok(asked)
    }
}

impl Origin for Azure {
    fn intake(&self) -> Intake {
        Intake::Whole(1024 * 1024)
    }

    fn answer(&self, request: &Request) -> Response {
        let text = String::from_utf8_lossy(&request.body.kept).into_owned();
        // Where it is, its words, and what it reads.
        let words: Vec<_> = text.split('\0').map(str::to_owned).collect();
        let ([folder, words @ ..], [input]) = words.split_at(words.len() - 1) else {
            return Response::empty(StatusCode::NOT_FOUND);
        };
        let (program, folder) = (request.path().trim_start_matches('/'), Path::new(folder));
        self.asked
            .lock()
            .unwrap()
            .push(format!("{program} {}", words.join(" ")));
        let outcome = match program {
            "az" => self.az(folder, words),
            "pwsh" => exchange::run(folder, words, &mut self.directory.lock().unwrap()),
            other => self
                .cluster
                .lock()
                .unwrap()
                .run(other, folder, words, input),
        };
        let (status, text) = match outcome {
            Ok(text) => (StatusCode::OK, text),
            Err(why) => (StatusCode::BAD_REQUEST, format!("ERROR: {why}\n")),
        };
        Response::of(status, "text/plain", text.into_bytes())
    }
}
