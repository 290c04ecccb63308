//! When a call tries again, on a clock that stands still until all wait for it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{sleep_until, Instant};

use crate::code::Code;
use crate::error::Outcome;
use crate::options::Settings;
use crate::retry::{after, pause, retry, Ended};
use crate::{IdRange, Options};

const IDS: IdRange = IdRange { start: 7, len: 1 };

/// Plays `script`, then silence; returns when the attempts began.
async fn play(options: &Options, script: &[Outcome]) -> (Result<IdRange, Ended>, Vec<Duration>) {
    let start = Instant::now();
    let began = Mutex::new(Vec::new());
    let settings = Settings::default().with(options).unwrap();
    let asked = retry(&settings, after(settings.timeout), |deadline| {
        let mut began = began.lock().unwrap();
        began.push(start.elapsed());
        let outcome = script.get(began.len() - 1).cloned();
        async move {
            match outcome {
                Some(outcome) if outcome.code == Code::Timeout => {
                    sleep_until(deadline).await;
                    Err(outcome)
                }
                Some(outcome) => Err(outcome),
                None => Ok(IDS),
            }
        }
    })
    .await;
    (asked, began.into_inner().unwrap())
}

fn outcome(code: Code) -> Outcome {
    Outcome::new(code, "scripted")
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test(start_paused = true)]
async fn tries_again_where_that_can_help() {
    for code in [
        Code::Busy,
        Code::Unavailable,
        Code::Expired,
        Code::NoWorkers,
        Code::NotConnected,
        Code::Stranger,
    ] {
        let (asked, began) = play(&Options::default(), &[outcome(code.clone())]).await;
        assert_eq!(asked.unwrap(), IDS, "{code:?}");
        assert!(
            began[1] >= ms(10) && began[1] <= ms(16),
            "{code:?}: after {began:?}"
        );
    }
    let silence = [outcome(Code::Timeout)];
    let (asked, began) = play(&Options::default(), &silence).await;
    assert_eq!(asked.unwrap(), IDS);
    assert!(began[1] >= ms(510) && began[1] <= ms(517), "{began:?}");
}

#[tokio::test(start_paused = true)]
async fn never_tries_again_where_it_cannot() {
    let other = Code::Other("QUOTA".to_owned());
    for code in [
        Code::BadRequest,
        Code::Fenced,
        Code::Exhausted,
        Code::Internal,
        Code::Closed,
        other,
    ] {
        let (asked, began) = play(&Options::default(), &[outcome(code.clone())]).await;
        let ended = asked.expect_err("an error");
        assert_eq!((ended.last.code, ended.timed_out, began.len()), (code, false, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn waits_no_less_than_the_worker_asks() {
    let mut busy = outcome(Code::Busy);
    busy.retry_after = Some(ms(700));
    let (asked, began) = play(&Options::default(), &[busy]).await;
    assert_eq!(asked.unwrap(), IDS);
    assert!(began[1] >= ms(700) && began[1] <= ms(1051), "{began:?}");
}

#[tokio::test(start_paused = true)]
async fn gives_up_at_once_where_the_next_attempt_would_come_too_late() {
    let start = Instant::now();
    let mut busy = outcome(Code::Busy);
    busy.retry_after = Some(ms(2000));
    let (asked, _) = play(&Options::default(), &[busy.clone()]).await;
    let ended = asked.unwrap_err();
    assert_eq!((ended.last, ended.attempts, ended.timed_out), (busy, 1, true));
    assert!(ended.wait >= Some(ms(2000)) && !ended.ids_may_be_spent);
    assert!(start.elapsed() < ms(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline() {
    let start = Instant::now();
    let silence = vec![outcome(Code::Timeout); 100];
    let (asked, began) = play(&Options::default(), &silence).await;
    let ended = asked.unwrap_err();
    assert!(
        ended.timed_out && ended.ids_may_be_spent && ended.attempts == 4,
        "{ended:?}"
    );
    assert!(
        start.elapsed() >= ms(1990) && start.elapsed() <= ms(2005),
        "{:?}",
        start.elapsed()
    );
    assert!(began.iter().all(|&at| at < ms(2000)), "{began:?}");
}

/// An attempt cut short by the call's end tells less than the one before.
#[tokio::test(start_paused = true)]
async fn reports_the_last_attempt_that_ran_its_course() {
    let script = [outcome(Code::Busy), outcome(Code::Timeout)];
    let options = Options::default().timeout(ms(100));
    let (asked, _) = play(&options, &script).await;
    let ended = asked.unwrap_err();
    assert_eq!(
        (ended.last.code, ended.attempts, ended.timed_out),
        (Code::Busy, 2, true)
    );
}

/// `NOT_CONNECTED` says that the connection was down all the time.
#[tokio::test(start_paused = true)]
async fn a_connection_that_went_down_is_not_one_that_was_down() {
    for (before, want) in [(Code::Busy, Code::NotConnected), (Code::Timeout, Code::Lost)] {
        let mut script = vec![outcome(Code::NotConnected); 100];
        script[0] = outcome(before);
        let (asked, _) = play(&Options::default(), &script).await;
        let ended = asked.unwrap_err();
        assert_eq!(ended.ids_may_be_spent, ended.last.ids_may_be_spent);
        assert_eq!(ended.last.code, want);
    }
}

#[tokio::test(start_paused = true)]
async fn patience_with_no_responders_ends() {
    let nobody = vec![outcome(Code::NoWorkers); 100];
    let none = Options::default().no_responders_patience(Duration::ZERO);
    let (asked, began) = play(&none, &nobody).await;
    assert_eq!((asked.unwrap_err().last.code, began.len()), (Code::NoWorkers, 1));

    let some = Options::default().no_responders_patience(ms(300));
    let (asked, began) = play(&some, &nobody).await;
    let ended = asked.unwrap_err();
    assert!(!ended.timed_out && !ended.ids_may_be_spent);
    assert!(began.len() > 3 && *began.last().unwrap() <= ms(300), "{began:?}");

    let (asked, began) = play(&Options::default(), &nobody).await;
    assert!(asked.unwrap_err().timed_out);
    assert!(*began.last().unwrap() > ms(1700), "{began:?}");
}

#[test]
fn pauses_double_and_are_random() {
    for (attempts, want) in [
        (1, 10),
        (2, 20),
        (3, 40),
        (4, 80),
        (5, 160),
        (6, 160),
        (u32::MAX, 160),
    ] {
        assert_eq!(pause(attempts, None, 0.0), ms(want));
        assert_eq!(pause(attempts, None, 0.5), ms(want) * 5 / 4);
    }
    assert_eq!(pause(1, Some(ms(50)), 0.0), ms(50));
    assert_eq!(pause(9, Some(ms(50)), 0.0), ms(160));
    let random: std::collections::HashSet<u64> = (0..100).map(|_| crate::retry::random_u64()).collect();
    assert_eq!(random.len(), 100);
}
