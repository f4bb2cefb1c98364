//! Which platform is it? The variables that each sets, in the order in which Microsoft's own libraries look
//! at them, for several platforms use the same names.

use std::path::Path;

use url::Url;

use super::Platform;
use crate::http_client::{Thumbprint, is_of_this_machine};
use crate::secret::Secret;

/// The metadata service of virtual machines, at an address that never leaves the host.
const IMDS: &str = "http://169.254.169.254";
const IMDS_PATH: &str = "/metadata/identity/oauth2/token";

const CLOUD_SHELL: &str = "http://localhost:50342/oauth2/token";

/// The Connected Machine agent: its program, its endpoint, and where it puts the keys that it wants to see.
const ARC_AGENT: &str = "/opt/azcmagent/bin/himds";
const ARC: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
const ARC_KEYS: &str = "/var/opt/azcmagent/tokens";

/// What a variable says that names no endpoint that could be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    #[error("{0}")]
    Unreadable(String),
    #[error("the variable {0} is not a URL")]
    NotUrl(&'static str),
    /// SECURITY: whoever can set a variable could have our requests led elsewhere, and be believed.
    #[error(
        "the variable {0} leads off this machine: it must be http to a loopback or link-local address"
    )]
    Elsewhere(&'static str),
    #[error("the variable IDENTITY_ENDPOINT must be https on Service Fabric")]
    NotHttps,
    #[error("the variable IDENTITY_SERVER_THUMBPRINT is not the SHA-1 of a certificate")]
    NotThumbprint,
}

impl Platform {
    /// The platform of this process. `variable` reads one of its environment's; nothing where it is not set
    /// or empty. `exists` looks for a file.
    pub fn detect(
        variable: impl Fn(&'static str) -> Result<Option<Secret<String>>, String>,
        exists: impl Fn(&Path) -> bool,
    ) -> Result<Self, PlatformError> {
        let secret = |name| variable(name).map_err(PlatformError::Unreadable);
        let text = |name| Ok(secret(name)?.map(|text| text.expose().clone()));
        let endpoint = text("IDENTITY_ENDPOINT")?;
        let header = secret("IDENTITY_HEADER")?;
        if let (Some(endpoint), Some(header)) = (&endpoint, header) {
            let Some(thumbprint) = text("IDENTITY_SERVER_THUMBPRINT")? else {
                let endpoint = of_this_machine("IDENTITY_ENDPOINT", endpoint)?;
                return Ok(Self::AppService { endpoint, header });
            };
            let endpoint = url("IDENTITY_ENDPOINT", endpoint)?;
            if endpoint.scheme() != "https" || !endpoint.has_host() {
                return Err(PlatformError::NotHttps);
            }
            return Ok(Self::ServiceFabric {
                endpoint,
                header,
                thumbprint: self::thumbprint(&thumbprint).ok_or(PlatformError::NotThumbprint)?,
            });
        }
        if let Some(endpoint) = text("MSI_ENDPOINT")? {
            let endpoint = of_this_machine("MSI_ENDPOINT", &endpoint)?;
            return Ok(match secret("MSI_SECRET")? {
                Some(secret) => Self::MachineLearning {
                    endpoint,
                    secret,
                    usual: text("DEFAULT_IDENTITY_CLIENT_ID")?,
                },
                None => Self::CloudShell { endpoint },
            });
        }
        if text("AZUREPS_HOST_ENVIRONMENT")?.is_some_and(|it| it.starts_with("cloud-shell")) {
            let endpoint = of_this_machine("MSI_ENDPOINT", CLOUD_SHELL)?;
            return Ok(Self::CloudShell { endpoint });
        }
        let arc = match endpoint {
            Some(endpoint) if text("IMDS_ENDPOINT")?.is_some() => Some(endpoint),
            _ if exists(Path::new(ARC_AGENT)) => Some(ARC.to_owned()),
            _ => None,
        };
        if let Some(endpoint) = arc {
            return Ok(Self::Arc {
                endpoint: of_this_machine("IDENTITY_ENDPOINT", &endpoint)?,
                keys: ARC_KEYS.into(),
            });
        }
        let name = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let base = text(name)?;
        let base = base.as_deref().unwrap_or(IMDS).trim_end_matches('/');
        let endpoint = of_this_machine(name, &format!("{base}{IMDS_PATH}"))?;
        Ok(Self::VirtualMachine { endpoint })
    }
}

fn url(name: &'static str, text: &str) -> Result<Url, PlatformError> {
    Url::parse(text).map_err(|_| PlatformError::NotUrl(name))
}

fn of_this_machine(name: &'static str, text: &str) -> Result<Url, PlatformError> {
    let url = url(name, text)?;
    match is_of_this_machine(&url) {
        true => Ok(url),
        false => Err(PlatformError::Elsewhere(name)),
    }
}

/// 40 hexadecimal digits, with or without colons and spaces between.
fn thumbprint(text: &str) -> Option<Thumbprint> {
    let digits: Vec<_> = text
        .chars()
        .filter(|sign| !matches!(sign, ':' | ' '))
        .map(|sign| sign.to_digit(16))
        .collect::<Option<_>>()?;
    let byte = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair.get(1)?).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes?.try_into().ok().map(Thumbprint)
}

#[cfg(test)]
#[path = "detection_tests.rs"]
mod tests;
