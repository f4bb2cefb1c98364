//! Which claims of a signed payload are read, and which type must each have? Claims that nobody reads
//! are passed over; one that is read and repeated is refused.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{Claims, Member, Profile, TokenError, json};
use crate::clock::UnixTime;

/// The registered claims that are read for every issuer.
const REGISTERED: [&str; 5] = ["iss", "sub", "aud", "exp", "nbf"];
/// Where claims are looked for: by the last bits of their first letter.
const INITIALS: usize = 32;

/// The claims that are read: the registered ones, then those that an issuer's profile names. Cheap to
/// clone, and told from others by where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames(Arc<Names>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    all: Vec<Cow<'static, str>>,
    /// Their places.
    by_initial: [Vec<usize>; INITIALS],
}

/// The claims that are read, as they came.
#[derive(Clone)]
pub(super) struct Payload {
    names: ClaimNames,
    /// By the places of their names.
    values: Vec<Member>,
}

impl FromIterator<Cow<'static, str>> for ClaimNames {
    fn from_iter<T: IntoIterator<Item = Cow<'static, str>>>(others: T) -> Self {
        let mut names = Names::default();
        for name in REGISTERED.into_iter().map(Cow::Borrowed).chain(others) {
            names.by_initial[initial(&name)].push(names.all.len());
            names.all.push(name);
        }
        Self(Arc::new(names))
    }
}

impl ClaimNames {
    /// The place of a claim that is read. Of two by one name the first is meant.
    fn place(&self, name: &str) -> Option<usize> {
        let Names { all, by_initial } = &*self.0;
        let mut places = by_initial[initial(name)].iter().copied();
        places.find(|place| all[*place] == name)
    }
}

fn initial(name: &str) -> usize {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    usize::from(first) % INITIALS
}

impl Payload {
    /// Reads these claims in one pass.
    pub(super) fn read(payload: &[u8], names: &ClaimNames) -> Result<Self, TokenError> {
        let malformed = || TokenError::Malformed("its payload is not a sound JSON object");
        let text = json::text(payload).ok_or_else(malformed)?;
        let mut json = serde_json::Deserializer::from_str(text);
        let payload = Self {
            names: names.clone(),
            values: std::iter::repeat_with(Member::default)
                .take(names.0.all.len())
                .collect(),
        };
        payload
            .deserialize(&mut json)
            .and_then(|payload| json.end().map(|()| payload))
            .map_err(|_| malformed())
    }

    /// Whether it holds just what these names read.
    pub(super) fn is_by(&self, names: &ClaimNames) -> bool {
        Arc::ptr_eq(&self.names.0, &names.0)
    }

    pub(super) fn issuer(&self) -> Result<Option<String>, TokenError> {
        let [iss, ..] = &*self.values else {
            return Ok(None);
        };
        iss.clone().text("iss")
    }

    /// Gives each registered claim its type.
    pub(super) fn into_claims(self, profile: &Profile) -> Result<Claims, TokenError> {
        use TokenError::MissingClaim;

        let mut values = self.values.into_iter();
        let [iss, sub, aud, exp, nbf] = REGISTERED.map(|_| values.next().unwrap_or_default());
        let issuer = iss.text("iss")?.ok_or(MissingClaim("iss"))?;
        let subject = sub.text("sub")?;
        let audiences = aud.text_or_texts("aud")?.ok_or(MissingClaim("aud"))?;
        let expires_at = exp.seconds("exp")?.ok_or(MissingClaim("exp"))?;
        let not_before = nbf.seconds("nbf")?;
        let names = self.names.0.all.iter().skip(REGISTERED.len());
        let others: Vec<_> = names
            .zip(values)
            .filter_map(|(name, member)| Some((name.clone(), member.into_value()?)))
            .collect();
        for name in profile.required {
            let present = match *name {
                "sub" => subject.is_some(),
                "nbf" => not_before.is_some(),
                _ => others.iter().any(|(known, _)| known == name),
            };
            if !present {
                return Err(MissingClaim(name));
            }
        }
        let mut issuers = profile.issuers.iter();
        let issuer = issuers.find(|known| ***known == *issuer);
        Ok(Claims {
            issuer: issuer.ok_or(TokenError::Issuer)?.clone(),
            subject,
            audiences,
            expires_at: UnixTime::from_seconds(expires_at),
            not_before: not_before.map(UnixTime::from_seconds),
            others,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Payload {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Payload {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(place) = map.next_key_seed(Name(&self.names))? {
            match place.and_then(|place| self.values.get_mut(place)) {
                Some(member) if member.is_present() => {
                    return Err(Error::custom("a repeated claim"));
                }
                Some(member) => *member = map.next_value()?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(self)
    }
}

/// Reads a claim's name without keeping it.
struct Name<'a>(&'a ClaimNames);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a claim's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.place(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_that_is_read_has_a_place_and_no_other_has() {
        let others = ["roles", "TID", "tid", "sub", "", "\u{e9}"];
        let names: ClaimNames = others.into_iter().map(Cow::Borrowed).collect();
        for (place, name) in REGISTERED.into_iter().enumerate() {
            assert_eq!(names.place(name), Some(place));
        }
        for (place, name) in [
            ("roles", 5),
            ("TID", 6),
            ("tid", 7),
            ("", 9),
            ("\u{e9}", 10),
        ] {
            assert_eq!(names.place(place), Some(name), "{place}");
        }
        for name in ["Roles", "role", "TId", "issu", "is", "I", "\u{c9}"] {
            assert_eq!(names.place(name), None, "{name}");
        }
    }
}
