//! Which calls share a request, and who gets what of it.

use std::time::Duration;

use tokio::sync::oneshot::Receiver;
use tokio::time::{advance, Instant};

use crate::batch::State;
use crate::stock::Stock;
use crate::{Error, IdRange};

const TIMEOUT: Duration = Duration::from_secs(2);

fn join(state: &mut State, n: u32) -> Receiver<Result<IdRange, Error>> {
    state.join(n, TIMEOUT)
}

fn got(call: &mut Receiver<Result<IdRange, Error>>) -> IdRange {
    call.try_recv().expect("an outcome").expect("ids")
}

fn range(start: i64, len: u32) -> IdRange {
    IdRange { start, len }
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_the_batch_was_closed_goes_with_the_next() {
    let mut state = State::new(None);
    let (mut a, mut b) = (join(&mut state, 1), join(&mut state, 2));
    assert_eq!(state.close_batch(TIMEOUT).unwrap().n, 3);
    let mut late = join(&mut state, 1);
    state.finish(Ok(range(10, 3)));
    assert_eq!((got(&mut a), got(&mut b)), (range(10, 1), range(11, 2)));
    late.try_recv().expect_err("nothing yet");
    assert_eq!(state.close_batch(TIMEOUT).unwrap().n, 1);
    state.finish(Ok(range(13, 1)));
    assert_eq!(got(&mut late), range(13, 1));
}

/// An id that nobody waits for is a gap: a later call began after it was drawn.
#[tokio::test(start_paused = true)]
async fn nothing_is_kept_without_a_stock() {
    let mut state = State::new(None);
    let (mut a, gone) = (join(&mut state, 1), join(&mut state, 1));
    assert_eq!(state.close_batch(TIMEOUT).unwrap().n, 2);
    drop(gone);
    let mut late = join(&mut state, 1);
    state.finish(Ok(range(10, 2)));
    assert_eq!(got(&mut a), range(10, 1));
    late.try_recv().expect_err("nothing yet");
}

#[tokio::test(start_paused = true)]
async fn who_gave_up_before_burns_no_id() {
    let mut state = State::new(None);
    drop(join(&mut state, 5));
    assert!(state.close_batch(TIMEOUT).is_none());
    drop(join(&mut state, 5));
    let _stays = join(&mut state, 2);
    assert_eq!(state.close_batch(TIMEOUT).unwrap().n, 2);
}

/// All calls of a batch end together, so none may join that has much more time.
#[tokio::test(start_paused = true)]
async fn a_batch_gathers_for_a_part_of_the_time_only() {
    let mut state = State::new(None);
    let _early = join(&mut state, 1);
    advance(TIMEOUT / 17).await;
    let _joins = join(&mut state, 1);
    advance(TIMEOUT / 17).await;
    let _late = join(&mut state, 1);
    let first = state.close_batch(TIMEOUT).unwrap();
    let second = state.close_batch(TIMEOUT).unwrap();
    assert_eq!((first.n, second.n), (2, 1));
    assert!(second.deadline >= Instant::now() + TIMEOUT && first.deadline < second.deadline);
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_split_and_stays_first() {
    let mut state = State::new(None);
    let mut calls: Vec<_> = (0..5).map(|_| join(&mut state, 1)).collect();
    let job = state.close_batch(TIMEOUT).unwrap();
    assert!(job.n == 5 && job.shared);
    let mut late = join(&mut state, 1);
    state.split(5, range(10, 1)); // at most two at once from now on
    assert_eq!(got(&mut calls[0]), range(10, 1));
    for (first, pair) in [(11, 1), (13, 3)] {
        let job = state.close_batch(TIMEOUT).unwrap();
        assert_eq!(job.n, 2);
        state.finish(Ok(range(first, 2)));
        assert_eq!(got(&mut calls[pair]), range(first, 1));
        assert_eq!(got(&mut calls[pair + 1]), range(first + 1, 1));
    }
    late.try_recv().expect_err("nothing yet");
    let job = state.close_batch(TIMEOUT).unwrap();
    assert!(job.n == 1 && !job.shared);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_over_serves_waiting_weak_calls_then_the_stock() {
    let mut state = State::new(Some(Stock::new(100)));
    state.stock.as_mut().unwrap().take(1);
    let mut a = join(&mut state, 1);
    let job = state.close_batch(TIMEOUT).unwrap();
    assert!(job.n == 2 && job.shared);
    let mut late = join(&mut state, 1);
    state.finish(Ok(range(10, 2)));
    assert_eq!((got(&mut a), got(&mut late)), (range(10, 1), range(11, 1)));

    // What does not suffice for who waits is given up: they get greater ids.
    state.stock.as_mut().unwrap().take(1);
    let mut b = join(&mut state, 1);
    assert_eq!(state.close_batch(TIMEOUT).unwrap().n, 3);
    let mut many = join(&mut state, 3);
    state.finish(Ok(range(20, 3)));
    assert_eq!(got(&mut b), range(20, 1));
    many.try_recv().expect_err("nothing yet");
    assert_eq!(state.stock.as_mut().unwrap().take(1), crate::stock::Taken::Empty);
}
