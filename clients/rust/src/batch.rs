use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::retry::after;
use crate::stock::Stock;
use crate::{Error, IdRange};

/// One call's place in a batch.
pub(crate) struct Call {
    pub(crate) n: u32,
    pub(crate) outcome: oneshot::Sender<Result<IdRange, Error>>,
}

/// Calls that share one request.
pub(crate) struct Batch {
    pub(crate) calls: Vec<Call>,
    n: u32,            // ids they want
    deadline: Instant, // when their time is up
    full_at: Instant,  // it has gathered long enough: no new call joins from then on
}

/// A request that is due.
pub(crate) struct Job {
    pub(crate) n: u32,
    pub(crate) deadline: Instant,
    /// The request is not one call's wish.
    pub(crate) shared: bool,
}

/// The part of a call's time for which a batch gathers at most, where the
/// request before it takes that long. All calls of a batch have the same
/// deadline, so a call's time may be shorter by that part.
const GATHER_PART: u32 = 16;

/// Bounds the ids of a request that is not one call's wish. It is what a store
/// serves at once unless configured; a store that serves fewer says so, and the
/// limit follows.
const MAX_TOGETHER: u32 = 100_000;

/// The state of a sequence, which its lock guards.
pub(crate) struct State {
    pub(crate) closed: bool,
    pub(crate) sending: bool, // a task runs send
    pub(crate) stock: Option<Stock>,
    batches: VecDeque<Batch>, // that wait to be sent; deadlines ascend, the last one gathers
    sent: Vec<Call>,          // whose request is under way
    sent_deadline: Instant,
    stocks: bool, // that request is for the stock, too
    limit: u32,   // ids of one request for several calls or for the stock
}

impl State {
    pub(crate) fn new(stock: Option<Stock>) -> State {
        State {
            closed: false,
            sending: false,
            stock,
            batches: VecDeque::new(),
            sent: Vec::new(),
            sent_deadline: Instant::now(),
            stocks: false,
            limit: MAX_TOGETHER,
        }
    }

    /// Adds a call for `n` ids to the batch that gathers.
    pub(crate) fn join(&mut self, n: u32, timeout: Duration) -> oneshot::Receiver<Result<IdRange, Error>> {
        let (outcome, receiver) = oneshot::channel();
        let limit = self.limit;
        let now = Instant::now();
        match self.batches.back_mut() {
            Some(b) if n <= limit && b.n <= limit - n && now < b.full_at => {
                b.n += n;
                b.calls.push(Call { n, outcome });
            }
            _ => self.batches.push_back(Batch {
                calls: vec![Call { n, outcome }],
                n,
                deadline: after(timeout),
                full_at: now + (after(timeout) - now) / GATHER_PART,
            }),
        }
        receiver
    }

    /// Calls that wait for their request to be sent.
    pub(crate) fn waiting(&self) -> usize {
        self.batches.iter().map(|b| b.calls.len()).sum()
    }

    /// Takes out the batch that is to be sent next, which nobody joins from now
    /// on. None where there is nothing to send.
    pub(crate) fn close_batch(&mut self, timeout: Duration) -> Option<Job> {
        let mut n = 0;
        while let Some(batch) = self.batches.pop_front() {
            self.sent = batch.calls;
            self.sent.retain(|call| !call.outcome.is_closed()); // who gave up burns no id
            if !self.sent.is_empty() {
                n = self.sent.iter().map(|call| call.n).sum();
                self.sent_deadline = batch.deadline;
                break;
            }
        }
        let wanted = self.stock.as_mut().map_or(0, Stock::wanted);
        let extra = wanted.min(self.limit.saturating_sub(n));
        if n + extra == 0 {
            return None;
        }
        if n == 0 {
            self.sent_deadline = after(timeout);
        }
        self.stocks = extra > 0;
        Some(Job {
            n: n + extra,
            deadline: self.sent_deadline,
            shared: self.sent.len() > 1 || self.stocks && n + extra > 1,
        })
    }

    /// Reports whether anybody still waits for the request under way.
    pub(crate) fn wanted(&self) -> bool {
        !self.closed && (self.stocks || self.sent.iter().any(|call| !call.outcome.is_closed()))
    }

    /// Gives the calls of the request under way their outcome, and puts what
    /// they did not want in stock. It returns how many calls there were.
    pub(crate) fn finish(&mut self, result: Result<IdRange, Error>) -> usize {
        let calls = std::mem::take(&mut self.sent);
        let served = calls.len();
        match result {
            Ok(mut ids) => {
                hand_out(calls, &mut ids);
                self.keep(ids);
            }
            Err(err) => refuse(calls, &err),
        }
        served
    }

    /// Splits the batch whose request for `n` ids was refused, as one id could
    /// be had and so it was the number: its calls try again with fewer at once.
    /// The id is for the call that came first, if that wants one.
    pub(crate) fn split(&mut self, n: u32, mut id: IdRange) {
        self.limit = self.limit.min(n / 2).max(1);
        let mut calls = std::mem::take(&mut self.sent);
        match calls.first() {
            Some(first) if first.n == 1 => hand_out(vec![calls.remove(0)], &mut id),
            Some(_) => {}
            None => self.keep(id),
        }
        let mut parts: VecDeque<Batch> = VecDeque::new();
        for call in calls {
            let n = call.n;
            match parts.back_mut() {
                Some(b) if n <= self.limit && b.n <= self.limit - n => {
                    b.n += n;
                    b.calls.push(call);
                }
                _ => parts.push_back(Batch {
                    calls: vec![call],
                    n,
                    deadline: self.sent_deadline,
                    full_at: Instant::now(),
                }),
            }
        }
        // Before all others: their time is up first.
        parts.append(&mut self.batches);
        self.batches = parts;
    }

    /// Puts ids that no call of the batch wanted in stock, and drops them where
    /// there is none. Calls that wait for the next request come first: ids are
    /// weak here, so they may have been drawn before the call began. Where those
    /// want more, `ids` is given up, for they are going to get greater ones.
    fn keep(&mut self, mut ids: IdRange) {
        let Some(stock) = self.stock.as_mut().filter(|_| ids.len > 0) else {
            return;
        };
        while let Some(batch) = self.batches.pop_front() {
            if batch.n > ids.len {
                self.batches.push_front(batch);
                return;
            }
            hand_out(batch.calls, &mut ids);
        }
        if ids.len > 0 {
            stock.put(ids);
        }
    }

    /// Takes all calls out: those of the request under way, and those that wait.
    pub(crate) fn drain(&mut self) -> (Vec<Call>, Vec<Call>) {
        let waiting = self.batches.drain(..).flat_map(|batch| batch.calls).collect();
        (std::mem::take(&mut self.sent), waiting)
    }
}

/// Gives each call its part of `ids`, in the order they came. What one gets that
/// gave up is a gap.
fn hand_out(calls: Vec<Call>, ids: &mut IdRange) {
    for call in calls {
        if let Some(part) = ids.take(call.n) {
            let _ = call.outcome.send(Ok(part));
        }
    }
}

pub(crate) fn refuse(calls: Vec<Call>, err: &Error) {
    for call in calls {
        let _ = call.outcome.send(Err(err.clone()));
    }
}
