//! The wire: subjects, requests and answers, as ../../../../DESIGN.md §2 fixes them.

pub(crate) mod msgpack;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod subject;

/// Header with the time that is left for an attempt, in whole milliseconds.
pub(crate) const TIMEOUT_HEADER: &str = "Seq-Timeout-Ms";

/// Headers of an error reply, as NATS services write them (ADR-32).
pub(crate) const ERROR_CODE_HEADER: &str = "Nats-Service-Error-Code";
pub(crate) const ERROR_HEADER: &str = "Nats-Service-Error";

/// Header of a reply that repeats an earlier one, with the value `true`.
pub(crate) const REPLAYED_HEADER: &str = "Seq-Replayed";
