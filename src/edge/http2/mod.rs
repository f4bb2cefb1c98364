//! HTTP/2 towards the peer: one connection, its streams, and what bounds them.

mod body;
mod connection;
mod guard;
mod head;
mod io;
mod leave;
mod stream;

pub(super) use body::StreamBody;
