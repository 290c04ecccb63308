//! Codes: what went wrong, in one word.

/// The codes of the contract, and those of what only a client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadRequest,
    Fenced,
    Busy,
    Internal,
    Unavailable,
    Expired,
    Exhausted,
    /// A code of a later version.
    Other(String),

    NoWorkers,
    Timeout,
    /// A [`Code::Timeout`]: an answer to another request came back, and no other in
    /// time.
    Stranger,
    /// A [`Code::Timeout`]: the connection went down after something was sent.
    Lost,
    NotConnected,
    Closed,
}

/// The text of `NO_WORKERS`.
pub(crate) const NO_WORKERS: &str = "no worker of the store serves now";

/// The codes of the contract with their names and numbers on the wire.
const WIRE: [(Code, &str, u16); 7] = [
    (Code::BadRequest, "BAD_REQUEST", 400),
    (Code::Fenced, "FENCED", 409),
    (Code::Busy, "BUSY", 429),
    (Code::Internal, "INTERNAL", 500),
    (Code::Unavailable, "UNAVAILABLE", 503),
    (Code::Expired, "EXPIRED", 504),
    (Code::Exhausted, "EXHAUSTED", 507),
];

impl Code {
    /// The code of a number, for answers without a readable body.
    pub(crate) fn of_number(number: &str) -> Code {
        let known = WIRE.iter().find(|(_, _, n)| n.to_string() == number);
        known.map_or(Code::Internal, |(code, ..)| code.clone())
    }

    pub(crate) fn of_name(name: &str) -> Code {
        let known = WIRE.iter().find(|(_, known, _)| *known == name);
        known.map_or_else(|| Code::Other(name.to_owned()), |(code, ..)| code.clone())
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Code::Other(name) => name,
            Code::NoWorkers => "NO_WORKERS",
            Code::Timeout | Code::Stranger | Code::Lost => "TIMEOUT",
            Code::NotConnected => "NOT_CONNECTED",
            Code::Closed => "CLOSED",
            known => WIRE
                .iter()
                .find(|(code, ..)| code == known)
                .map_or("", |(_, name, _)| name),
        }
    }

    /// Reports whether another attempt may succeed. `INTERNAL` is not tried
    /// again: it is a fault in seqd, better seen than hidden.
    pub(crate) fn retryable(&self) -> bool {
        use Code::{Busy, Expired, Lost, NoWorkers, NotConnected, Stranger, Timeout, Unavailable};
        matches!(
            self,
            Busy | Unavailable | Expired | NoWorkers | Timeout | Stranger | Lost | NotConnected
        )
    }

    /// Reports whether a request that was sent and came to this may have spent ids
    /// all the same.
    pub(crate) fn ids_may_be_spent(&self) -> bool {
        use Code::{BadRequest, Busy, Exhausted, Fenced, NoWorkers, NotConnected};
        !matches!(
            self,
            BadRequest | Fenced | Busy | Exhausted | NoWorkers | NotConnected
        )
    }
}
