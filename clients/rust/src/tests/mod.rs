//! Unit tests that need no server.

mod batch;
mod retry;
mod stock;
mod vectors;
