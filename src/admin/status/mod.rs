//! How is the gateway, on one screen at 3 a.m.? `report` gathers it, `attention` says what somebody must
//! look at, `page` draws it. Nothing of it is asked for by a request on its way.

mod attention;
mod markup;
mod page;
mod pieces;
mod refused;
mod report;
mod requests;
mod stores;
mod table;
mod tables;
mod users;
mod ways;

pub(super) use page::{PAGE_POLICY, page};
pub(super) use report::Report;
