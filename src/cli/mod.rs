//! The command line: one file a command.

mod api_key;
mod arguments;
mod certificate;
mod certificate_age;
mod check;
mod check_admin;
mod check_format;
mod check_identities;
mod check_limits;
mod check_online;
mod check_plan;
mod check_tenant;
mod check_tls;
mod check_told;
mod check_upstream;
mod completions;
mod consent_url;
mod dev;
mod graph_roles;
mod manual;
mod probe;
mod schema;
mod serve;
mod service;
mod setup;
mod signals;
mod signing;
mod token;
mod version;
mod why;

pub use arguments::main;

use arguments::{ConfigFile, Failure, definition, say, small_runtime};
