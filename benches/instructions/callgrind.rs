//! What callgrind wrote: instructions by function, and those that are none of our doing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How functions begin by which SHA-256 and RSA are entered. What happens in them and below is left
/// out: it is OpenSSL's doing, and valgrind has no SHA instructions, so that a hash costs ten times
/// what it costs in truth.
const LEFT_OUT: &[&str] = &["SHA256_", "EVP_PKEY_verify", "EVP_Digest"];

/// Instructions, of a whole run or of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    /// What each function executed itself, without those that it called.
    own: BTreeMap<String, f64>,
    /// What was executed in a call of one function by another, with all that it called.
    calls: BTreeMap<(String, String), f64>,
}

impl Profile {
    /// Reads the format that valgrind's manual describes under "Callgrind Format Specification".
    pub(super) fn read(text: &str) -> Self {
        let (mut profile, mut names) = (Self::default(), HashMap::new());
        let (mut caller, mut callee, mut is_call) = (String::new(), String::new(), false);
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("fn=") {
                caller = function(name, &mut names);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = function(name, &mut names);
            } else if line.starts_with("calls=") {
                is_call = true;
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
                let cost: f64 = line
                    .split(' ')
                    .nth(1)
                    .map_or(0.0, |cost| cost.parse().unwrap());
                if std::mem::take(&mut is_call) {
                    let call = (caller.clone(), callee.clone());
                    *profile.calls.entry(call).or_default() += cost;
                } else {
                    *profile.own.entry(caller.clone()).or_default() += cost;
                }
            }
        }
        profile
    }

    /// Of one of so many requests, by which this run was longer than another.
    pub(super) fn of_one(mut self, shorter: &Self, requests: usize) -> Self {
        let share = |cost: &mut f64, before: Option<&f64>| {
            *cost = (*cost - before.unwrap_or(&0.0)) / requests as f64;
        };
        for (name, cost) in &mut self.own {
            share(cost, shorter.own.get(name));
        }
        for (call, cost) in &mut self.calls {
            share(cost, shorter.calls.get(call));
        }
        // What only start and end called is no part of a request.
        self.calls.retain(|_, cost| *cost >= 1.0);
        self
    }

    /// All instructions, SHA-256 and RSA left out.
    pub(super) fn counted(&self) -> f64 {
        let entered = self
            .calls
            .iter()
            .filter(|((caller, callee), _)| is_left_out(callee) && !is_left_out(caller));
        let left_out: f64 = entered.map(|(_, cost)| cost).sum();
        self.own.values().sum::<f64>() - left_out
    }

    /// By what each executes itself; without those that only SHA-256 and RSA need.
    pub(super) fn functions(&self) -> BTreeMap<&str, f64> {
        let below = self.only_below();
        let own = self.own.iter().filter(|(name, _)| !below.contains(name));
        own.map(|(name, cost)| (name.as_str(), *cost)).collect()
    }

    /// What is left out, and what nobody else calls. `memcpy` stays, with all that it copies.
    fn only_below(&self) -> BTreeSet<&String> {
        let all = self.own.keys();
        let mut below: BTreeSet<&String> = all.filter(|name| is_left_out(name)).collect();
        loop {
            let mut called: BTreeMap<&String, bool> = BTreeMap::new();
            for (caller, callee) in self.calls.keys() {
                if caller != callee {
                    *called.entry(callee).or_insert(true) &= below.contains(caller);
                }
            }
            let only = called.into_iter().filter(|(_, only)| *only);
            let known = below.len();
            below.extend(only.map(|(name, _)| name));
            if below.len() == known {
                return below;
            }
        }
    }
}

fn is_left_out(function: &str) -> bool {
    LEFT_OUT.iter().any(|start| function.starts_with(start))
}

/// `(7) name` the first time, `(7)` from then on; without the hash that rustc ends names with.
fn function(text: &str, names: &mut HashMap<String, String>) -> String {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if name.is_empty() {
        return names[number].clone();
    }
    let plain = match name.rsplit_once("::h") {
        Some((plain, hash)) if hash.len() == 16 => plain,
        _ => name,
    };
    names.insert(number.to_owned(), plain.to_owned());
    plain.to_owned()
}
