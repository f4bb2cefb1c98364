//! Entra's national clouds: hosts and issuer prefixes that never come from a document.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// The global cloud and GCC.
    #[default]
    Public,
    /// US Government, L4 (GCC High) and L5 (DoD).
    UsGov,
    /// China, by 21Vianet.
    China,
}

impl Cloud {
    pub const fn login_host(self) -> &'static str {
        match self {
            Self::Public => "login.microsoftonline.com",
            Self::UsGov => "login.microsoftonline.us",
            Self::China => "login.partner.microsoftonline.cn",
        }
    }

    /// The host in `iss` of v1 tokens.
    pub const fn v1_issuer_host(self) -> &'static str {
        match self {
            Self::Public | Self::UsGov => "sts.windows.net",
            Self::China => "sts.chinacloudapi.cn",
        }
    }

    /// What a token is for that stands in the place of an application's secret (a federated credential).
    pub const fn token_exchange(self) -> &'static str {
        match self {
            Self::Public => "api://AzureADTokenExchange",
            Self::UsGov => "api://AzureADTokenExchangeUSGov",
            Self::China => "api://AzureADTokenExchangeChina",
        }
    }

    /// The hosts a Graph or Exchange token of this cloud may be sent to, by the scope's resource.
    pub const fn graph_hosts(self) -> &'static [&'static str] {
        match self {
            Self::Public => &["graph.microsoft.com"],
            Self::UsGov => &["graph.microsoft.us", "dod-graph.microsoft.us"],
            Self::China => &["microsoftgraph.chinacloudapi.cn"],
        }
    }
}
