//! What does a request cost? CPU time of the gateway's process for each request, against a bare
//! Pingora pass-through in the same run: fresh processes, taking turns, proxy on core 0, load and
//! upstream on core 1. Metrics and access log are on, the log goes to a file.
//!
//! `just bench`, or `cargo bench --bench gateway -- --rounds 5 --seconds 3`; `--only bearer,public`
//! leaves contenders out, `--other target/old/bearergate` runs a second binary beside ours. Linux.
//! Machines drift: believe the ratios, which compare within one round, and no microsecond.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on ends"
)]

mod contender;
mod credentials;
mod load;
mod pass_through;
mod process;
mod upstream;

use contender::{CONTENDERS, Contender};
use credentials::Credentials;
use load::Load;
use process::Process;

/// The allocator the gateway has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match arguments.first().map(String::as_str) {
        Some("upstream") => upstream::run(),
        Some("pass-through") => pass_through::run(&arguments[1]),
        Some("load") => load::run(&arguments),
        _ => drive(&Options::of(&arguments)),
    }
}

/// The command line.
struct Options {
    rounds: usize,
    seconds: u64,
    only: Option<String>,
    other: Option<String>,
}

impl Options {
    fn of(arguments: &[String]) -> Self {
        let value = |name: &str| {
            let place = arguments.iter().position(|word| word == name)?;
            Some(
                arguments
                    .get(place + 1)
                    .unwrap_or_else(|| panic!("{name} needs a value"))
                    .clone(),
            )
        };
        let number = |name: &str, default| {
            value(name).map_or(default, |text| text.parse().expect("a number"))
        };
        Self {
            rounds: number("--rounds", 5).max(1),
            seconds: number("--seconds", 3).max(1) as u64,
            only: value("--only"),
            other: value("--other"),
        }
    }

    /// Who takes part, each with the binary it runs; the pass-through always does, and first.
    fn contenders(&self) -> Vec<(String, &'static Contender, String)> {
        let ours = env!("CARGO_BIN_EXE_bearergate").to_owned();
        let wanted = |contender: &Contender| {
            let only = self.only.as_deref();
            contender.is_bare()
                || only.is_none_or(|names| names.split(',').any(|name| name == contender.name))
        };
        let mut all = Vec::new();
        for contender in CONTENDERS.iter().filter(|contender| wanted(contender)) {
            all.push((contender.name.to_owned(), contender, ours.clone()));
            if let (Some(other), false) = (&self.other, contender.is_bare()) {
                all.push((
                    format!("other {}", contender.name),
                    contender,
                    other.clone(),
                ));
            }
        }
        all
    }
}

/// Measures every contender once a round.
fn drive(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    let credentials = Credentials::new(folder.path());
    let mut upstream = Process::role(1, &["upstream".to_owned()]);
    let up = upstream.line();
    let contenders = options.contenders();
    let mut samples = vec![Vec::new(); contenders.len()];
    for round in 1..=options.rounds {
        for ((name, contender, binary), sample) in contenders.iter().zip(&mut samples) {
            let microseconds = measure(contender, binary, &up, &credentials, options.seconds);
            println!("round {round}: {name:>18} {microseconds:7.2} µs/request");
            sample.push(microseconds);
        }
    }
    println!(
        "\n{:>18} {:>8} {:>8} {:>8}   {:>7} {:>7} {:>7}",
        "µs/request", "median", "least", "most", "ratio", "least", "most"
    );
    for ((name, ..), sample) in contenders.iter().zip(&samples) {
        // Within one round a slow moment of the machine hits both.
        let ratios = sample
            .iter()
            .zip(&samples[0])
            .map(|(ours, bare)| ours / bare)
            .collect();
        let ([least, median, most], ratio) = (spread(sample.clone()), spread(ratios));
        println!(
            "{name:>18} {median:8.2} {least:8.2} {most:8.2}   {:7.3} {:7.3} {:7.3}",
            ratio[1], ratio[0], ratio[2]
        );
    }
}

/// Least, median, most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    };
    [values[0], median, values[values.len() - 1]]
}

/// Microseconds of the proxy's CPU time for each request.
fn measure(
    contender: &Contender,
    binary: &str,
    upstream: &str,
    credentials: &Credentials,
    seconds: u64,
) -> f64 {
    let (proxy, address) = contender.start(binary, upstream, credentials);
    let set = credentials.of(contender);
    let load = |seconds, lines| {
        let load = Load {
            address: address.clone(),
            seconds,
            status: contender.status,
            file: set.file.display().to_string(),
            lines,
            once: set.once,
        };
        let answer = Process::role(1, &load.arguments()).line();
        answer
            .parse()
            .unwrap_or_else(|_| panic!("{}: {answer}", contender.name))
    };
    // Connections, keys, tokens, branch predictors.
    let _: f64 = load(1, set.warm_up.clone());
    let before = proxy.cpu();
    let requests: f64 = load(seconds, set.measured.clone());
    let spent = proxy.cpu() - before;
    assert!(
        requests > 1000.0,
        "{}: only {requests} answers",
        contender.name
    );
    spent.as_secs_f64() * 1e6 / requests
}
