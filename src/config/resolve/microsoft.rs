//! Which hosts may a token for Microsoft Graph or Exchange Online be sent to? Such a token reads
//! mail: sent elsewhere by mistake, it is gone.

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

/// The hosts that a token for this resource may go to; `None`: it is neither Graph's nor Exchange's.
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
    let host = host(resource)?;
    if is_graph(&host) {
        return Some(vec![host]);
    }
    let (_, group) = EXCHANGE_HOSTS
        .iter()
        .find(|(_, group)| group.iter().any(|name| is_under(&host, name)))?;
    let mut hosts = owned(group);
    if !hosts.contains(&host) {
        hosts.push(host);
    }
    Some(hosts)
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
            "https://contoso.example/api",
            "https://notgraph.microsoft.com",
            "https://graph.microsoft.com.evil.example",
            "06b2a484-141c-42d3-9d73-32bec5910b06",
        ] {
            assert_eq!(hosts(resource, Cloud::Public), None, "{resource}");
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
