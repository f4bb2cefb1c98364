//! The status page: one screen, without a script, and with no word of style that is not in it.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use openssl::sha::sha256;

use super::attention::{Attention, Severity};
use super::markup::Html;
use super::pieces::{ago, grouped, span};
use super::report::Report;
use super::{requests, stores, tables, users};
use crate::clock::UnixTime;

const STYLE: &str = include_str!("style.css");

/// `Content-Security-Policy`: the one style, by its hash, and nothing else from anywhere.
pub(in crate::admin) static PAGE_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// `every`: in how many seconds a browser asks again, where somebody wants it to.
pub(in crate::admin) fn page(report: &Report, every: Option<u32>) -> Vec<u8> {
    let mut html = Html::default();
    let now = report.now.0;
    html.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<title>")
        .text(title(report))
        .markup("</title>\n<style>");
    html.markup(STYLE).markup("</style>\n</head>\n<body>\n");
    header(&mut html, report, every);
    html.markup("<main>\n");
    attention(&mut html, &report.attention);
    tables::routes(&mut html, report);
    requests::refusals(&mut html, report);
    tables::identities(&mut html, report);
    users::drawn(&mut html, report);
    tables::issuers(&mut html, report);
    tables::upstreams(&mut html, report);
    tables::listeners(&mut html, report);
    stores::drawn(&mut html, report);
    facts(&mut html, report, now);
    html.markup("</main>\n<footer>Names of persons and what looks like a key are shortened here; ");
    html.markup("the access lines have them. Times are those of the gateway's clock, ");
    html.text(now).markup(".</footer>\n</body>\n</html>\n");
    html.into_bytes()
}

fn title(report: &Report) -> String {
    match (report.state, report.attention.len()) {
        ("ready", 0) => "bearergate: ready".to_owned(),
        (state, 0) => format!("bearergate: {state}"),
        (state, count) => format!("({count}) bearergate: {state}"),
    }
}

fn header(html: &mut Html, report: &Report, every: Option<u32>) {
    let worst = report.attention.first().map(|it| it.severity);
    let class = worst.map_or("good", class);
    html.markup("<header>\n<h1>bearergate <small>")
        .text(report.version);
    html.markup("</small></h1>\n<p class=\"verdict ")
        .markup(class)
        .markup("\">");
    html.text(capitalised(report.state)).markup(". ");
    match report.attention.len() {
        0 => html.markup("Nothing needs you."),
        1 => html.markup("One thing to look at."),
        count => html.text(count).markup(" things to look at."),
    };
    let up = report.started_at.0.until(report.now.0);
    html.markup("</p>\n<p class=\"quiet\">up ")
        .text(span(up))
        .markup("</p>\n<nav aria-label=\"page\">");
    match every {
        None => html.markup("<a href=\"/status?every=10\">refresh every 10 s</a>"),
        Some(every) => html
            .markup("<a href=\"/status\">stop refreshing every ")
            .text(every)
            .markup(" s</a>"),
    };
    html.markup(
        "<a href=\"/status.json\">JSON</a><a href=\"/metrics\">metrics</a></nav>\n</header>\n",
    );
}

fn attention(html: &mut Html, attention: &[Attention]) {
    if attention.is_empty() {
        return;
    }
    html.markup(
        "<section aria-labelledby=\"attention\">\n<h2 id=\"attention\">Look at this first</h2>\n",
    );
    html.markup("<ul class=\"attention\">\n");
    for it in attention {
        html.markup("<li class=\"")
            .markup(class(it.severity))
            .markup("\"><strong>");
        html.text(word(it.severity)).markup(": ").text(&it.about);
        html.markup("</strong>\n<p class=\"what\">")
            .prose(&it.what)
            .markup("</p>");
        html.markup("<p class=\"fix\">→ ")
            .prose(&it.fix)
            .markup("</p></li>\n");
    }
    html.markup("</ul>\n</section>\n");
}

const fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "bad",
        Severity::Warning => "warn",
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
    }
}

/// What the process and its configuration are.
fn facts(html: &mut Html, report: &Report, now: UnixTime) {
    let (configuration, process) = (&report.configuration, &report.process);
    let lost = process.access_lines_dropped + process.process_lines_dropped;
    let generation = format!(
        "{}, {}",
        configuration.generation,
        ago(configuration.taken_over_at, now)
    );
    html.markup("<section aria-labelledby=\"process\">\n<h2 id=\"process\">Process</h2>\n<dl class=\"facts\">\n");
    for (name, value) in [
        ("configuration", generation),
        (
            "last read",
            format!(
                "{}, {}",
                ago(configuration.read_at, now),
                configuration.state
            ),
        ),
        ("started", report.started_at.0.to_string()),
        ("requests in flight", grouped(process.requests_in_flight)),
        ("counted by limits", grouped(process.limit_buckets as u64)),
        ("log lines lost", grouped(lost)),
        ("panics", grouped(process.panics)),
    ] {
        html.markup("<div><dt>")
            .text(name)
            .markup("</dt><dd>")
            .text(value)
            .markup("</dd></div>\n");
    }
    html.markup("</dl>\n</section>\n");
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
