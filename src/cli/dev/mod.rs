//! `bearergate dev`: the whole thing without Azure. The command and what it prints, the stage it sets, and
//! the requests worth trying.

mod command;
mod example;
mod stage;

pub(super) use command::Dev;
