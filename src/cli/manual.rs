//! `bearergate manual`: the manual pages, from the same definition as `--help`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use super::{Failure, definition, say};

/// Print the manual page, or write one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate manual                                  | man -l -
  bearergate manual --out /usr/local/share/man/man1  bearergate.1, bearergate-serve.1 …")]
pub(super) struct Manual {
    /// Write every page into this folder, which is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Manual {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut whole = definition();
        whole.build();
        match self.out {
            Some(folder) => write(&whole, &folder)?,
            None => say!("{}", page(&whole)?.trim_end())?,
        }
        Ok(())
    }
}

fn write(whole: &Command, folder: &Path) -> anyhow::Result<()> {
    let made = std::fs::create_dir_all(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for command in with_all_below(whole) {
        let path = folder.join(format!("{}.1", name(command)));
        let written = std::fs::write(&path, page(command)?);
        written.with_context(|| format!("cannot write {}", path.display()))?;
        say!("{}", path.display())?;
    }
    Ok(())
}

fn with_all_below(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands();
    let below = below.filter(|below| below.get_name() != "help");
    let mut all = vec![command];
    all.extend(below.flat_map(with_all_below));
    all
}

/// `bearergate-certificate-new`, as the pages of git and of docker are called.
fn name(command: &Command) -> String {
    let name = command.get_display_name();
    name.unwrap_or(command.get_name()).to_owned()
}

fn page(command: &Command) -> anyhow::Result<String> {
    let man = Man::new(command.clone()).title(name(command).to_uppercase());
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8(page)?;
    // What stands below a command's help has a section of its own in manuals.
    let page = page.replacen(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n", 1);
    Ok(page.replacen(".SH EXTRA\nExit codes: ", ".SH EXIT STATUS\n", 1))
}
