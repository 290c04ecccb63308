#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod batch;
mod client;
mod code;
mod error;
mod inbox;
mod numbers;
mod options;
mod range;
mod retry;
mod send;
mod sequence;
mod stock;
mod target;
mod wire;

#[cfg(test)]
mod tests;

/// The NATS client that this crate was built for. A connection of another version
/// has another type.
pub use async_nats;
pub use client::{connect_options, Client};
pub use error::{Error, Failure};
pub use numbers::Numbers;
pub use options::{Mode, Options, SequenceOptions};
pub use range::{IdRange, Ids};
pub use sequence::Sequence;
