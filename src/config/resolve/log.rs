//! What is told, and where.

use super::context::Context;
use crate::config::file::{Access, Log};
use crate::telemetry::{AccessSink, LogDefinition};

pub(super) fn log(context: &Context<'_>, written: &Log) -> Option<LogDefinition> {
    let access = match written.access.value() {
        Some(Access::Lines(false)) => AccessSink::Nothing,
        Some(Access::Lines(true)) | None => AccessSink::StandardOutput,
        Some(Access::File(access)) => AccessSink::File(context.beside(access.file.value()?)),
    };
    Some(LogDefinition {
        level: (*written.level).into(),
        format: *written.format,
        access,
    })
}
