//! `bearergate dev`: the whole thing without Azure. The command and what it prints, the stage it sets, what
//! is shown of it, the requests worth trying, and what becomes of somebody's own file on that stage.

mod command;
mod example;
mod own;
mod platform;
mod shown;
mod stage;

pub(super) use command::Dev;
