//! The command line.
//!
//!   --rounds 5       everything is measured so many times, in turns
//!   --seconds 3      how long each time
//!   --quick          one round of one second: a first impression in a minute
//!   --only A,B       these rows; `--only list` names them all
//!   --other PATH     another binary of the gateway beside ours, say the last release
//!   --json           for a program to read

use super::row::{ROWS, Row};

pub(super) struct Options {
    pub(super) rounds: usize,
    pub(super) seconds: f64,
    pub(super) only: Option<String>,
    pub(super) other: Option<String>,
    pub(super) json: bool,
}

impl Options {
    pub(super) fn of(mut words: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            rounds: 5,
            seconds: 3.0,
            only: None,
            other: None,
            json: false,
        };
        while let Some(word) = words.next() {
            let mut value = || match words.next() {
                Some(value) => value,
                None => leave(&format!("{word} needs a value")),
            };
            match word.as_str() {
                "--rounds" => options.rounds = number::<usize>(&value()).max(1),
                "--seconds" => options.seconds = number::<f64>(&value()).max(0.1),
                "--quick" => (options.rounds, options.seconds) = (1, 1.0),
                "--only" => options.only = Some(value()),
                "--other" => options.other = Some(value()),
                "--json" => options.json = true,
                _ => leave(&format!(
                    "{word}? There are --rounds N, --seconds N, --quick, --only A,B, --other PATH, --json"
                )),
            }
        }
        options
    }

    /// The rows that were asked for.
    pub(super) fn rows(&self) -> Vec<&'static Row> {
        let Some(only) = &self.only else {
            return ROWS.iter().collect();
        };
        let find = |name| match ROWS.iter().find(|row| row.name == name) {
            Some(row) => row,
            None => {
                let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
                leave(&format!("no row `{name}`; there are {}", names.join(", ")))
            }
        };
        only.split(',').map(find).collect()
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(number) => number,
        Err(_) => leave(&format!("`{text}` is not a number")),
    }
}

fn leave(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(2)
}
