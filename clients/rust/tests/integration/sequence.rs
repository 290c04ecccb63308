//! Sequences, against a scripted worker.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use std::time::Duration;

use seqd_client::{Client, Error, Mode, Options, Sequence};
use tokio::task::JoinHandle;

use crate::responder::{counter, respond, Answer, Ask, Asked};
use crate::servers::NatsServer;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn strong(server: &NatsServer) -> Sequence {
    let client = Client::new(server.connect().await);
    client
        .sequence_with("s", "k", Options::default().mode(Mode::Strong))
        .unwrap()
}

/// A call of its own.
fn call(sequence: &Sequence) -> JoinHandle<Result<i64, Error>> {
    let sequence = sequence.clone();
    tokio::spawn(async move { sequence.next().await })
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..1000 {
        if what() {
            return;
        }
        tokio::time::sleep(ms(2)).await;
    }
    panic!("waited for 2 s");
}

/// Answers the first request only after the second call had time to join, and
/// issues 1, 2, 3 … in the order of the requests.
async fn slow_first(server: &NatsServer) -> (Asked, Arc<AtomicBool>) {
    let nats = server.connect().await;
    let go = Arc::new(AtomicBool::new(false));
    let (held, gate) = (Arc::new(std::sync::Mutex::new(None::<Answer>)), Arc::clone(&go));
    let (kept, publisher) = (Arc::clone(&held), nats.clone());
    tokio::spawn(async move {
        until(|| gate.load(SeqCst)).await;
        let (subject, headers, body) = kept.lock().unwrap().take().unwrap();
        publisher
            .publish_with_headers(subject, headers, body.into())
            .await
            .unwrap();
    });
    let mut last = 0;
    let asked = respond(&nats, move |i, ask: &Ask| {
        let answer = ask.ids(last + 1);
        last += i64::from(ask.n);
        if i == 1 {
            *held.lock().unwrap() = Some(answer);
            return vec![];
        }
        vec![answer]
    })
    .await;
    (asked, go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_share_requests_and_nothing_is_left_over() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, counter()).await;
    let sequence = strong(&server).await;
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let sequence = sequence.clone();
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for i in 0..50 {
                ids.extend(sequence.next_n(1 + i % 3).await.unwrap());
            }
            assert!(ids.is_sorted());
            ids
        }));
    }
    let mut all = HashSet::new();
    let mut wanted = 0;
    for task in tasks {
        for id in task.await.unwrap() {
            assert!(all.insert(id), "{id} twice");
            wanted += 1;
        }
    }
    let drawn: u32 = asked.all().iter().map(|ask| ask.n).sum();
    assert_eq!(
        (drawn, all.iter().max()),
        (wanted, Some(&i64::from(wanted))),
        "dense"
    );
    assert!(
        asked.count() < 64 * 50 / 4,
        "{} requests for 3200 calls",
        asked.count()
    );
    assert!(asked
        .all()
        .iter()
        .all(|ask| ask.mode.as_deref() == Some("strong")));
}

/// The ids of a request that is under way were perhaps drawn already.
#[tokio::test]
async fn a_call_never_joins_a_request_under_way() {
    let server = NatsServer::start();
    let (asked, go) = slow_first(&server).await;
    let sequence = strong(&server).await;
    let first = call(&sequence);
    until(|| asked.count() == 1).await;
    let late: Vec<_> = (0..3).map(|_| call(&sequence)).collect();
    tokio::time::sleep(ms(50)).await;
    go.store(true, SeqCst);
    assert_eq!(first.await.unwrap().unwrap(), 1);
    for (i, call) in late.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), 2 + i as i64);
    }
    assert_eq!(asked.all().iter().map(|ask| ask.n).collect::<Vec<_>>(), [1, 3]);
}

/// What a call that gave up would have got is a gap, not the next caller's.
#[tokio::test]
async fn what_a_dropped_call_leaves_is_a_gap() {
    let server = NatsServer::start();
    let (asked, go) = slow_first(&server).await;
    let sequence = strong(&server).await;
    let gone = tokio::spawn({
        let s = sequence.clone();
        async move { s.next_n(5).await }
    });
    until(|| asked.count() == 1).await;
    let waits = call(&sequence);
    tokio::task::yield_now().await;
    gone.abort();
    go.store(true, SeqCst);
    assert_eq!(waits.await.unwrap().unwrap(), 6);
}

