use std::fmt;

use crate::IdRange;

/// Ids, and the numbers that people get to see in their place, as
/// [`Client::numbers`](crate::Client::numbers) returns them.
///
/// As text it reads as its numbers do, with a space between two, and as its ids
/// where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Numbers {
    /// The ids. A key with periods counts from 1 in each of them, so there an id is
    /// unique together with its period.
    pub ids: IdRange,
    /// The period the ids are of, such as `2026` or `2026-11-29`; empty where the key
    /// does not count in periods.
    pub period: String,
    /// The number of each id; empty for a key whose ids are not written as numbers.
    pub numbers: Vec<String>,
    /// An earlier request with the same idempotency key had got this answer already;
    /// see [`Options::idempotency_key`](crate::Options::idempotency_key).
    pub replayed: bool,
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.numbers.is_empty() {
            return self.ids.fmt(f);
        }
        f.write_str(&self.numbers.join(" "))
    }
}
