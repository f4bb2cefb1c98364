//! What answers in place of `kubectl` and `helm`: Secrets are folders, a release is the gateway itself with the
//! configuration of the values. What the objects of the chart do is judged elsewhere, by an API server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Commands with the flags that the guide may use, and those that take a value.
const COMMANDS: &[(&str, &[&str])] = &[
    ("kubectl create namespace", &[]),
    (
        "kubectl create secret generic",
        &["--from-file", "--dry-run", "--output"],
    ),
    ("kubectl apply", &["--filename"]),
    ("kubectl rollout status", &[]),
    ("kubectl port-forward", &[]),
    ("kubectl delete namespace", &[]),
    ("helm template", &["--values"]),
    ("helm upgrade", &["--install", "--values", "--wait"]),
    ("helm test", &[]),
    ("helm uninstall", &[]),
];
const SWITCHES: [&str; 2] = ["--install", "--wait"];
const VALUES: &str = include_str!("../../../charts/bearergate/values.yaml");

#[derive(Default)]
pub struct Cluster {
    namespaces: Vec<String>,
    release: Option<Child>,
}

/// A line as it was typed.
struct Asked<'a> {
    folder: &'a Path,
    arguments: Vec<String>,
    flags: BTreeMap<String, String>,
    input: &'a str,
}

