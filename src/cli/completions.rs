//! `bearergate completions`: what a shell needs to know to complete a line, from the one definition of the
//! command line.

use clap_complete::{Shell, generate};

use super::{Failure, definition, say};

/// Print a shell's completions.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate completions bash        > /usr/share/bash-completion/completions/bearergate
  bearergate completions zsh         > \"${fpath[1]}/_bearergate\"
  bearergate completions fish        > ~/.config/fish/completions/bearergate.fish
  bearergate completions powershell  | Out-String | Invoke-Expression")]
pub(super) struct Completions {
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut definition(), "bearergate", &mut script);
        say!("{}", String::from_utf8_lossy(&script).trim_end())?;
        Ok(())
    }
}
