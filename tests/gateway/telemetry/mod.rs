//! What is told of requests and of the process: fields of lines, files that are moved away, traces, and
//! what there is to be woken by.

mod alerts;
mod fields;
mod protocols;
mod rotation;
mod traces;
