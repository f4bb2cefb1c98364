//! The platforms that give tokens to what runs on them: each answers as the original does, errors included.
//! One machine stands behind all of them, so that the same identities can be asked for in every way.

mod app_service;
mod fabric;
mod machine;
mod metadata;
mod routes;

pub use machine::{Habits, Machine};
