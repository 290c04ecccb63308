use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use crate::batch::Job;
use crate::code::Code;
use crate::error::Outcome;
use crate::retry::retry;
use crate::sequence::Shared;
use crate::{Error, IdRange};

// What send does to let the calls it has just served come again before it closes
// the next batch. Without that the first one back would get a request of its
// own, and all others would have to wait for it, time and again.
const GATHER_PASSES: u32 = 16; // through the scheduler that bring nobody
const GATHER_TIME: Duration = Duration::from_micros(100); // at most; about what a request takes

/// Serves one batch after the other until nobody waits and no stock is wanted.
pub(crate) async fn send(sequence: Arc<Shared>) {
    let mut guard = Sending {
        sequence: Arc::clone(&sequence),
        ended: false,
    };
    let mut crowd = 0;
    loop {
        gather(&sequence, crowd).await;
        let job = {
            let mut state = sequence.lock();
            let job = state.close_batch(sequence.target.settings.timeout);
            state.sending = job.is_some();
            guard.ended = job.is_none(); // from here on another task may send
            job
        };
        let Some(job) = job else {
            return;
        };
        let mut result = request(&sequence, job.n, &job).await;
        if job.shared && refused(&result) {
            // A store serves so many at once, a key has so many left, and no call
            // must fail because others asked with it: try for one id.
            result = request(&sequence, 1, &job).await;
            if let Ok(id) = result {
                sequence.lock().split(job.n, id);
                continue;
            }
        }
        let mut state = sequence.lock();
        crowd = state.finish(result) + state.waiting();
    }
}

/// Waits a moment for calls that come at once after they were served.
async fn gather(sequence: &Shared, crowd: usize) {
    if crowd <= 1 {
        return;
    }
    let start = Instant::now();
    let mut before = None;
    let mut idle = 0;
    while idle < GATHER_PASSES {
        let waiting = sequence.lock().waiting();
        if waiting >= crowd {
            return;
        }
        if before.is_none_or(|before| waiting > before) {
            if start.elapsed() > GATHER_TIME {
                return;
            }
            (before, idle) = (Some(waiting), 0);
        }
        idle += 1;
        yield_now().await;
    }
}

/// Asks for `n` ids on behalf of the batch that was closed, until it has them,
/// asking again can't help or nobody waits any more.
async fn request(sequence: &Shared, n: u32, job: &Job) -> Result<IdRange, Error> {
    let target = &sequence.target;
    let asked = retry(&target.settings, job.deadline, |attempt| async move {
        if !sequence.lock().wanted() {
            // To try again would burn ids for nobody.
            return Err(Outcome::new(Code::Closed, "nobody waits for it"));
        }
        target.ask(n, attempt).await.map(|answer| answer.ids)
    });
    asked.await.map_err(|ended| target.explain(ended))
}

/// Reports whether a request for fewer ids might not have failed so.
fn refused(result: &Result<IdRange, Error>) -> bool {
    matches!(result, Err(Error::BadRequest(_) | Error::Exhausted(_)))
}

/// Sees to it that no call waits for a task that is gone: one is dropped before
/// its end when its runtime is shut down.
struct Sending {
    sequence: Arc<Shared>,
    ended: bool,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.sequence.lock();
        state.sending = false;
        let calls = state.drain();
        drop(state);
        drop(calls); // each learns that nobody is going to answer
    }
}
