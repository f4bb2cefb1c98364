//! How do identities fare that act for users? In numbers, and why not: whose tokens they are is told nowhere.

use serde::Serialize;

use super::attention::{Attention, Severity, operators, told};
use super::markup::Html;
use super::pieces::{ago, ahead, grouped};
use super::report::{At, Report, cut};
use super::table::{Table, number, text};
use super::tables::{error, pill};
use crate::admin::readiness::user_tokens_state;
use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::outbound::{UserTokenError, UserTokens};
use crate::reason::Reason;
use crate::telemetry::redacted;

/// So many refused one after the other, and nobody served between, is no matter of one user.
const MANY: u64 = 10;

#[derive(Debug, Serialize)]
pub(super) struct UserTokensReport {
    pub(super) identity: String,
    pub(super) scope: String,
    /// `well`, `failing`, `paused`, as `/readyz` has it.
    pub(super) state: &'static str,
    /// Held now, refusals that are remembered included.
    pub(super) kept: usize,
    pub(super) bytes: u64,
    pub(super) found: u64,
    pub(super) exchanged: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    /// Before their time, for want of room.
    pub(super) forgotten: u64,
    /// Until then nobody asks, for everybody failed.
    pub(super) paused_until: Option<At>,
    /// What every user is told now, where the last attempt failed for all of them.
    pub(super) reason: Option<&'static str>,
    pub(super) last_error: Option<String>,
    pub(super) last_refusal: Option<UserRefusal>,
    pub(super) refused_in_a_row: u64,
}

/// Why one user's token was not exchanged; which one's is not known here.
#[derive(Debug, Serialize)]
pub(super) struct UserRefusal {
    pub(super) at: At,
    pub(super) reason: &'static str,
    /// Entra's code, and what it means.
    pub(super) said: String,
    /// What is to be done.
    pub(super) fix: String,
}

pub(super) fn user_tokens(plan: &Plan, now: UnixTime) -> Vec<UserTokensReport> {
    let tokens = plan.user_tokens.iter();
    let mut reports: Vec<_> = tokens.map(|it| UserTokensReport::of(it, now)).collect();
    reports.sort_by(|one, other| (&one.identity, &one.scope).cmp(&(&other.identity, &other.scope)));
    reports
}

impl UserTokensReport {
    fn of(tokens: &UserTokens, now: UnixTime) -> Self {
        let status = tokens.status(now);
        let error = status.last_error.as_ref();
        Self {
            identity: tokens.identity().to_string(),
            scope: tokens.scope().to_owned(),
            state: user_tokens_state(&status),
            kept: status.kept,
            bytes: status.bytes,
            found: status.found,
            exchanged: status.fetches,
            refused: status.refusals,
            failed: status.failures,
            forgotten: status.forgotten,
            paused_until: status.paused_until.map(At),
            reason: error.map(|why| why.reason().word()),
            last_error: error.map(said),
            last_refusal: status.last_refusal.map(|(at, why)| UserRefusal {
                at: At(at),
                reason: why.reason().word(),
                said: said(&why),
                fix: operators(why.reason()),
            }),
            refused_in_a_row: status.refused_in_a_row,
        }
    }
}

/// SECURITY: of what Entra says of one user, what is ours to say; of the rest, no names and no keys.
fn said(why: &UserTokenError) -> String {
    cut(&redacted(&why.told()))
}

pub(super) fn attention(report: &UserTokensReport, now: UnixTime) -> Option<Attention> {
    let about = format!("identity {}", report.identity);
    let scope = &report.scope;
    if let Some(why) = &report.last_error {
        let reason = Reason::ALL.iter();
        let reason = reason.copied().find(|it| Some(it.word()) == report.reason);
        let fix = reason.map_or_else(String::new, operators);
        return Some(match report.paused_until {
            Some(until) => {
                let again = ahead(until, now);
                let what = format!(
                    "no user's token is exchanged for {scope} (asked again {again}): {why}"
                );
                told(Severity::Critical, about, what, fix)
            }
            None => {
                let what = format!("the last user's token was not exchanged for {scope}: {why}");
                told(Severity::Warning, about, what, fix)
            }
        });
    }
    let last = report.last_refusal.as_ref()?;
    (report.refused_in_a_row >= MANY).then(|| {
        let (count, said) = (grouped(report.refused_in_a_row), &last.said);
        let what = format!(
            "{count} users' tokens in a row were not exchanged for {scope}, the last {}: {said}",
            ago(last.at, now)
        );
        told(Severity::Warning, about, what, last.fix.clone())
    })
}

const USERS: Table<UserTokensReport> = Table {
    id: "users",
    title: "Users' tokens",
    of: "on behalf of",
    columns: &[
        text("identity", |html, it, _| {
            html.markup("<span><strong>").text(&it.identity);
            html.markup("</strong><small class=\"mono\">")
                .text(&it.scope)
                .markup("</small></span>");
        }),
        text("exchange is", |html, it, now| match it.paused_until {
            Some(until) => pill(html, "bad", &format!("paused, again {}", ahead(until, now))),
            None if it.last_error.is_some() => pill(html, "warn", "failing"),
            None => pill(html, "good", "well"),
        }),
        number("held", |html, it, _| {
            html.text(grouped(it.kept as u64));
        }),
        number("found", |html, it, _| {
            html.text(grouped(it.found));
        }),
        number("exchanged", |html, it, _| {
            html.text(grouped(it.exchanged));
        }),
        number("refused", |html, it, _| {
            html.text(grouped(it.refused));
        }),
        number("failed", |html, it, _| {
            html.text(grouped(it.failed));
        }),
        text("last refusal", |html, it, now| match &it.last_refusal {
            Some(last) => {
                html.markup("<span>").text(ago(last.at, now)).markup(", ");
                html.text(last.reason)
                    .markup(": ")
                    .prose(&last.said)
                    .markup("</span>");
            }
            None => {
                html.markup("–");
            }
        }),
        text("last error", |html, it, _| {
            error(html, it.last_error.as_deref())
        }),
    ],
};

pub(super) fn drawn(html: &mut Html, report: &Report) {
    USERS.draw(html, report, &report.user_tokens, 0);
}
