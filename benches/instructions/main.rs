//! Does a request cost what it cost? Instructions that the gateway's process executes for one request
//! of each kind, simulated by callgrind, against `benches/instructions.json`: a figure that neither a
//! busy machine nor a faster one changes.
//!
//! `just instructions`; `--bless` writes the figures as the new baseline, `--only public,expired` looks
//! at some kinds, `--runs 5` measures so many times and shows the spread. `scripts/instructions` builds
//! what is measured and names it by `--gateway`. Linux on x86-64.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on ends"
)]

mod baseline;
mod callgrind;
mod kind;
mod page;
mod report;
mod simulation;
#[path = "../world/mod.rs"]
#[allow(dead_code, reason = "the other bench needs more of it")]
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use baseline::{Baseline, Conditions};
use callgrind::Profile;
use kind::{KINDS, Kind, ROTATING};
use simulation::{REQUESTS, simulate};
use world::credentials::Credentials;

fn main() -> ExitCode {
    let options = Options::of(std::env::args().skip(1));
    let measured = measure(&options);
    if options.runs > 1 {
        report::spread(&measured);
        return ExitCode::SUCCESS;
    }
    let measured: Vec<(&Kind, Profile)> = measured
        .into_iter()
        .map(|(kind, mut profiles)| (kind, profiles.remove(0)))
        .collect();
    let here = Conditions::here();
    if options.bless {
        let mut baseline = Baseline::read().filter(|old| old.conditions == here);
        let baseline = Baseline::with(&mut baseline, here, &measured);
        baseline.write();
        page::write(&baseline);
        report::blessed(&measured);
        return ExitCode::SUCCESS;
    }
    let baseline = Baseline::read().expect("benches/instructions.json; --bless makes it");
    if baseline.conditions != here {
        report::not_comparable(&baseline.conditions, &here, &measured);
        return ExitCode::SUCCESS;
    }
    report::compare(&baseline, &measured)
}

/// Every chosen kind, with a profile for each run of it.
fn measure(options: &Options) -> Vec<(&'static Kind, Vec<Profile>)> {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::new(folder.path(), ROTATING, REQUESTS);
    let chosen = KINDS.iter().filter(|kind| options.wants(kind));
    chosen
        .map(|kind| {
            let profiles = (0..options.runs).map(|_| {
                let profile = simulate(kind, &options.gateway, &credentials);
                println!("{:>14} {:9.0} instructions", kind.name, profile.counted());
                profile
            });
            (kind, profiles.collect())
        })
        .collect()
}

/// The command line.
struct Options {
    gateway: PathBuf,
    bless: bool,
    only: Option<String>,
    runs: usize,
}

impl Options {
    fn of(words: impl Iterator<Item = String>) -> Self {
        let mut words = words.filter(|word| word != "--bench");
        let mut options = Self {
            gateway: PathBuf::new(),
            bless: false,
            only: None,
            runs: 1,
        };
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .unwrap_or_else(|| panic!("{word} needs a value"))
            };
            match word.as_str() {
                "--bless" => options.bless = true,
                "--gateway" => options.gateway = value().into(),
                "--only" => options.only = Some(value()),
                "--runs" => options.runs = value().parse().expect("a number"),
                _ => panic!("{word}? There are --bless, --only KINDS, --runs N, --gateway FILE"),
            }
        }
        options
    }

    fn wants(&self, kind: &Kind) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|names| names.split(',').any(|name| name == kind.name))
    }
}
