use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::task::coop::consume_budget;

use crate::batch::{refuse, State};
use crate::code::Code;
use crate::error::Outcome;
use crate::inbox::lock;
use crate::send::send;
use crate::stock::{Stock, Taken};
use crate::target::Target;
use crate::{Error, IdRange, Mode};

/// Hands out the ids of one key to many tasks, which share requests. Create it
/// with [`Client::sequence`](crate::Client::sequence), once for a key, and keep
/// it. A clone is cheap and is the same sequence.
///
/// A call joins the batch that gathers. While anybody waits, one task sends
/// batches: as soon as a request is answered, it closes the next batch, sends one
/// request for the ids of all calls in it, and hands each its part.
///
/// Strong ids stay in order. A batch is closed before its request is sent, so its
/// ids are drawn after all its calls have begun. The request is for exactly as many
/// ids as the calls want, so nothing is left over for a later call. If a call does
/// not wait for its ids, they are a gap. Only the stock of
/// [`Options::prefetch`](crate::Options::prefetch) keeps ids for later calls, and it
/// is for weak ids.
///
/// Every call has exactly one outcome: ids that no other call gets, or an error.
/// An error of the shared request goes to all calls of its batch.
#[derive(Clone)]
pub struct Sequence(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) target: Target,
    prefetches: bool,
    state: Mutex<State>,
}

impl Sequence {
    pub(crate) fn new(mut target: Target, prefetch: u32) -> Result<Sequence, Error> {
        if target.settings.idempotency_key.is_some() {
            return Err(target.bad_request(
                "an idempotency key is for one call, and a sequence's requests are shared by calls",
            ));
        }
        match (prefetch, target.settings.mode) {
            (0, _) => {}
            (1, _) => return Err(target.bad_request("prefetch must be 0 or at least 2, not 1")),
            (_, Mode::Strong) => {
                return Err(target.bad_request(
                    "prefetch is for Weak: ids fetched ahead would break the order that Strong promises",
                ))
            }
            _ => target.settings.mode = Mode::Weak,
        }
        let stock = (prefetch > 0).then(|| Stock::new(prefetch));
        let state = Mutex::new(State::new(stock));
        Ok(Sequence(Arc::new(Shared {
            target,
            prefetches: prefetch > 0,
            state,
        })))
    }

    /// The next id. It is [`Sequence::next_n`] for one id.
    ///
    /// # Errors
    /// As for [`Sequence::next_n`].
    pub async fn next(&self) -> Result<i64, Error> {
        self.next_n(1).await.map(|ids| ids.start)
    }

    /// The next `n` ids, a range without holes. Waits until they are there or
    /// [`Options::timeout`](crate::Options::timeout) has passed. A call that is
    /// dropped does not disturb the others of its batch.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Closed`] after [`Sequence::close`].
    pub async fn next_n(&self, n: u32) -> Result<IdRange, Error> {
        self.0.target.check_n(n, u32::MAX)?;
        if self.0.prefetches {
            // A loop that lives on the stock would never let another task run,
            // not even the one that refills it.
            consume_budget().await;
        }
        let outcome = {
            let mut state = self.0.lock();
            if state.closed {
                return Err(self.closed());
            }
            match state.stock.as_mut().map(|stock| stock.take(n)) {
                Some(Taken::Ids(ids)) => return Ok(ids),
                Some(Taken::NewSpan(ids)) => {
                    self.start(&mut state);
                    return Ok(ids);
                }
                Some(Taken::Empty) | None => {}
            }
            let outcome = state.join(n, self.0.target.settings.timeout);
            self.start(&mut state);
            outcome
        };
        outcome.await.unwrap_or_else(|_| Err(self.0.dropped()))
    }

    /// Ends the sequence: calls that wait and later ones return
    /// [`Error::Closed`]. What is left in stock is a gap. It does not wait, and
    /// may be called twice.
    ///
    /// A sequence that is no longer used need not be closed: it holds nothing but
    /// memory, and its task ends with the last request.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let (sent, waiting) = state.drain();
        drop(state);
        let asked = Outcome::new(Code::Closed, "the sequence was closed");
        refuse(sent, &self.0.target.closed(asked));
        refuse(waiting, &self.closed());
    }

    /// Starts the task that sends, unless it runs.
    fn start(&self, state: &mut State) {
        if !state.sending {
            tokio::spawn(send(Arc::clone(&self.0)));
            state.sending = true;
        }
    }

    fn closed(&self) -> Error {
        self.0
            .target
            .closed(Outcome::unsent(Code::Closed, "the sequence is closed"))
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The error of calls whose request was ended by the end of its runtime.
    pub(crate) fn dropped(&self) -> Error {
        let text = "the tokio runtime that asked was shut down";
        self.target.closed(Outcome::new(Code::Closed, text))
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sequence").field(&self.0.target).finish()
    }
}
