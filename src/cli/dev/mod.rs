//! `bearergate dev`: the whole thing without Azure. The command and what it prints, the stage it sets, the
//! requests worth trying, and what becomes of somebody's own file on that stage.

mod command;
mod example;
mod own;
mod platform;
mod stage;

pub(super) use command::Dev;
