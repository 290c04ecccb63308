#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod batch;
mod client;
mod code;
mod error;
mod inbox;
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

pub use client::{connect_options, Client};
pub use error::{Error, Failure};
pub use options::{Mode, Options};
pub use range::{Ids, Range};
pub use sequence::Sequence;
