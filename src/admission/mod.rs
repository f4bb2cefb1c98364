//! The one screen that explains the product, and what follows from it in HTTP.

mod admit;
mod denial;
mod forwarding;
mod guard;
mod headers;
mod plan;
mod telling;

pub use admit::{Admission, admit};
pub use denial::{Denial, Refusal};
pub use headers::HeaderRules;
pub use plan::Plan;
