//! What was proven, and what does the route want? For the log, and only when a line is written:
//! verified claims and the file's own words, cut in length.

use std::fmt::{Display, Write};

use super::{
    Audience, BearerConditions, Callers, Condition, Credential, Entry, Need, PolicyRefusal,
    Principal, PrincipalKind, PrincipalRule, TokenPrincipal,
};
use crate::reason::Reason;
use crate::request::Client;

/// The most values of one list that are told, and the most characters of each.
const MOST_VALUES: usize = 8;
const LONGEST_VALUE: usize = 64;

impl Callers {
    /// Why this was refused, with what was proven and what would do instead.
    pub fn told(&self, refusal: &PolicyRefusal) -> String {
        let entry = refusal.entry.and_then(|place| self.entries().get(place));
        let token = match &refusal.principal {
            Some(Principal::Token(token)) => Some(&**token),
            _ => None,
        };
        match (refusal.reason, entry, token) {
            (Reason::NoCredential, ..) => self.wanted(),
            (Reason::WrongAudience, _, Some(token)) => self.audiences(token),
            (Reason::BadKey, ..) => "the key is of no entry of this route".to_owned(),
            (Reason::NetworkNotAllowed, Some(entry), _) => networks(entry, refusal.client),
            (Reason::ParameterNotAllowed, Some(entry), _) => parameters(entry),
            (Reason::PrincipalNotAllowed, Some(entry), Some(token)) => kind(entry, token),
            (_, Some(entry), Some(token)) => claim(entry, token),
            (reason, ..) => reason.sentence().to_owned(),
        }
    }

    /// What could be presented.
    fn wanted(&self) -> String {
        let mut kinds: Vec<String> = Vec::new();
        for entry in self.entries() {
            let kind = match &entry.credential {
                Some(Credential::Bearer(conditions)) => {
                    format!("a bearer token of {}", conditions.issuer)
                }
                Some(Credential::ApiKey(_)) => "an API key".to_owned(),
                None => continue,
            };
            if kinds.len() < MOST_VALUES && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        match kinds.is_empty() {
            true => "nothing was presented".to_owned(),
            false => format!(
                "nothing was presented; the route takes {}",
                kinds.join(" or ")
            ),
        }
    }

    fn audiences(&self, token: &TokenPrincipal) -> String {
        let mut taken: Vec<&Audience> = Vec::new();
        for conditions in self.entries().iter().filter_map(Entry::bearer) {
            let own = conditions.issuer == token.issuer;
            for audience in conditions.audiences.iter().filter(|_| own) {
                // As many as are told, and one more, so that it is said that there are more.
                if taken.len() <= MOST_VALUES && !taken.contains(&audience) {
                    taken.push(audience);
                }
            }
        }
        let claimed = &token.claims.audiences;
        let claimed = match &claimed[..] {
            [one] => cut(one),
            several => list(several),
        };
        format!("aud is {claimed}; the route takes {}", listed(taken))
    }
}

impl Entry {
    fn bearer(&self) -> Option<&BearerConditions> {
        match &self.credential {
            Some(Credential::Bearer(conditions)) => Some(conditions),
            Some(Credential::ApiKey(_)) | None => None,
        }
    }
}

fn networks(entry: &Entry, client: Client) -> String {
    let wanted = entry.network.iter().flat_map(|networks| networks.iter());
    let wanted = list(wanted.collect::<Vec<_>>());
    match client {
        Client::Known(address) => format!("the client is {address}; needs to be in {wanted}"),
        Client::Proxy(address) => format!(
            "the trusted proxy {address} names no client; needs `proxies: true`, and to be in {wanted}"
        ),
        Client::Unknown => format!("the client is unknown; needs to be in {wanted}"),
    }
}

fn parameters(entry: &Entry) -> String {
    let mut text = String::from("needs");
    for (place, (name, patterns)) in entry.parameters.0.iter().enumerate() {
        let patterns: Vec<_> = patterns.iter().map(|pattern| &pattern.0).collect();
        let between = if place == 0 { "" } else { " and" };
        push(
            &mut text,
            format_args!("{between} {{{name}}} in {}", list(patterns)),
        );
    }
    text
}

fn kind(entry: &Entry, token: &TokenPrincipal) -> String {
    let named = |kind| match kind {
        PrincipalKind::App => "an application's own token",
        PrincipalKind::User => "a user's token",
    };
    let wanted = entry.bearer().map(|conditions| conditions.principal);
    match wanted {
        Some(PrincipalRule::Only(wanted)) => {
            format!("it is {}; needs {}", named(token.kind), named(wanted))
        }
        Some(PrincipalRule::Any) | None => format!("it is {}", named(token.kind)),
    }
}

/// The first condition that does not hold.
fn claim(entry: &Entry, token: &TokenPrincipal) -> String {
    let conditions = entry.bearer().map_or(&[][..], |bearer| &bearer.claims);
    let mut failing = conditions.iter().filter(|it| it.check(token).is_err());
    failing.next().map_or_else(String::new, |condition| {
        format!("{}; needs {}", has(condition, token), needed(condition))
    })
}

fn has(condition: &Condition, token: &TokenPrincipal) -> String {
    let name = condition.claim.name();
    let values = condition.claim.values(token);
    match (values, condition.need) {
        (Some(values), Need::Is) if values.len() == 1 => format!("{name} is {}", cut(&values[0])),
        (Some(values), _) if !values.is_empty() => {
            let are = if name.ends_with('s') { "are" } else { "is" };
            format!("{name} {are} {}", list(values))
        }
        _ => format!("it has no {name}"),
    }
}

fn needed(condition: &Condition) -> String {
    let values = &condition.values;
    match (condition.need, &values[..]) {
        (Need::Is, [one]) => cut(&one.to_string()),
        (Need::All, several) => format!("all of {}", list(several)),
        (Need::Any | Need::Is, several) => format!("one of {}", list(several)),
    }
}

fn listed(audiences: Vec<&Audience>) -> String {
    let texts = audiences.into_iter().map(|audience| match audience {
        Audience::Application(id) => id.to_string(),
        Audience::Literal(text) => text.clone(),
    });
    match &texts.collect::<Vec<_>>()[..] {
        [one] => cut(one),
        several => list(several),
    }
}

/// `[one, two, and 3 more]`.
fn list<T: Display>(values: impl AsRef<[T]>) -> String {
    let values = values.as_ref();
    let mut text = String::from("[");
    for (place, value) in values.iter().take(MOST_VALUES).enumerate() {
        let between = if place == 0 { "" } else { ", " };
        push(
            &mut text,
            format_args!("{between}{}", cut(&value.to_string())),
        );
    }
    if let Some(more) = values
        .len()
        .checked_sub(MOST_VALUES)
        .filter(|more| *more > 0)
    {
        push(&mut text, format_args!(", and {more} more"));
    }
    text.push(']');
    text
}

/// A value, short enough for a line; what no line can hold is escaped.
fn cut(value: &str) -> String {
    let end = value.char_indices().nth(LONGEST_VALUE);
    let (shown, dots) = match end {
        Some((end, _)) => (&value[..end], "…"),
        None => (value, ""),
    };
    let mut text: String = shown
        .chars()
        .flat_map(|sign| match sign.is_control() {
            true => sign.escape_default().collect::<Vec<_>>(),
            false => vec![sign],
        })
        .collect();
    text.push_str(dots);
    text
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = text.write_fmt(more);
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
