//! Which of Entra's GUIDs is this? Tenants, applications and objects, read from the one form in
//! which Entra writes them, compared as sixteen bytes: a GUID has no case.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a GUID such as 06b2a484-141c-42d3-9d73-32bec5910b06")]
pub struct GuidError;

impl Guid {
    /// The length of the hyphenated form.
    pub const LENGTH: usize = 36;

    /// Whether the text is this GUID, in any case.
    pub fn is(self, text: &str) -> bool {
        text.parse() == Ok(self)
    }

    /// Writes the hyphenated form, in lower case.
    pub fn write(self, buffer: &mut [u8; Self::LENGTH]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        // `uuid` would also read the braced, the bare and the `urn:` form, each of another length.
        match Uuid::try_parse(text) {
            Ok(id) if text.len() == Self::LENGTH => Ok(Self(id)),
            _ => Err(GuidError),
        }
    }
}

impl fmt::Display for Guid {
    /// Hyphenated, in lower case.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.write(&mut [0; Self::LENGTH]))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

    #[test]
    fn case_means_nothing_and_is_shown_low() {
        let guid: Guid = TEXT.parse().unwrap();
        assert_eq!(TEXT.to_uppercase().parse(), Ok(guid));
        assert_eq!(guid.to_string(), TEXT);
        assert_eq!(format!("{guid:?}"), TEXT);
        assert!(guid.is(TEXT) && guid.is(&TEXT.to_uppercase()));
        assert!(!guid.is("11111111-aaaa-4bbb-8ccc-222222222223"));
    }

    #[test]
    fn other_forms_are_none() {
        for text in [
            "",
            "contoso.onmicrosoft.com",
            "11111111aaaa4bbb8ccc222222222222",
            "{11111111-aaaa-4bbb-8ccc-222222222222}",
            "urn:uuid:11111111-aaaa-4bbb-8ccc-222222222222",
            " 11111111-aaaa-4bbb-8ccc-222222222222",
            "11111111-aaaa-4bbb-8ccc-22222222222",
            "11111111-aaaa-4bbb-8ccc-22222222222g",
            "11111111-aaaa-4bbb-8ccc-222222222222/../x",
            "1111111-1aaaa-4bbb-8ccc-222222222222",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(GuidError), "{text}");
        }
    }
}
