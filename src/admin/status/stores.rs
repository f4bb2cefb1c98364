//! Where are tokens kept beside memory, and is it well there? Of nothing that is kept is anything told.

use serde::Serialize;

use super::attention::{Attention, Severity, told};
use super::markup::Html;
use super::pieces::grouped;
use super::report::Report;
use super::table::{Table, number, text};
use super::tables::{error, pill};
use crate::admission::Plan;
use crate::store::{Doing, StoreStatus};

#[derive(Debug, Serialize)]
pub(super) struct StoreReport {
    /// `file` or `redis`.
    pub(super) place: &'static str,
    /// Its path, or its URL.
    pub(super) at: String,
    pub(super) found: u64,
    pub(super) missed: u64,
    pub(super) kept: u64,
    pub(super) failed: u64,
    /// What is the matter with it now.
    pub(super) failure: Option<String>,
}

pub(super) fn stores(plan: &Plan) -> Vec<StoreReport> {
    let statuses = plan.store.iter().flat_map(|store| store.statuses());
    statuses.map(StoreReport::of).collect()
}

impl StoreReport {
    fn of(status: StoreStatus) -> Self {
        let count = |wanted| {
            let mut counts = status.counts.iter();
            counts
                .find(|(doing, _)| *doing == wanted)
                .map_or(0, |it| it.1)
        };
        Self {
            place: status.place.word(),
            found: count(Doing::Found),
            missed: count(Doing::Missed),
            kept: count(Doing::Kept),
            failed: count(Doing::Failed),
            at: status.at,
            failure: status.failure,
        }
    }
}

pub(super) fn attention(store: &StoreReport) -> Option<Attention> {
    let why = store.failure.as_ref()?;
    let (what, fix) = match store.place {
        "file" => (
            format!(
                "tokens cannot be written to {}, so that a restart starts without them: {why}",
                store.at
            ),
            "give the process a folder that it may write to (`state.file`)",
        ),
        _ => (
            format!(
                "{} is of no use, so that each replica is by itself, with its tokens and its limits: {why}",
                store.at
            ),
            "look at that Redis; no request waits for it, and the gateway comes back to it by itself",
        ),
    };
    Some(told(Severity::Warning, "state", what, fix))
}

const STATE: Table<StoreReport> = Table {
    id: "state",
    title: "State",
    of: "",
    columns: &[
        text("kept in", |html, it, _| {
            html.markup("<span><strong>").text(it.place);
            html.markup("</strong><small class=\"mono\">").text(&it.at);
            html.markup("</small></span>");
        }),
        text("is", |html, it, _| match it.failure {
            None => pill(html, "good", "well"),
            Some(_) => pill(html, "warn", "of no use"),
        }),
        number("found", |html, it, _| {
            html.text(grouped(it.found));
        }),
        number("missed", |html, it, _| {
            html.text(grouped(it.missed));
        }),
        number("kept", |html, it, _| {
            html.text(grouped(it.kept));
        }),
        number("failed", |html, it, _| {
            html.text(grouped(it.failed));
        }),
        text("why", |html, it, _| error(html, it.failure.as_deref())),
    ],
};

pub(super) fn drawn(html: &mut Html, report: &Report) {
    STATE.draw(html, report, &report.stores, 0);
}
