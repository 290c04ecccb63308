//! End to end: seqd itself.

use std::collections::HashSet;
use std::time::Duration;

use seqd_client::{Client, Error, IdRange, Mode, Options};
use tokio::time::Instant;

use crate::servers::Seqd;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_worker() {
    let seqd = Seqd::start();
    let client = Client::new(seqd.connect().await);
    let mode = Options::default().mode(Mode::Strong);
    let strong = Client::with_options(seqd.connect().await, &mode).unwrap();
    both_modes_and_ranges(&client, &strong).await;
    odd_keys(&strong).await;
    refusals(&client).await;
    order(&strong).await;
    stock(&client).await;
}

async fn both_modes_and_ranges(client: &Client, strong: &Client) {
    let weak = Options::default().mode(Mode::Weak);
    assert_eq!(strong.next("orders", "invoice").await.unwrap(), 1);
    assert_eq!(
        strong.next_n("orders", "invoice", 100).await.unwrap(),
        IdRange { start: 2, len: 100 }
    );
    assert_eq!(strong.next("orders", "invoice").await.unwrap(), 102);
    let mut last = 102;
    for options in [weak, Options::default()] {
        let id = client.next_with("orders", "invoice", &options).await.unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
    assert!(strong.next("orders", "invoice").await.unwrap() > last);
}

async fn odd_keys(strong: &Client) {
    let long = "k".repeat(200);
    for key in [
        "发票/2026",
        "a b",
        "=",
        ".",
        "..",
        "a.b",
        "a/b",
        "a=20b",
        "*",
        ">",
        "\0",
        &long,
    ] {
        assert_eq!(
            strong.next("odd", key).await.unwrap(),
            1,
            "{key:?} is a key of its own"
        );
    }
}

async fn refusals(client: &Client) {
    let err = client.next_n("orders", "k", 100_001).await.unwrap_err();
    assert!(
        matches!(&err, Error::BadRequest(f) if f.text.contains("100000")),
        "{err}"
    );
    let hasty = Options::default()
        .root("other")
        .no_responders_patience(Duration::ZERO);
    let err = client.next_with("orders", "k", &hasty).await.unwrap_err();
    assert!(matches!(err, Error::NoWorkers(_)), "{err}");
}

/// 64 callers, half through a sequence: no id twice, and none lower than one that
/// was there before the call began.
async fn order(strong: &Client) {
    let sequence = strong.sequence("orders", "hot").unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|i| {
            let (strong, sequence) = (strong.clone(), sequence.clone());
            tokio::spawn(async move {
                let mut ops = Vec::new();
                for _ in 0..50 {
                    let start = Instant::now();
                    let id = match i % 2 {
                        0 => strong.next("orders", "hot").await,
                        _ => sequence.next().await,
                    };
                    ops.push((start, Instant::now(), id.unwrap()));
                }
                ops
            })
        })
        .collect();
    let mut ops = Vec::new();
    for task in tasks {
        ops.extend(task.await.unwrap());
    }
    let ids: HashSet<i64> = ops.iter().map(|op| op.2).collect();
    assert_eq!(ids.len(), 64 * 50, "an id came twice");
    assert_eq!(
        ids.iter().max(),
        Some(&(64 * 50)),
        "without faults strong ids are dense"
    );

    // By end: whoever began after that must have got a greater id.
    let mut by_end = ops.clone();
    by_end.sort_by_key(|op| op.1);
    ops.sort_by_key(|op| op.0);
    let (mut ended, mut highest) = (by_end.iter().peekable(), 0);
    for (start, _, id) in ops {
        while let Some(before) = ended.next_if(|op| op.1 < start) {
            highest = highest.max(before.2);
        }
        assert!(id > highest, "{id} was drawn after {highest} had been returned");
    }
}

async fn stock(client: &Client) {
    let rows = client
        .sequence_with("orders", "row", Options::default().prefetch(1000))
        .unwrap();
    let mut last = 0;
    for _ in 0..5000 {
        let id = rows.next().await.unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}
