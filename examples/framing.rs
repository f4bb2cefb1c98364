//! For the judges of tests/judges: what passes of each connection? Reads a caller's bytes, in hex, a
//! line for each connection; prints, a line for each, where its requests end, and what is wrong.

use std::io::BufRead;

use bearergate::http1::{Limits, Step, Walker};

const LIMITS: Limits = Limits {
    head: 32 * 1024,
    target: 8 * 1024,
};

#[allow(clippy::print_stdout, reason = "it answers on its standard output")]
fn main() -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let digits = line.as_bytes().chunks(2).map(std::str::from_utf8);
        let bytes: Vec<u8> = digits
            .map(|digits| Ok(u8::from_str_radix(digits?, 16)?))
            .collect::<anyhow::Result<_>>()?;
        let (ends, refused) = walk(&bytes);
        println!(
            "{}",
            serde_json::json!({ "ends": ends, "refused": refused })
        );
    }
    Ok(())
}

fn walk(bytes: &[u8]) -> (Vec<usize>, Option<String>) {
    let (mut ends, mut passed) = (Vec::new(), 0);
    let mut walker = Walker::requests(LIMITS);
    while passed < bytes.len() {
        match walker.step(&bytes[passed..]) {
            Ok(Step::Hold) => break,
            Ok(Step::Interim(_)) => {}
            Ok(Step::Pass { bytes, ended }) => {
                passed += bytes;
                ends.extend(ended.then_some(passed));
            }
            Err(violation) => return (ends, Some(violation.to_string())),
        }
    }
    (ends, None)
}
