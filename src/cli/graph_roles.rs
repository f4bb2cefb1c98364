//! Which permissions of Microsoft Graph's does a route need? Known for what this gateway is mostly put in front
//! of: mail and calendars. By <https://learn.microsoft.com/graph/permissions-reference>.

use http::Method;

use crate::outbound::TokenDefinition;
use crate::routing::RouteDefinition;

/// Microsoft Graph's application id, the same in every cloud.
pub(super) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// Application permissions, the least first: any of them will do. Nothing where it is not known.
pub(super) fn sufficient(route: &RouteDefinition) -> &'static [&'static str] {
    let TokenDefinition::App { scope, .. } = &route.token else {
        return &[];
    };
    if !is_graph(scope) {
        return &[];
    }
    let path = route.path.as_str();
    let segments: Vec<_> = path.split('/').collect();
    let has = |name: &str| segments.iter().any(|it| it.eq_ignore_ascii_case(name));
    if has("sendMail") {
        return &["Mail.Send"];
    }
    match (
        has("messages") || has("mailFolders"),
        has("events") || has("calendar"),
        reads(route),
    ) {
        (true, _, true) => &["Mail.Read", "Mail.ReadWrite"],
        (true, _, false) => &["Mail.ReadWrite"],
        (_, true, true) => &["Calendars.Read", "Calendars.ReadWrite"],
        (_, true, false) => &["Calendars.ReadWrite"],
        (false, false, _) => &[],
    }
}

pub(super) fn is_graph(scope: &str) -> bool {
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let hosts = [
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    ];
    resource.eq_ignore_ascii_case(GRAPH) || hosts.contains(&resource.trim_end_matches('/'))
}

fn reads(route: &RouteDefinition) -> bool {
    let methods = route.methods.iter().flatten();
    let reading = [Method::GET, Method::HEAD];
    route.methods.is_some() && methods.into_iter().all(|method| reading.contains(method))
}
