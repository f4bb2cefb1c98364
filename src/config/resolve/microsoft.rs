//! Which hosts may a token be sent to? Those of its resource: a token that reads mail, or keys, is
//! gone when it is sent elsewhere by mistake.

use url::Url;

use crate::entra::Cloud;

/// Microsoft Graph's application id, the same in every cloud.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// Exchange Online's.
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

/// Exchange's hosts that stand for each other.
#[rustfmt::skip]
const EXCHANGE_HOSTS: [(Cloud, &[&str]); 4] = [
    (Cloud::Public, &["outlook.office365.com", "outlook.office.com"]),
    (Cloud::UsGov, &["outlook.office365.us"]),
    (Cloud::UsGov, &["outlook-dod.office365.us", "webmail.apps.mil"]),
    (Cloud::China, &["partner.outlook.cn"]),
];

/// Other resources of Microsoft's whose hosts are not named as they are: how they are named, by URL
/// or by application id, and where they are. What is below a host is written `*.`.
#[rustfmt::skip]
const RESOURCES: &[(&[&str], &[&str])] = &[
    (&["797f4846-ba00-4fd7-ba43-dac1f8f63013", "management.azure.com", "management.core.windows.net"], &["management.azure.com"]),
    (&["management.usgovcloudapi.net", "management.core.usgovcloudapi.net"], &["management.usgovcloudapi.net"]),
    (&["management.chinacloudapi.cn", "management.core.chinacloudapi.cn"], &["management.chinacloudapi.cn"]),
    (&["cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "vault.azure.net"], &["*.vault.azure.net"]),
    (&["vault.usgovcloudapi.net"], &["*.vault.usgovcloudapi.net"]),
    (&["vault.azure.cn"], &["*.vault.azure.cn"]),
    (&["managedhsm.azure.net"], &["*.managedhsm.azure.net"]),
    (&["e406a681-f3d4-42a8-90b6-c2b029497af1", "storage.azure.com"],
     &["*.core.windows.net", "*.storage.azure.net", "*.core.usgovcloudapi.net", "*.core.chinacloudapi.cn"]),
    (&["80a10ef9-8168-493d-abf9-3297c4ef6e3c", "servicebus.azure.net", "eventhubs.azure.net"],
     &["*.servicebus.windows.net", "*.servicebus.usgovcloudapi.net", "*.servicebus.chinacloudapi.cn"]),
    (&["00000007-0000-0000-c000-000000000000"],
     &["*.dynamics.com", "*.microsoftdynamics.us", "*.appsplatform.us", "*.dynamics.cn"]),
    (&["00000003-0000-0ff1-ce00-000000000000"],
     &["*.sharepoint.com", "*.sharepoint.us", "*.sharepoint-mil.us", "*.sharepoint.cn"]),
    (&["7d312290-28c8-473c-a0ed-8e53749b6d6d", "cognitiveservices.azure.com", "ai.azure.com"],
     &["*.cognitiveservices.azure.com", "*.openai.azure.com", "*.services.ai.azure.com", "*.api.cognitive.microsoft.com"]),
    (&["search.azure.com"], &["*.search.windows.net"]),
    (&["azconfig.io"], &["*.azconfig.io"]),
    (&["499b84ac-1321-427f-aa17-267ca6975798", "app.vssps.visualstudio.com"],
     &["dev.azure.com", "*.dev.azure.com", "*.visualstudio.com"]),
    (&["analysis.windows.net"], &["api.powerbi.com", "*.analysis.windows.net"]),
    (&["monitor.azure.com"], &["*.monitor.azure.com"]),
    (&["api.loganalytics.io"], &["api.loganalytics.io", "api.loganalytics.azure.com"]),
];

/// The hosts that a token for this resource may go to; `None`: its name does not tell.
pub(super) fn hosts(resource: &str, cloud: Cloud) -> Option<Vec<String>> {
    let bare = resource
        .trim_start_matches("api://")
        .trim_start_matches("spn:")
        .trim_matches('/');
    if bare.eq_ignore_ascii_case(GRAPH) {
        return Some(owned(cloud.graph_hosts()));
    }
    if bare.eq_ignore_ascii_case(EXCHANGE) {
        let hosts = EXCHANGE_HOSTS.iter().filter(|(of, _)| *of == cloud);
        return Some(hosts.flat_map(|(_, hosts)| owned(hosts)).collect());
    }
    let host = host(resource);
    let named = |name: &&str| bare.eq_ignore_ascii_case(name) || host.as_deref() == Some(*name);
    let known = RESOURCES.iter().find(|(names, _)| names.iter().any(&named));
    if let Some((_, hosts)) = known {
        return Some(owned(hosts));
    }
    let host = host?;
    if is_graph(&host) {
        return Some(vec![host]);
    }
    let mut groups = EXCHANGE_HOSTS.iter().map(|(_, group)| *group);
    let exchange = groups.find(|group| group.iter().any(|name| is_under(&host, name)));
    let mut hosts = owned(exchange.unwrap_or_default());
    if !hosts.contains(&host) && (exchange.is_some() || is_url(resource)) {
        hosts.push(host);
    }
    (!hosts.is_empty()).then_some(hosts)
}

/// Whether a host is this one, or below it where it is written `*.`.
pub(super) fn is_one(host: &str, known: &str) -> bool {
    match known.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => host == known,
    }
}

/// Of `api://…` only who made it up knows where it is.
fn is_url(resource: &str) -> bool {
    let scheme = resource.split("://").next().unwrap_or_default();
    ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether this is one of Microsoft Graph's hosts, in any cloud.
pub(super) fn is_graph(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let graph = [Cloud::Public, Cloud::UsGov, Cloud::China].map(Cloud::graph_hosts);
    let mut graph = graph.iter().copied().flatten();
    graph.any(|graph| is_under(host, graph))
}

fn host(resource: &str) -> Option<String> {
    let url = Url::parse(resource)
        .ok()
        .filter(Url::has_host)
        .or_else(|| Url::parse(&format!("https://{resource}")).ok())?;
    Some(url.host_str()?.trim_end_matches('.').to_ascii_lowercase())
}

fn is_under(host: &str, known: &str) -> bool {
    host.strip_suffix(known)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn owned(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|&host| host.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graph_and_exchange_are_known_by_every_name_they_have() {
        for (resource, cloud, expected) in [
            (
                "https://graph.microsoft.com",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            (
                "https://graph.microsoft.com/",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            (
                "HTTPS://GRAPH.MICROSOFT.COM",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            (
                "https://graph.microsoft.com.",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            (
                "https://graph.microsoft.com:443",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            (
                "https://graph%2Emicrosoft.com",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            ("graph.microsoft.com", Cloud::Public, "graph.microsoft.com"),
            (
                "https://canary.graph.microsoft.com",
                Cloud::Public,
                "canary.graph.microsoft.com",
            ),
            (
                "https://dod-graph.microsoft.us",
                Cloud::UsGov,
                "dod-graph.microsoft.us",
            ),
            (
                "00000003-0000-0000-C000-000000000000",
                Cloud::China,
                "microsoftgraph.chinacloudapi.cn",
            ),
            (
                "api://00000003-0000-0000-c000-000000000000",
                Cloud::Public,
                "graph.microsoft.com",
            ),
            (
                "00000002-0000-0ff1-ce00-000000000000",
                Cloud::Public,
                "outlook.office.com",
            ),
            (
                "https://outlook.office365.com",
                Cloud::Public,
                "outlook.office.com",
            ),
            (
                "https://outlook.office.com",
                Cloud::Public,
                "outlook.office365.com",
            ),
            (
                "https://outlook.office365.us",
                Cloud::UsGov,
                "outlook.office365.us",
            ),
        ] {
            let hosts = hosts(resource, cloud).unwrap_or_default();
            assert!(
                hosts.iter().any(|host| host == expected),
                "{resource}: {hosts:?}"
            );
        }
        for resource in [
            "api://06b2a484-141c-42d3-9d73-32bec5910b06",
            "api://contoso.example/api",
            "06b2a484-141c-42d3-9d73-32bec5910b06",
        ] {
            assert_eq!(hosts(resource, Cloud::Public), None, "{resource}");
        }
    }

    #[test]
    fn a_resource_that_is_a_url_is_where_it_says_or_where_the_table_knows() {
        for (resource, host, fits) in [
            ("https://contoso.example/api", "contoso.example", true),
            ("https://contoso.example/api", "api.contoso.example", false),
            ("HTTPS://Contoso.Example", "contoso.example", true),
            (
                "https://notgraph.microsoft.com",
                "graph.microsoft.com",
                false,
            ),
            (
                "https://graph.microsoft.com.evil.example",
                "graph.microsoft.com",
                false,
            ),
            (
                "https://management.azure.com/",
                "management.azure.com",
                true,
            ),
            (
                "https://management.core.windows.net/",
                "management.azure.com",
                true,
            ),
            ("https://management.azure.com/", "vault.azure.net", false),
            (
                "797F4846-BA00-4FD7-BA43-DAC1F8F63013",
                "management.azure.com",
                true,
            ),
            (
                "797f4846-ba00-4fd7-ba43-dac1f8f63013",
                "evil.example",
                false,
            ),
            ("https://vault.azure.net", "payroll.vault.azure.net", true),
            ("https://vault.azure.net", "vault.azure.net", false),
            ("https://vault.azure.net", "payrollvault.azure.net", false),
            (
                "https://vault.azure.net",
                "payroll.vault.azure.net.evil.example",
                false,
            ),
            (
                "https://storage.azure.com/",
                "files.blob.core.windows.net",
                true,
            ),
            (
                "https://org.crm4.dynamics.com",
                "org.crm4.dynamics.com",
                true,
            ),
            (
                "https://org.crm4.dynamics.com",
                "other.crm4.dynamics.com",
                false,
            ),
            (
                "00000007-0000-0000-c000-000000000000",
                "org.crm.dynamics.com",
                true,
            ),
            (
                "https://contoso.sharepoint.com",
                "contoso.sharepoint.com",
                true,
            ),
            (
                "https://contoso.sharepoint.com",
                "fabrikam.sharepoint.com",
                false,
            ),
        ] {
            let known = hosts(resource, Cloud::Public).unwrap_or_default();
            let found = known.iter().any(|known| is_one(host, known));
            assert_eq!(found, fits, "{resource} at {host}: {known:?}");
        }
    }

    #[test]
    fn clouds_do_not_stand_for_each_other() {
        let us = hosts("https://graph.microsoft.us", Cloud::UsGov).unwrap();
        assert_eq!(us, ["graph.microsoft.us"]);
        let dod = hosts("https://outlook-dod.office365.us", Cloud::UsGov).unwrap();
        assert!(!dod.contains(&"outlook.office365.us".to_owned()));
    }
}
