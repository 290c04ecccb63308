use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::code::Code;
use crate::error::Outcome;
use crate::options::Settings;

// Pauses between attempts, before the random part.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(160);

/// How a call ended without ids.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What the last attempt that ran its course came to.
    pub(crate) last: Outcome,
    pub(crate) attempts: u32,
    pub(crate) took: Duration,
    pub(crate) wait: Option<Duration>,
    pub(crate) timed_out: bool,
    pub(crate) ids_may_be_spent: bool,
}

/// Calls `ask` until it succeeds, fails for good or `deadline` has passed. `ask`
/// is given the deadline of its attempt and must keep it.
pub(crate) async fn retry<T, F>(
    settings: &Settings,
    deadline: Instant,
    mut ask: impl FnMut(Instant) -> F,
) -> Result<T, Ended>
where
    F: Future<Output = Result<T, Outcome>>,
{
    let start = Instant::now();
    let mut end = Ended {
        last: Outcome::unsent(Code::Timeout, "nothing was sent"),
        attempts: 0,
        took: Duration::ZERO,
        wait: None,
        timed_out: false,
        ids_may_be_spent: false,
    };
    let mut no_workers_since = None; // none: the last attempt met a worker, or nothing
    while Instant::now() < deadline {
        end.attempts += 1;
        let attempt = after(settings.attempt_timeout).min(deadline);
        let outcome = match ask(attempt).await {
            Ok(answer) => return Ok(answer),
            Err(outcome) => outcome,
        };
        let now = Instant::now();
        end.took = now - start;
        end.ids_may_be_spent |= outcome.ids_may_be_spent;
        let wait = pause(end.attempts, outcome.retry_after, random());
        let retryable = outcome.code.retryable();
        if outcome.code == Code::NoWorkers {
            let since = *no_workers_since.get_or_insert(now);
            if retryable && now + wait - since > settings.patience {
                end.last = outcome;
                return Err(end);
            }
        } else {
            no_workers_since = None;
        }
        // An attempt cut short by the call's end tells less than the one before.
        if end.attempts == 1 || now < deadline || outcome.code != Code::Timeout {
            end.last = outcome;
        }
        if end.last.code == Code::NotConnected && end.ids_may_be_spent {
            end.last = Outcome::new(Code::Lost, "the connection to NATS was lost");
        }
        if !retryable {
            return Err(end);
        }
        if now < deadline && now + wait >= deadline {
            // To wait for the deadline and then say so would help nobody.
            end.wait = Some(wait);
            break;
        }
        tokio::time::sleep_until((now + wait).min(deadline)).await;
    }
    end.timed_out = true;
    Err(end)
}

/// How long to wait after the attempt with that number, the first being 1. `r`
/// is a random number in [0, 1): without it, callers that were turned away
/// together would come back together.
pub(crate) fn pause(attempts: u32, retry_after: Option<Duration>, r: f64) -> Duration {
    let doubled = FIRST_PAUSE * (1 << (attempts - 1).min(16));
    let d = doubled.min(MAX_PAUSE).max(retry_after.unwrap_or_default());
    d + d.mul_f64(r / 2.0)
}

/// The time `d` from now, or one so far off that nobody lives to see it.
pub(crate) fn after(d: Duration) -> Instant {
    let now = Instant::now();
    let far = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now + d.min(far)
}

/// A random number in [0, 1).
fn random() -> f64 {
    (random_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A random number. Hash maps are seeded by the operating system, which spares a
/// dependency; nothing here is a secret.
pub(crate) fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}
