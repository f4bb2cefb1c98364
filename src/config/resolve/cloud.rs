//! Which national cloud does a resource belong to? An identity gets tokens in its own cloud only: asked
//! for another's resource, Entra answers with a code that names neither.

use url::Url;

use crate::entra::Cloud;

/// The clouds in the words of the file.
pub(super) fn word(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Public => "public",
        Cloud::UsGov => "usgov",
        Cloud::China => "china",
    }
}

/// Domains under which a cloud's own services stand. What customers name themselves is under none.
#[rustfmt::skip]
const DOMAINS: [(Cloud, &[&str]); 3] = [
    (Cloud::Public, &[
        "graph.microsoft.com", "office.com", "office365.com", "management.azure.com", "vault.azure.net",
        "core.windows.net", "database.windows.net", "crm.dynamics.com", "servicebus.windows.net",
    ]),
    (Cloud::UsGov, &[
        "microsoft.us", "office365.us", "azure.us", "usgovcloudapi.net", "microsoftdynamics.us",
        "appsplatform.us", "apps.mil", "microsoftonline.us",
    ]),
    (Cloud::China, &["chinacloudapi.cn", "azure.cn", "partner.outlook.cn", "dynamics.cn", "sharepoint.cn"]),
];

/// The cloud of a scope's resource, where its host tells.
pub(super) fn cloud_of(resource: &str) -> Option<Cloud> {
    let url = Url::parse(resource).ok().filter(Url::has_host);
    let host = url?.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    let is_under = |domain: &&str| {
        let rest = host.strip_suffix(*domain);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let mut clouds = DOMAINS.iter();
    let found = clouds.find(|(_, domains)| domains.iter().any(is_under));
    found.map(|(cloud, _)| *cloud)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_tells_its_cloud_by_its_host() {
        for (resource, cloud) in [
            ("https://graph.microsoft.com", Some(Cloud::Public)),
            ("https://outlook.office365.com/", Some(Cloud::Public)),
            ("https://graph.microsoft.us", Some(Cloud::UsGov)),
            ("HTTPS://DOD-GRAPH.MICROSOFT.US.", Some(Cloud::UsGov)),
            ("https://management.usgovcloudapi.net", Some(Cloud::UsGov)),
            ("https://myvault.vault.azure.cn", Some(Cloud::China)),
            (
                "https://microsoftgraph.chinacloudapi.cn",
                Some(Cloud::China),
            ),
            ("https://notmicrosoft.us", None),
            ("https://api.contoso.example", None),
            ("api://06b2a484-141c-42d3-9d73-32bec5910b06", None),
            ("06b2a484-141c-42d3-9d73-32bec5910b06", None),
        ] {
            assert_eq!(cloud_of(resource), cloud, "{resource}");
        }
    }
}
