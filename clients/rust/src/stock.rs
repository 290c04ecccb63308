use std::time::Duration;

use tokio::time::Instant;

use crate::IdRange;

/// How long a span should last: long enough to bridge the restart of a worker or
/// a server, and no longer, as what a program has in stock when it ends is a gap.
const SPAN_TIME: Duration = Duration::from_secs(1);
const MAX_SPAN_TIME: Duration = Duration::from_secs(4);

/// What a sequence fetches ahead: one span that is being spent, and the next.
/// The next one is asked for when the other begins to be spent, so that there is
/// as long to fetch it as the other lasts. For weak ids only.
#[derive(Debug)]
pub(crate) struct Stock {
    spending: IdRange,
    next: Option<IdRange>,
    max: u32,    // ids of a span at most
    size: u32,   // ids of the span to ask for
    wanted: u32, // ids to ask for with the next request; 0: none are wanted
    since: Instant,
}

/// What [`Stock::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Ids.
    Ids(IdRange),
    /// Ids, the first of a new span: now is the time to ask for the one after it.
    NewSpan(IdRange),
    /// Too few. The next request should bring some for the stock, too.
    Empty,
}

impl Stock {
    /// A stock of up to `ids`.
    pub(crate) fn new(ids: u32) -> Stock {
        Stock {
            spending: IdRange::default(),
            next: None,
            max: ids / 2,
            size: 0,
            wanted: 0,
            since: Instant::now(),
        }
    }

    pub(crate) fn take(&mut self, n: u32) -> Taken {
        if let Some(ids) = self.spending.take(n) {
            return Taken::Ids(ids);
        }
        // What is left of a span that has too few is given up, in both places
        // here: later calls must not get lower ids than this one is going to.
        self.spending = self.next.take().unwrap_or_default();
        let ids = self.spending.take(n);
        if self.wanted == 0 {
            self.want();
        }
        match ids {
            Some(ids) => Taken::NewSpan(ids),
            None => {
                self.spending = IdRange::default();
                Taken::Empty
            }
        }
    }

    /// Asks for the next span, of a size that follows how long the one before it
    /// lasted.
    fn want(&mut self) {
        let lasted = self.since.elapsed();
        self.size = match self.size {
            0 => 1, // a key used once must not burn many ids
            size if lasted < SPAN_TIME => size.saturating_mul(2).min(self.max),
            size if lasted > MAX_SPAN_TIME => (size / 2).max(1),
            size => size,
        };
        self.wanted = self.size;
        self.since = Instant::now();
    }

    /// How many ids the request that is sent now should bring for the stock.
    pub(crate) fn wanted(&mut self) -> u32 {
        match self.next {
            None => std::mem::take(&mut self.wanted),
            Some(_) => 0,
        }
    }

    pub(crate) fn put(&mut self, ids: IdRange) {
        self.next = Some(ids);
    }
}
