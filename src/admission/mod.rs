//! The one screen that explains the product, and what follows from it in HTTP: what every kind of
//! listener asks, answers and tells.

mod admit;
mod advice;
mod answer;
mod caught;
mod cors;
mod denial;
mod ending;
mod forwarding;
mod grpc;
mod guard;
mod headers;
mod limits;
mod next;
mod passage;
mod record;
mod shared;
mod telling;

pub use admit::{Admission, admit};
pub use advice::{Advice, advice};
pub use denial::{Denial, Refusal};
pub use headers::HeaderRules;
pub use limits::{Held, PlanLimits};
pub use passage::Passage;
pub use record::Record;
pub use shared::{Plan, Shared};