#[tokio::test]
async fn nobody_is_asked_again_for_calls_that_gave_up() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |_, _| vec![]).await;
    let client = Client::new(server.connect().await);
    let quick = Options::default().attempt_timeout(ms(60));
    let sequence = client.sequence_with("s", "k", quick).unwrap();
    tokio::time::timeout(ms(40), sequence.next())
        .await
        .expect_err("silence");
    tokio::time::sleep(ms(300)).await;
    assert_eq!(asked.count(), 1);
}

#[tokio::test]
async fn a_store_that_serves_few_at_once_serves_many_callers() {
    let server = NatsServer::start();
    let mut ids = counter();
    respond(&server.connect().await, move |i, ask| match ask.n {
        0..=10 => ids(i, ask),
        _ => vec![ask.error(400, "BAD_REQUEST", "n is too big", 0)],
    })
    .await;
    let sequence = strong(&server).await;
    let calls: Vec<_> = (0..100).map(|_| call(&sequence)).collect();
    let mut all = HashSet::new();
    for call in calls {
        assert!(all.insert(call.await.unwrap().unwrap()));
    }
    let err = sequence.next_n(11).await.unwrap_err();
    assert!(matches!(err, Error::BadRequest(_)), "{err}");
}

#[tokio::test]
async fn an_error_goes_to_all_calls_of_the_batch_and_the_last_ids_are_had() {
    let server = NatsServer::start();
    let mut left = 5;
    respond(&server.connect().await, move |_, ask| {
        if ask.n > left {
            return vec![ask.error(507, "EXHAUSTED", "none left", 0)];
        }
        left -= ask.n;
        vec![ask.ids(i64::MAX - i64::from(left + ask.n) + 1)]
    })
    .await;
    let sequence = strong(&server).await;
    let calls: Vec<_> = (0..8).map(|_| call(&sequence)).collect();
    let mut had = Vec::new();
    for call in calls {
        match call.await.unwrap() {
            Ok(id) => had.push(id),
            Err(err) => assert!(matches!(err, Error::Exhausted(_)), "{err}"),
        }
    }
    had.sort_unstable();
    assert_eq!(had, (i64::MAX - 4..=i64::MAX).collect::<Vec<_>>());
}

#[tokio::test]
async fn close_ends_calls_that_wait_and_later_ones() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |_, _| vec![]).await;
    let sequence = strong(&server).await;
    let sent = call(&sequence);
    until(|| asked.count() == 1).await;
    let waits = call(&sequence);
    tokio::task::yield_now().await;
    sequence.close();
    sequence.close();
    for (call, spent) in [(sent, true), (waits, false)] {
        let Err(Error::Closed(f)) = call.await.unwrap() else {
            panic!("closed")
        };
        assert_eq!(f.ids_may_be_spent, spent, "{f}");
    }
    assert!(matches!(sequence.next().await, Err(Error::Closed(_))));
}

/// The task that sends lives in the runtime of the call that started it.
#[test]
fn no_call_waits_for_a_runtime_that_is_gone() {
    let server = NatsServer::start();
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let (nats_runtime, short_lived, patient) = (runtime(), runtime(), runtime());
    let (asked, sequence) = nats_runtime.block_on(async {
        (
            respond(&server.connect().await, |_, _| vec![]).await,
            strong(&server).await,
        )
    });
    short_lived.spawn({
        let s = sequence.clone();
        async move { s.next().await }
    });
    patient.block_on(until(|| asked.count() == 1));
    let waits = patient.spawn({
        let s = sequence.clone();
        async move { s.next().await }
    });
    patient.block_on(async { tokio::time::sleep(ms(50)).await });
    short_lived.shutdown_background();
    let err = patient.block_on(waits).unwrap().unwrap_err();
    assert!(matches!(err, Error::Closed(_)), "{err}");
}
