//! What does a request cost? CPU time of the proxy's process for each request, against a bare Pingora
//! pass-through in the same round: fresh processes, taking turns, proxy on core 0, load and upstream
//! on core 1. Metrics and access log are on, the log goes to a file.
//!
//! `just bench`; its arguments are in `options.rs`, what it measured on one machine and why it is
//! measured like this in `docs/performance.md`. Linux. Machines drift: believe the ratios, which
//! compare within one round, and no microsecond.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on ends"
)]

mod bare_hyper;
mod bare_pingora;
mod contender;
mod dial;
mod load;
mod load_http2;
mod options;
mod row;
mod run;
mod table;
mod verifier;
#[path = "../world/mod.rs"]
#[allow(dead_code, reason = "the other bench needs more of it")]
mod world;

use options::Options;
use run::{Measured, Measurements, Run};
use world::credentials::Credentials;
use world::process::Process;

/// The allocator the gateway has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many tokens as the verdict cache is to hold on to.
const ROTATING: usize = 1_000;
/// Enough for half a second and more; signing each takes longer than verifying thirty.
const NEVER_SEEN: usize = 20_000;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match words.first().map(String::as_str) {
        Some("upstream") => world::upstream::run(),
        Some("bare-pingora") => bare_pingora::run(&words[1..]),
        Some("bare-hyper") => bare_hyper::run(&words[1]),
        Some("load") => load::run(&words),
        _ => drive(&Options::of(words.into_iter())),
    }
}

/// Measures everything that the rows need, once a round.
fn drive(options: &Options) {
    let rows = options.rows();
    let mut needed: Vec<Run> = Vec::new();
    for run in rows
        .iter()
        .flat_map(|row| row.runs(options.other.is_some()))
    {
        if !needed.contains(&run) {
            needed.push(run);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    table::progress("making keys and tokens ...");
    let once = needed.iter().any(Run::sees_no_token_twice);
    let credentials = Credentials::new(folder.path(), ROTATING, if once { NEVER_SEEN } else { 0 });
    let mut upstream = Process::role("1", &["upstream".to_owned()]);
    let upstream_address = upstream.line();
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let mut measurements = Measurements::default();
        for (number, run) in needed.iter().enumerate() {
            let (of, what) = (needed.len(), run.name());
            table::progress(&format!(
                "round {round} of {}, {} of {of}: {what}",
                options.rounds,
                number + 1
            ));
            let measured: Measured = run.measure(options, &upstream_address, &credentials);
            measurements.insert(run, measured);
        }
        rounds.push(measurements);
    }
    table::progress("");
    let results = rows
        .iter()
        .flat_map(|row| row.results(&rounds, options.other.is_some()));
    table::print(&results.collect::<Vec<_>>(), options.json);
}
