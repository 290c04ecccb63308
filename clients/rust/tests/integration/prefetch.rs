//! Sequences with a stock, against a scripted worker.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;

use seqd_client::{Client, Error, Mode, Options};

use crate::responder::{counter, respond};
use crate::servers::NatsServer;

#[tokio::test]
async fn strong_ids_are_never_fetched_ahead() {
    let server = NatsServer::start();
    let client = Client::new(server.connect().await);
    let options = Options::default().mode(Mode::Strong).prefetch(100);
    let err = client.sequence_with("s", "k", options).unwrap_err();
    assert!(matches!(err, Error::BadRequest(_)), "{err}");
}

#[tokio::test]
async fn ids_come_from_memory_and_in_order() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, counter()).await;
    let client = Client::new(server.connect().await);
    let sequence = client
        .sequence_with("s", "k", Options::default().prefetch(2000))
        .unwrap();
    let mut last = 0;
    for i in 0..20_000 {
        let ids = sequence.next_n(1 + i % 3).await.unwrap();
        assert!(ids.start > last, "{} after {last}", ids.start);
        last = ids.last();
    }
    assert!(asked.count() < 200, "{} requests for 20000 calls", asked.count());
    assert!(asked.all().iter().all(|ask| ask.mode.as_deref() == Some("weak")));
    assert!(
        asked.all().iter().all(|ask| ask.n <= 1000 + 3),
        "half the stock at a time"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_sees_its_ids_increase_and_no_id_comes_twice() {
    let server = NatsServer::start();
    respond(&server.connect().await, counter()).await;
    let client = Client::new(server.connect().await);
    let sequence = client
        .sequence_with("s", "k", Options::default().prefetch(500))
        .unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let sequence = sequence.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..2000 {
                    ids.push(sequence.next().await.unwrap());
                }
                assert!(ids.is_sorted());
                ids
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    assert!(all.windows(2).all(|two| two[0] < two[1]), "an id came twice");
}

#[tokio::test]
async fn the_stock_bridges_a_worker_that_is_away() {
    let server = NatsServer::start();
    let away = Arc::new(AtomicBool::new(false));
    let mut ids = counter();
    let gone = Arc::clone(&away);
    respond(&server.connect().await, move |i, ask| match gone.load(SeqCst) {
        true => vec![],
        false => ids(i, ask),
    })
    .await;
    let client = Client::new(server.connect().await);
    let sequence = client
        .sequence_with("s", "k", Options::default().prefetch(200))
        .unwrap();
    for _ in 0..1000 {
        sequence.next().await.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await; // the next span arrives
    away.store(true, SeqCst);
    for _ in 0..100 {
        sequence.next().await.unwrap();
    }
    sequence.close();
    assert!(
        matches!(sequence.next().await, Err(Error::Closed(_))),
        "the stock is closed, too"
    );
}
