//! Tests against real servers: nats-server with a scripted worker, and seqd.

mod calls;
mod connection;
mod numbers;
mod prefetch;
mod programs;
mod responder;
mod sequence;
mod servers;
mod strangers;
mod worker;
