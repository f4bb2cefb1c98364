//! Which header names mean something to us, and what follows: one table, one rule for spellings, and
//! how a name's rule is found.

mod rules;
mod spelling;
mod table;

pub use rules::NameRules;
pub use spelling::{are_one, spelling};
pub use table::{
    OF_ONE_HOP, Removal, X_REQUEST_ID, is_method_override, listed, unkeepable, unnameable,
};
