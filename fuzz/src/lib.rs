//! What the fuzzers ask of the gateway's room `http1`: whether it agrees with its own reference,
//! with itself in pieces, and with the codec that stands above it.

#[path = "../../src/http1/agreement.rs"]
pub mod agreement;
pub mod codec;
#[path = "../../src/http1/mod.rs"]
mod http1;
#[path = "../../src/http1/reference_tests.rs"]
pub mod reference;

pub use http1::{Kind, Limits, Place, Step, Violation, Walker};

/// Small, so that inputs reach them.
pub const LIMITS: Limits = Limits {
    head: 1500,
    target: 300,
};

/// Takes a piece of the input that says how the rest is to be cut: lengths of pieces.
pub fn pieces(data: &[u8]) -> (Vec<usize>, &[u8]) {
    let Some((count, rest)) = data.split_first() else {
        return (Vec::new(), data);
    };
    let count = usize::from(count % 8).min(rest.len());
    let (pieces, rest) = rest.split_at(count);
    (pieces.iter().copied().map(usize::from).collect(), rest)
}
