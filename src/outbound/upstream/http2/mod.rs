//! Connections to an upstream by HTTP/2 (RFC 9113): each is shared by many requests at a time, and
//! driven by a task of its own.

mod head;
mod pool;
mod received;
mod shared;
mod stream;
mod upload;
mod watched;

pub(super) use pool::SharedPool;
pub(super) use received::Received;
pub(super) use shared::Shared;
pub(super) use stream::Stream;
