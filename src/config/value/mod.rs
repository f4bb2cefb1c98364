//! The single values of this product's file: tenants, headers, hosts, paths, words out of a few. Each
//! is parsed once, here, and says what it expected when it is not that.

mod address;
mod assertion_claims;
mod balance;
mod day;
mod http_part;
mod identity_resource;
mod oauth2;
mod pace;
mod page;
mod redis_url;
mod word;

pub(super) use address::{FileMode, ListenAddress, TrustedProxy};
pub(super) use balance::{CheckPath, FailedStatus, Percent};
pub(super) use day::Day;
pub(super) use http_part::{CallerHeader, KeptHeader, ParameterName, mean_everything};
pub(super) use identity_resource::IdentityResource;
pub(super) use oauth2::{IssuerUrl, ScopeList};
pub(super) use pace::Pace;
pub(super) use page::{FieldName, PageOrigin};
pub(super) use redis_url::RedisUrl;
pub(super) use word::{Caller, Level, Preserve, Verb};
