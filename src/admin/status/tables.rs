//! The tables of the status page: a list of columns each, and what stands in them of one thing.

use super::markup::Html;
use super::pieces::{ago, ahead, grouped, rounded};
use super::report::{At, IdentityReport, IssuerReport, ListenerReport, Report};
use super::table::{Table, number, text};
use super::ways::{RouteReport, UpstreamReport};
use crate::clock::UnixTime;

const ROUTES: Table<RouteReport> = Table {
    id: "routes",
    title: "Routes",
    of: "the last minute",
    columns: &[
        text("route", |html, it, _| {
            let name = match &*it.id {
                "none" if it.path.is_none() => "no route was found",
                "other" if it.path.is_none() => "all routes past the 200th",
                id => id,
            };
            html.markup("<span><strong>").text(name).markup("</strong>");
            if let (Some(path), Some(upstream)) = (&it.path, &it.upstream) {
                html.markup("<small class=\"mono\">")
                    .text(path)
                    .markup(" → ")
                    .text(upstream);
                html.markup("</small>");
            }
            html.markup("</span>");
        }),
        number("a second", |html, it, _| {
            html.text(rounded(it.requests_per_second));
        }),
        number("p50 ms", |html, it, _| milliseconds(html, it.p50_ms)),
        number("p95 ms", |html, it, _| milliseconds(html, it.p95_ms)),
        number("p99 ms", |html, it, _| milliseconds(html, it.p99_ms)),
        number("denied", |html, it, _| {
            html.text(grouped(it.lately.denied));
        }),
        number("failed", |html, it, _| count(html, it.lately.failed)),
        number("upstream 5xx", |html, it, _| {
            count(html, it.lately.upstream_errors)
        }),
        number("in all", |html, it, _| {
            html.text(grouped(it.whole.requests));
        }),
        text("why not, in all", |html, it, _| {
            html.markup("<span>");
            for (place, reason) in it.reasons.iter().take(4).enumerate() {
                html.markup(if place > 0 { ", " } else { "" });
                html.text(reason.reason)
                    .markup(" ")
                    .text(grouped(reason.whole));
            }
            html.markup("</span>");
        }),
    ],
};

pub(super) fn routes(html: &mut Html, report: &Report) {
    ROUTES.draw(html, report, &report.routes, report.routes_left_out);
}

const IDENTITIES: Table<IdentityReport> = Table {
    id: "identities",
    title: "Identities",
    of: "",
    columns: &[
        text("identity", |html, it, _| {
            html.markup("<span><strong>")
                .text(&it.name)
                .markup("</strong><small class=\"mono\">");
            html.text(&it.scope).markup("</small></span>");
        }),
        text("token", |html, it, _| {
            let (class, word) = match it.state {
                "token_held" => ("good", "held"),
                "token_expired" if it.last_error.is_none() => ("warn", "expired, unused"),
                "token_expired" => ("bad", "expired"),
                _ => ("bad", "none"),
            };
            pill(html, class, word);
        }),
        text("acquired", |html, it, now| past(html, it.acquired_at, now)),
        text("ends", |html, it, now| future(html, it.expires_at, now)),
        text("next", |html, it, now| future(html, it.next_fetch_at, now)),
        text("credential", |html, it, _| match &it.credential {
            Some(by) if by.of > 1 => {
                html.text(by.kind)
                    .markup(", ")
                    .text(by.number)
                    .markup(" of ")
                    .text(by.of);
            }
            Some(by) => {
                html.text(by.kind);
            }
            None => {
                html.markup("–");
            }
        }),
        text("certificate ends", |html, it, now| {
            future(html, it.certificate_ends_at, now)
        }),
        number("fetched", |html, it, _| {
            html.text(grouped(it.fetches));
        }),
        number("failures", |html, it, _| {
            html.text(grouped(it.failures));
        }),
        text("last error", |html, it, _| {
            error(html, it.last_error.as_deref())
        }),
    ],
};

pub(super) fn identities(html: &mut Html, report: &Report) {
    IDENTITIES.draw(html, report, &report.identities, 0);
}

