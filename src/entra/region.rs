//! A region of Azure whose own token endpoint is asked.

use std::fmt;
use std::str::FromStr;

use super::Cloud;

/// A region's name, such as `westeurope`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no region's name")]
pub struct RegionError;

impl Region {
    pub const PATTERN: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";

    /// Where Microsoft's own libraries look: the global cloud's regions are below another of its names.
    pub fn login_host(&self, cloud: Cloud) -> String {
        let region = &self.0;
        match cloud {
            Cloud::Public => format!("{region}.login.microsoft.com"),
            Cloud::UsGov | Cloud::China => format!("{region}.{}", cloud.login_host()),
        }
    }
}

impl FromStr for Region {
    type Err = RegionError;

    /// SECURITY: one DNS label, which goes into the name of a host that secrets are sent to.
    fn from_str(text: &str) -> Result<Self, RegionError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return Err(RegionError);
        };
        let fits = bytes.len() <= 63
            && first.is_ascii_lowercase()
            && is_plain(*last)
            && bytes.iter().all(|byte| is_plain(*byte) || *byte == b'-');
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(RegionError),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_one_label_of_small_letters() {
        let long = "a".repeat(63);
        for good in ["westeurope", "westus2", "a", "usgov-virginia", &long] {
            assert_eq!(good.parse::<Region>().unwrap().to_string(), good);
        }
        let long = "a".repeat(64);
        for wrong in [
            "",
            "-a",
            "a-",
            "2a",
            "WestEurope",
            "west europe",
            "a.evil.example",
            "a/b",
            "a@b",
            "a:1",
            "a%2e",
            "a\n",
            "\u{e4}",
            &long,
        ] {
            assert_eq!(wrong.parse::<Region>(), Err(RegionError), "{wrong}");
        }
    }

    #[test]
    fn each_cloud_has_its_regions_where_microsofts_libraries_look() {
        let region: Region = "westeurope".parse().unwrap();
        for (cloud, host) in [
            (Cloud::Public, "westeurope.login.microsoft.com"),
            (Cloud::UsGov, "westeurope.login.microsoftonline.us"),
            (Cloud::China, "westeurope.login.partner.microsoftonline.cn"),
        ] {
            assert_eq!(region.login_host(cloud), host);
        }
    }
}
