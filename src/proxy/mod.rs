//! A request's way through the relay: a head is read, decided about, edited and sent on; both bodies
//! stream. Nothing is decided here: `admission` decides, and without its `Admission` nothing is
//! forwarded.

mod answer_body;
mod attempts;
mod bound;
mod early;
mod failure;
mod gateway;
mod grpc;
mod incoming;
mod interim;
mod location;
mod outgoing;
mod refusal;
mod relay;
mod said;
mod tunnel;
mod websocket;

pub use answer_body::AnswerBody;
pub use gateway::Gateway;
