//! What `--help` promises: each command has examples, and each of them is a line that can be typed.

use clap::Parser as _;

use super::*;

/// Every command that does something, with what leads to it.
fn leaves(command: &clap::Command, path: &[String]) -> Vec<(Vec<String>, clap::Command)> {
    let path = [path, &[command.get_name().to_owned()]].concat();
    let below: Vec<_> = command.get_subcommands().collect();
    match below.is_empty() {
        true => vec![(path, command.clone())],
        false => below
            .iter()
            .flat_map(|below| leaves(below, &path))
            .collect(),
    }
}

#[test]
fn each_command_has_examples_that_can_be_typed() {
    let mut seen = 0;
    for (path, command) in leaves(&definition(), &[]) {
        let name = path.join(" ");
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_else(|| panic!("{name} has no examples"));
        let examples = help
            .strip_prefix("Examples:\n")
            .unwrap_or_else(|| panic!("{name}: {help}"));
        for line in examples.lines() {
            assert!(line.chars().count() <= 100, "{line}");
            let typed = line.trim_start().split("  ").next().unwrap();
            let typed = typed
                .split(" | ")
                .find(|part| part.starts_with("bearergate "));
            let typed = typed.unwrap_or_else(|| panic!("{name}: {line}"));
            let words = typed
                .split(' ')
                .take_while(|word| !">|&".contains(&word[..1]));
            let words: Vec<_> = words.collect();
            if let Err(why) = Arguments::try_parse_from(&words) {
                panic!("{line}\n{why}");
            }
            assert!(
                words.join(" ").starts_with(&name),
                "{line} is an example of {name}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn the_definition_holds() {
    definition().debug_assert();
}
