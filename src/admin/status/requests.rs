//! The last requests that were not served: what is alike is one line, and opened it says why, and what
//! is to be done.

use std::collections::HashMap;

use super::markup::Html;
use super::pieces::{ago, grouped};
use super::refused::Refused;
use super::report::Report;
use crate::clock::UnixTime;

/// Lines that are shown; `/status.json` has all.
const MOST: usize = 40;
/// Ids that are shown of one line.
const MOST_IDS: usize = 5;

pub(super) fn refusals(html: &mut Html, report: &Report) {
    html.markup(
        "<section aria-labelledby=\"refusals\">\n<h2 id=\"refusals\">Last refusals and failures",
    );
    html.markup(" <small>")
        .text(report.refusals.requests.len())
        .markup(" kept");
    if report.refusals.left_out > 0 {
        html.markup(", ")
            .text(grouped(report.refusals.left_out))
            .markup(" came too fast to be");
    }
    html.markup("</small></h2>\n");
    let groups = grouped_alike(&report.refusals.requests);
    if groups.is_empty() {
        html.markup("<p class=\"quiet\">none since the process began</p>\n");
    }
    for group in groups.iter().take(MOST) {
        refusal(html, report, group, report.now.0);
    }
    if groups.len() > MOST {
        html.markup("<p class=\"quiet\">and ")
            .text(groups.len() - MOST);
        html.markup(" more, in <a href=\"/status.json\">JSON</a></p>\n");
    }
    html.markup("</section>\n");
}

/// Requests of the same caller, on the same route, for the same reason; the newest first.
fn grouped_alike(requests: &[Refused]) -> Vec<Vec<&Refused>> {
    let mut groups: Vec<Vec<&Refused>> = Vec::new();
    let mut places = HashMap::new();
    for request in requests {
        let caller = request.principal.as_ref().or(request.client.as_ref());
        let alike = (&request.route, request.reason, &request.detail, caller);
        let place = *places.entry(alike).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(request),
            None => groups.push(vec![request]),
        }
    }
    groups
}

fn refusal(html: &mut Html, report: &Report, group: &[&Refused], now: UnixTime) {
    let Some(newest) = group.first() else { return };
    let class = if newest.outcome == "failed" {
        "bad"
    } else {
        "warn"
    };
    html.markup("<details><summary><span class=\"quiet\">")
        .text(ago(newest.at, now));
    html.markup("</span><span class=\"pill ")
        .markup(class)
        .markup("\">");
    if newest.status > 0 {
        html.text(newest.status).markup(" ");
    }
    html.text(newest.reason).markup("</span>");
    if group.len() > 1 {
        html.markup("<strong>×")
            .text(group.len())
            .markup("</strong>");
    }
    html.markup("<span class=\"path mono\">")
        .text(&newest.method)
        .markup(" ")
        .text(&newest.path);
    html.markup("</span><span class=\"quiet\">")
        .text(newest.route.as_deref().unwrap_or("no route"));
    let who = newest.principal.as_ref().or(newest.client.as_ref());
    html.markup("</span><span class=\"quiet\">")
        .text(who.map_or("", |who| who));
    html.markup("</span></summary>\n<dl>\n");
    let explained = report.refusals.reasons.get(newest.reason);
    let upstream = newest
        .upstream
        .as_ref()
        .map(|upstream| match newest.upstream_status {
            Some(status) => format!("{upstream} answered {status}"),
            None => upstream.clone(),
        });
    for (name, value) in [
        ("what it means", explained.map(|it| &it.meaning)),
        ("in this case", newest.detail.as_ref()),
        ("what to do", explained.map(|it| &it.operator)),
        ("the caller should", explained.map(|it| &it.caller)),
        ("proven", newest.principal.as_ref()),
        ("client", newest.client.as_ref()),
        ("listener", Some(&newest.listener)),
        ("upstream", upstream.as_ref()),
    ] {
        if let Some(value) = value {
            html.markup("<dt>")
                .markup(name)
                .markup("</dt><dd>")
                .prose(value)
                .markup("</dd>\n");
        }
    }
    html.markup("<dt>request ids</dt><dd class=\"mono\">");
    for (place, request) in group.iter().take(MOST_IDS).enumerate() {
        html.markup(if place > 0 { ", " } else { "" })
            .text(&request.request_id);
    }
    html.markup(if group.len() > MOST_IDS { " …" } else { "" });
    html.markup("</dd>\n</dl></details>\n");
}
