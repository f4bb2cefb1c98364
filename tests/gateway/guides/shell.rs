//! The reader's terminal: one bash for the whole page, in a folder of its own, with the binary and the
//! stand-ins on its path.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use crate::support::PATIENCE;

/// What stands on the path in place of what talks to Azure.
const STAND_INS: [&str; 4] = ["az", "pwsh", "kubectl", "helm"];
/// Says to the test where it is and what it was asked, and what the test says.
const STAND_IN: &str = r#"#!/bin/sh
answer=$(mktemp)
code=$({ printf '%s\0' "$PWD" "$@"; cat; } | curl -sS --noproxy '*' -o "$answer" -w '%{http_code}' \
    --data-binary @- "DOOR/$(basename "$0")") || exit 1
if [ "$code" = 200 ]; then cat "$answer"; rm "$answer"; exit 0; fi
cat "$answer" >&2; rm "$answer"; exit 2
"#;

pub struct Shell {
    folder: TempDir,
}

/// What each step printed, until one failed.
pub struct Told {
    pub printed: Vec<String>,
    pub code: Option<i32>,
}

impl Shell {
    pub fn with(door: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "here", "out"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let bin = folder.path().join("bin");
        for name in STAND_INS {
            let path = bin.join(name);
            std::fs::write(&path, STAND_IN.replace("DOOR", door)).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bearergate"), bin.join("bearergate"))
            .unwrap();
        Self { folder }
    }

    /// Where the page's files are made.
    pub fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// Runs the steps in one bash; the first that fails is the last.
    pub async fn run(&mut self, steps: Vec<String>) -> Told {
        let out = self.folder.path().join("out");
        let mut script =
            "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n".to_owned();
        for (index, step) in steps.iter().enumerate() {
            script.push_str(&format!(
                "exec >'{}' 2>&1\n{step}\n",
                out.join(index.to_string()).display()
            ));
        }
        let file = self.folder.path().join("script");
        std::fs::write(&file, script).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let path = format!(
            "{}:{}",
            self.folder.path().join("bin").display(),
            path.display()
        );
        let mut command = Command::new("bash");
        command
            .arg(&file)
            .current_dir(self.here())
            .env("PATH", path);
        command
            .env_remove("BEARERGATE_CONFIG")
            .env("NO_PROXY", "127.0.0.1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut bash = command.kill_on_drop(true).spawn().unwrap();
        let ended = tokio::time::timeout(PATIENCE * 2, bash.wait()).await;
        let code = ended.ok().and_then(|status| status.unwrap().code());
        let steps = 0..steps.len();
        let printed = steps.map_while(|index| std::fs::read(out.join(index.to_string())).ok());
        let printed = printed
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect();
        Told { printed, code }
    }
}
