//! Platforms for this room's tests.

use url::Url;

use super::Platform;
use crate::http_client::Thumbprint;
use crate::secret::Secret;

pub(super) const CLIENT: &str = "7c6e4d2a-0b1f-4c3d-9e5a-6f7081920a1b";

pub(super) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

pub(super) fn secret() -> Secret<String> {
    Secret::new("a header that is a secret".to_owned())
}

/// One of each, at this base.
pub(super) fn platforms(base: &str) -> [Platform; 6] {
    let at = |path: &str| url(&format!("{base}{path}"));
    [
        Platform::VirtualMachine {
            endpoint: at("/metadata/identity/oauth2/token"),
        },
        Platform::AppService {
            endpoint: at("/msi/token"),
            header: secret(),
        },
        Platform::ServiceFabric {
            endpoint: at("/fabric/token"),
            header: secret(),
            thumbprint: Thumbprint([7; 20]),
        },
        Platform::MachineLearning {
            endpoint: at("/ml/token"),
            secret: secret(),
            usual: None,
        },
        Platform::CloudShell {
            endpoint: at("/shell/oauth2/token"),
        },
        Platform::Arc {
            endpoint: at("/arc/metadata/identity/oauth2/token"),
            keys: "/var/opt/azcmagent/tokens".into(),
        },
    ]
}
