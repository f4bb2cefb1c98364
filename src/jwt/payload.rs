//! Which claims of a signed payload are read, and which type must each have? Claims that nobody reads
//! are passed over; one that is read and repeated is refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Claims, Member, Profile, TokenError};
use crate::clock::UnixTime;

/// The registered claims that are read for every issuer, by their places in `Payload`.
const REGISTERED: [&str; 5] = ["iss", "sub", "aud", "exp", "nbf"];

/// The claims that are read, as they came.
pub(super) struct Payload {
    registered: [Member; REGISTERED.len()],
    others: Vec<(Cow<'static, str>, Value)>,
}

impl Payload {
    /// Reads the payload as this profile says, in one pass.
    pub(super) fn read(payload: &[u8], profile: &Profile) -> Result<Self, TokenError> {
        let mut json = serde_json::Deserializer::from_slice(payload);
        Reads(profile)
            .deserialize(&mut json)
            .and_then(|payload| json.end().map(|()| payload))
            .map_err(|_| TokenError::Malformed("its payload is not a sound JSON object"))
    }

    /// Gives each registered claim its type.
    pub(super) fn into_claims(self, profile: &Profile) -> Result<Claims, TokenError> {
        use TokenError::MissingClaim;

        let [iss, sub, aud, exp, nbf] = self.registered;
        let issuer = iss.text("iss")?.ok_or(MissingClaim("iss"))?;
        let subject = sub.text("sub")?;
        let audiences = aud.text_or_texts("aud")?.ok_or(MissingClaim("aud"))?;
        let expires_at = exp.seconds("exp")?.ok_or(MissingClaim("exp"))?;
        let not_before = nbf.seconds("nbf")?;
        for name in profile.required {
            let present = match *name {
                "sub" => subject.is_some(),
                "nbf" => not_before.is_some(),
                _ => self.others.iter().any(|(known, _)| known == name),
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
            others: self.others,
        })
    }
}

/// Reads an object by a profile.
struct Reads<'a>(&'a Profile);

/// Where a claim goes.
enum Place {
    Registered(usize),
    /// Its place in `Profile::reads`.
    Other(usize),
    Nowhere,
}

impl<'de> DeserializeSeed<'de> for Reads<'_> {
    type Value = Payload;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Payload, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reads<'_> {
    type Value = Payload;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        let mut payload = Payload {
            registered: Default::default(),
            others: Vec::with_capacity(self.0.reads.len()),
        };
        while let Some(place) = map.next_key_seed(Name(self.0))? {
            match place {
                Place::Registered(index) => {
                    if payload.registered[index].is_present() {
                        return Err(Error::custom("a repeated claim"));
                    }
                    payload.registered[index] = map.next_value()?;
                }
                Place::Other(index) => {
                    let name = &self.0.reads[index];
                    if payload.others.iter().any(|(known, _)| known == name) {
                        return Err(Error::custom("a repeated claim"));
                    }
                    payload.others.push((name.clone(), map.next_value()?));
                }
                Place::Nowhere => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(payload)
    }
}

/// Reads a claim's name without keeping it.
struct Name<'a>(&'a Profile);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Place;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Place, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Place;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a claim's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Place, E> {
        if let Some(index) = REGISTERED.iter().position(|known| *known == name) {
            return Ok(Place::Registered(index));
        }
        let other = self.0.reads.iter().position(|known| known == name);
        Ok(other.map_or(Place::Nowhere, Place::Other))
    }
}
