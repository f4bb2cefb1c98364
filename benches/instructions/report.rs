//! What is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use super::baseline::{Baseline, Conditions, WORTH_A_LINE};
use super::callgrind::Profile;
use super::kind::Kind;

/// How far a figure may be from the baseline's, in percent.
const TOLERANCE: f64 = 3.0;
/// How many functions explain a difference.
const EXPLAINED: usize = 10;

/// The table, and a failure where a kind costs more, or less, than it did.
pub(super) fn compare(baseline: &Baseline, measured: &[(&Kind, Profile)]) -> ExitCode {
    println!(
        "\n{:>14} {:>9} {:>9} {:>8} {:>9}",
        "", "baseline", "now", "change", "budget"
    );
    let (mut dearer, mut cheaper) = (Vec::new(), Vec::new());
    for (kind, profile) in measured {
        let Some(&was) = baseline.instructions.get(kind.name) else {
            println!("{:>14} is not in the baseline", kind.name);
            dearer.push((*kind, profile));
            continue;
        };
        let change = (profile.counted() / was - 1.0) * 100.0;
        let budget = kind
            .budget
            .map_or(String::new(), |budget| budget.to_string());
        let (name, now) = (kind.name, profile.counted());
        println!("{name:>14} {was:9.0} {now:9.0} {change:+7.1}% {budget:>9}");
        if change > TOLERANCE {
            dearer.push((*kind, profile));
        } else if change < -TOLERANCE {
            cheaper.push(*kind);
        }
    }
    for (kind, profile) in &dearer {
        explain(baseline, kind, profile);
    }
    if !dearer.is_empty() {
        println!(
            "\nDearer by more than {TOLERANCE} %. Where it is worth it: just instructions --bless"
        );
        return ExitCode::FAILURE;
    }
    if !cheaper.is_empty() {
        println!(
            "\nCheaper by more than {TOLERANCE} %: so it stays, with just instructions --bless"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The functions whose own cost differs most.
fn explain(baseline: &Baseline, kind: &Kind, profile: &Profile) {
    let before = baseline.functions.iter().filter_map(|(function, costs)| {
        let cost = costs.get(kind.name)?;
        Some((function.as_str(), *cost))
    });
    let before: BTreeMap<&str, f64> = before.collect();
    let now = profile.functions();
    let names: BTreeSet<&str> = before.keys().chain(now.keys()).copied().collect();
    let cost = |of: &BTreeMap<&str, f64>, name| of.get(name).copied().unwrap_or_default();
    let all = names
        .into_iter()
        .map(|name| (name, cost(&before, name), cost(&now, name)));
    // What the baseline does not remember was there all the same.
    let known = |(_, was, now): &(&str, f64, f64)| *was > 0.0 || *now >= WORTH_A_LINE;
    let mut all: Vec<(&str, f64, f64)> = all.filter(known).collect();
    let difference = |(_, was, now): &(&str, f64, f64)| (now - was).abs();
    all.sort_by(|one, other| difference(other).total_cmp(&difference(one)));
    println!(
        "\n{}: what differs most, by what a function executes itself",
        kind.name
    );
    println!("{:>9} {:>9} {:>9}", "baseline", "now", "change");
    for (function, was, now) in all.into_iter().take(EXPLAINED) {
        println!("{was:9.0} {now:9.0} {:+9.0}  {function}", now - was);
    }
}

pub(super) fn blessed(measured: &[(&Kind, Profile)]) {
    println!("\nbenches/instructions.json and docs/performance.md hold what these cost now:");
    for (kind, profile) in measured {
        let over = kind
            .budget
            .filter(|budget| profile.counted() > f64::from(*budget));
        let told = over.map_or(String::new(), |budget| {
            format!("  over its budget of {budget}")
        });
        println!("{:>14} {:9.0}{told}", kind.name, profile.counted());
    }
}

pub(super) fn not_comparable(was: &Conditions, here: &Conditions, measured: &[(&Kind, Profile)]) {
    println!("\nNOT COMPARED: the baseline was made under other conditions.");
    println!("  there {was:?}\n  here  {here:?}");
    println!("Figures of one cannot be held against the other; on the machine that CI has,");
    println!("just instructions --bless makes a baseline. Measured here:");
    for (kind, profile) in measured {
        println!("{:>14} {:9.0}", kind.name, profile.counted());
    }
}

/// Least and greatest of several runs, and how far apart they are.
pub(super) fn spread(measured: &[(&Kind, Vec<Profile>)]) {
    println!(
        "\n{:>14} {:>9} {:>9} {:>8}",
        "", "least", "greatest", "spread"
    );
    for (kind, profiles) in measured {
        let counted = profiles.iter().map(|profile| profile.counted());
        let least = counted.clone().fold(f64::INFINITY, f64::min);
        let greatest = counted.fold(0.0, f64::max);
        let spread = (greatest / least - 1.0) * 100.0;
        println!("{:>14} {least:9.0} {greatest:9.0} {spread:7.2}%", kind.name);
    }
}
