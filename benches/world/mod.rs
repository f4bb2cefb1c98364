//! What both benches stand in: the fake organisation with its tokens, the gateway's file, processes.

pub(crate) mod credentials;
pub(crate) mod gateway;
pub(crate) mod process;
pub(crate) mod upstream;
pub(crate) mod wire;
