//! What does this process run on, as far as it has identities to give?

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::Selector;
use crate::http_client::Thumbprint;
use crate::secret::Secret;

/// A platform with identities, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A virtual machine, a scale set, a node of AKS: the instance metadata service.
    VirtualMachine { endpoint: Url },
    /// App Service, Functions, Container Apps, Automation.
    AppService {
        endpoint: Url,
        /// `IDENTITY_HEADER`: it keeps pages and requests that were led astray away from the endpoint.
        header: Secret<String>,
    },
    ServiceFabric {
        endpoint: Url,
        header: Secret<String>,
        thumbprint: Thumbprint,
    },
    MachineLearning {
        endpoint: Url,
        secret: Secret<String>,
        /// `DEFAULT_IDENTITY_CLIENT_ID`: what is asked for where the file names none.
        usual: Option<String>,
    },
    /// Somebody's session in a browser: the token is that user's, not an application's.
    CloudShell { endpoint: Url },
    /// A machine outside of Azure with the Connected Machine agent.
    Arc {
        endpoint: Url,
        /// The one folder whose keys are shown to the agent.
        keys: PathBuf,
    },
}

impl Platform {
    /// Refuses to ask for what this platform would pass over: the token would be another identity's.
    pub fn fits(&self, selector: &Selector) -> Result<(), &'static str> {
        match (self, selector) {
            (_, Selector::Own) => Ok(()),
            (Self::ServiceFabric { .. }, _) => {
                Err("Service Fabric gives each application the identity that its manifest names")
            }
            (Self::CloudShell { .. }, _) => {
                Err("Cloud Shell gives the token of the user who is signed in")
            }
            (Self::MachineLearning { .. }, Selector::ObjectId(_) | Selector::ResourceId(_)) => {
                Err("Azure Machine Learning knows identities by their `client_id` only")
            }
            _ => Ok(()),
        }
    }

    /// What it wants to see with each question.
    pub(super) fn secret(&self) -> Option<&Secret<String>> {
        match self {
            Self::AppService { header, .. } | Self::ServiceFabric { header, .. } => Some(header),
            Self::MachineLearning { secret, .. } => Some(secret),
            Self::VirtualMachine { .. } | Self::CloudShell { .. } | Self::Arc { .. } => None,
        }
    }

    /// Where it is asked.
    pub fn endpoint(&self) -> &Url {
        match self {
            Self::VirtualMachine { endpoint }
            | Self::AppService { endpoint, .. }
            | Self::ServiceFabric { endpoint, .. }
            | Self::MachineLearning { endpoint, .. }
            | Self::CloudShell { endpoint }
            | Self::Arc { endpoint, .. } => endpoint,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::VirtualMachine { .. } => "the virtual machine (IMDS)",
            Self::AppService { .. } => "App Service or Container Apps",
            Self::ServiceFabric { .. } => "Service Fabric",
            Self::MachineLearning { .. } => "Azure Machine Learning",
            Self::CloudShell { .. } => "Cloud Shell",
            Self::Arc { .. } => "Azure Arc",
        })
    }
}