const ISSUERS: Table<IssuerReport> = Table {
    id: "issuers",
    title: "Issuers",
    of: "",
    columns: &[
        text("issuer", |html, it, _| {
            html.markup("<span><strong>")
                .text(&it.name)
                .markup("</strong><small class=\"mono\">");
            html.text(&it.keys_url).markup("</small></span>");
        }),
        text("keys", |html, it, _| match (it.keys, it.needed) {
            (0, true) => pill(html, "bad", "none"),
            (0, false) => pill(html, "warn", "none"),
            (count, _) => {
                html.text(count);
            }
        }),
        text("fetched", |html, it, now| past(html, it.fetched_at, now)),
        text("next", |html, it, now| future(html, it.next_fetch_at, now)),
        number("fetches", |html, it, _| {
            html.text(grouped(it.fetches));
        }),
        number("failures", |html, it, _| {
            html.text(grouped(it.failures));
        }),
        text("last error", |html, it, _| {
            error(html, it.last_error.as_deref())
        }),
    ],
};

pub(super) fn issuers(html: &mut Html, report: &Report) {
    ISSUERS.draw(html, report, &report.issuers, 0);
}

const UPSTREAMS: Table<UpstreamReport> = Table {
    id: "upstreams",
    title: "Upstreams",
    of: "",
    columns: &[
        text("upstream", |html, it, _| {
            html.markup("<strong class=\"mono\">")
                .text(&it.origin)
                .markup("</strong>");
        }),
        text("condition", |html, it, _| {
            let class = if it.condition == "well" {
                "good"
            } else {
                "bad"
            };
            pill(html, class, it.condition);
        }),
        number("addresses", |html, it, _| {
            match it.addresses {
                Some(count) => html.text(count),
                None => html.markup("–"),
            };
        }),
        number("requests now", |html, it, _| {
            html.text(it.requests);
        }),
        text("certificate ends", |html, it, now| {
            future(html, it.certificate_ends_at, now)
        }),
        text("routes", |html, it, _| {
            html.text(it.routes.join(", "));
        }),
    ],
};

pub(super) fn upstreams(html: &mut Html, report: &Report) {
    UPSTREAMS.draw(html, report, &report.upstreams, report.upstreams_left_out);
}

const LISTENERS: Table<ListenerReport> = Table {
    id: "listeners",
    title: "Listeners",
    of: "",
    columns: &[
        text("listener", |html, it, _| {
            html.markup("<strong>").text(&it.name).markup("</strong>");
        }),
        text("address", |html, it, _| {
            html.markup("<span class=\"mono\">")
                .text(&it.address)
                .markup("</span>");
        }),
        text("speaks", |html, it, _| {
            html.text(&it.protocols)
                .markup(if it.tls { ", over TLS" } else { "" });
        }),
        number("connections", |html, it, _| {
            html.text(grouped(it.connections)).markup(" of ");
            html.text(grouped(it.connections_limit as u64));
        }),
        number("accepted", |html, it, _| {
            html.text(grouped(it.accepted));
        }),
        text("ended before a request", |html, it, _| {
            html.markup("<span>");
            for (place, refused) in it.refused.iter().enumerate() {
                html.markup(if place > 0 { ", " } else { "" });
                html.text(refused.cause)
                    .markup(" ")
                    .text(grouped(refused.count));
            }
            html.markup(if it.refused.is_empty() {
                "–</span>"
            } else {
                "</span>"
            });
        }),
        text("certificate ends", |html, it, now| {
            future(html, it.certificate_ends_at, now)
        }),
    ],
};

pub(super) fn listeners(html: &mut Html, report: &Report) {
    LISTENERS.draw(html, report, &report.listeners, 0);
}

pub(super) fn pill(html: &mut Html, class: &'static str, word: &str) {
    html.markup("<span><span class=\"pill ")
        .markup(class)
        .markup("\">");
    html.text(word).markup("</span></span>");
}

fn milliseconds(html: &mut Html, value: Option<f64>) {
    match value {
        Some(value) => html.text(rounded(value)),
        None => html.markup("–"),
    };
}

/// What should be 0.
fn count(html: &mut Html, count: u64) {
    match count {
        0 => {
            html.markup("0");
        }
        count => pill(html, "bad", &grouped(count)),
    }
}

fn past(html: &mut Html, at: Option<At>, now: UnixTime) {
    match at {
        Some(at) => html.text(ago(at, now)),
        None => html.markup("never"),
    };
}

fn future(html: &mut Html, at: Option<At>, now: UnixTime) {
    match at {
        Some(at) if at.0 <= now => html.text(ago(at, now)),
        Some(at) => html.text(ahead(at, now)),
        None => html.markup("–"),
    };
}

pub(super) fn error(html: &mut Html, error: Option<&str>) {
    match error {
        Some(error) => html.markup("<span>").prose(error).markup("</span>"),
        None => html.markup("–"),
    };
}