impl Cluster {
    pub fn run(
        &mut self,
        program: &str,
        folder: &Path,
        words: &[String],
        input: &str,
    ) -> Result<String, String> {
        let mut flags = BTreeMap::new();
        let mut plain = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match (word.starts_with("--"), word.split_once('=')) {
                (false, _) => plain.push(word.clone()),
                (true, Some((flag, value))) => {
                    drop(flags.insert(flag.to_owned(), value.to_owned()))
                }
                (true, None) if SWITCHES.contains(&word.as_str()) => {
                    flags.insert(word.clone(), String::new());
                }
                (true, None) => {
                    let value = words
                        .next()
                        .ok_or_else(|| format!("flag needs an argument: {word}"))?;
                    flags.insert(word.clone(), value.clone());
                }
            }
        }
        let line = format!("{program} {}", plain.join(" "));
        let mut known = COMMANDS
            .iter()
            .filter(|(command, _)| line.starts_with(command));
        let (command, allowed) = known
            .next()
            .ok_or_else(|| format!("unknown command {line}"))?;
        let strange = flags
            .keys()
            .find(|flag| *flag != "--namespace" && !allowed.contains(&flag.as_str()));
        if let Some(flag) = strange {
            return Err(format!("unknown flag: {flag}"));
        }
        let arguments = plain[command.split(' ').count() - 1..].to_vec();
        let asked = Asked {
            folder,
            arguments,
            flags,
            input,
        };
        match *command {
            "kubectl create namespace" => {
                self.namespaces.push(asked.first()?.to_owned());
                Ok(String::new())
            }
            "kubectl create secret generic" => self.secret(&asked),
            "kubectl apply" => self.apply(&asked),
            "kubectl rollout status" | "kubectl port-forward" | "kubectl delete namespace" => {
                Ok(String::new())
            }
            "helm template" => asked.release().map(|_| String::new()),
            "helm upgrade" => self.upgrade(&asked),
            "helm test" => match self.release {
                Some(_) => Ok(String::new()),
                None => Err("release: not found".to_owned()),
            },
            _ => {
                self.stop();
                Ok(String::new())
            }
        }
    }

    fn secret(&mut self, asked: &Asked<'_>) -> Result<String, String> {
        let (name, namespace) = (asked.first()?, asked.namespace()?);
        if !self.namespaces.contains(&namespace) {
            return Err(format!("namespaces {namespace:?} not found"));
        }
        let file = asked
            .flags
            .get("--from-file")
            .ok_or("--from-file is missing")?;
        let content =
            std::fs::read(asked.folder.join(file)).map_err(|why| format!("{file}: {why}"))?;
        if asked.flags.contains_key("--dry-run") {
            let secret = json!({ "kind": "Secret", "metadata": { "name": name }, "data": { file: STANDARD.encode(content) } });
            return Ok(secret.to_string());
        }
        asked.write(name, file, &content)
    }

    fn apply(&mut self, asked: &Asked<'_>) -> Result<String, String> {
        let text = match asked.flags.get("--filename").map(String::as_str) {
            Some("-") => asked.input.to_owned(),
            Some(file) => {
                std::fs::read_to_string(asked.folder.join(file)).map_err(|why| why.to_string())?
            }
            None => return Err("must specify one of -f and -k".to_owned()),
        };
        let object: Value = serde_saphyr::from_str(&text).map_err(|why| why.to_string())?;
        let name = object["metadata"]["name"]
            .as_str()
            .ok_or("an object without a name")?;
        match object["kind"].as_str() {
            Some("Secret") => {
                for (file, content) in object["data"].as_object().into_iter().flatten() {
                    let content = STANDARD.decode(content.as_str().unwrap_or_default());
                    asked.write(name, file, &content.map_err(|why| why.to_string())?)?;
                }
                Ok(String::new())
            }
            Some("NetworkPolicy") => Ok(String::new()),
            other => Err(format!("{other:?} is no object of the guide")),
        }
    }

    fn upgrade(&mut self, asked: &Asked<'_>) -> Result<String, String> {
        let config = asked.release()?;
        let file = asked.folder.join("../release.yaml");
        std::fs::write(&file, config).map_err(|why| why.to_string())?;
        let gateway = |word: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bearergate"));
            command
                .args([word, "--config"])
                .arg(&file)
                .stdin(Stdio::null());
            command
        };
        let checked = gateway("check").output().map_err(|why| why.to_string())?;
        if !checked.status.success() {
            return Err(String::from_utf8_lossy(&checked.stderr).into_owned());
        }
        self.stop();
        let mut serve = gateway("serve");
        let serve = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.release = Some(serve.map_err(|why| why.to_string())?);
        Ok(String::new())
    }

    fn stop(&mut self) {
        if let Some(mut release) = self.release.take() {
            let _ = release.kill();
            let _ = release.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Asked<'_> {
    fn first(&self) -> Result<&str, String> {
        self.arguments
            .first()
            .map(String::as_str)
            .ok_or_else(|| "a name is missing".to_owned())
    }

    fn namespace(&self) -> Result<String, String> {
        self.flags
            .get("--namespace")
            .cloned()
            .ok_or_else(|| "--namespace is missing".to_owned())
    }

    fn secrets(&self) -> PathBuf {
        self.folder.join("../secrets")
    }

    /// As the kubelet does: whole, and then in its place.
    fn write(&self, name: &str, file: &str, content: &[u8]) -> Result<String, String> {
        let folder = self.secrets().join(name);
        let (next, path) = (folder.join(".next"), folder.join(file));
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&next, content))
            .and_then(|()| std::fs::rename(next, path));
        written
            .map(|()| String::new())
            .map_err(|why| why.to_string())
    }

    /// The configuration of the values, its secrets where this host has them.
    fn release(&self) -> Result<String, String> {
        self.namespace()?;
        let file = self.flags.get("--values").ok_or("--values is missing")?;
        let text =
            std::fs::read_to_string(self.folder.join(file)).map_err(|why| why.to_string())?;
        let read =
            |text: &str| serde_saphyr::from_str::<Value>(text).map_err(|why| why.to_string());
        let (values, known) = (read(&text)?, read(VALUES)?);
        for (name, value) in values.as_object().into_iter().flatten() {
            let of_chart = known
                .get(name)
                .ok_or_else(|| format!("the chart has no value {name}"))?;
            let below = value.as_object().into_iter().flatten();
            let open = of_chart.as_object().is_none_or(serde_json::Map::is_empty);
            if let Some((below, _)) = below
                .into_iter()
                .find(|(below, _)| !open && of_chart.get(below).is_none())
            {
                return Err(format!("the chart has no value {name}.{below}"));
            }
        }
        let mut config = values["config"].as_str().ok_or("no config")?.to_owned();
        for (mount, secret) in values["secrets"].as_object().into_iter().flatten() {
            let secret = secret["existingSecret"]
                .as_str()
                .ok_or("no existingSecret")?;
            let folder = self.secrets().join(secret);
            config = config.replace(
                &format!("/run/secrets/{mount}"),
                &folder.display().to_string(),
            );
        }
        Ok(config)
    }
}
