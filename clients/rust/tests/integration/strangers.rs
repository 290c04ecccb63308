//! Answers that are not for the request that waits.

use std::time::Duration;

use async_nats::HeaderMap;
use seqd_client::{Client, Error, Options};

use crate::responder::{body, respond};
use crate::servers::NatsServer;

fn with(attempt_ms: u64) -> Options {
    Options::default().attempt_timeout(Duration::from_millis(attempt_ms))
}

/// A client that asks once, however long the machine stands still.
async fn patient(server: &NatsServer) -> Client {
    let options = with(20_000).timeout(Duration::from_secs(20));
    Client::with_options(server.connect().await, &options).unwrap()
}

/// A stream that captures the subject acknowledges a request before the worker
/// answers it.
#[tokio::test]
async fn an_answer_without_the_nonce_is_passed_over() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |_, ask| {
        let stranger = |bytes: Vec<u8>| (ask.reply.clone(), HeaderMap::new(), bytes);
        vec![
            stranger(br#"{"stream":"EVERYTHING","seq":1}"#.to_vec()),
            stranger(vec![]),
            stranger(body(666, 1, b"")),
            stranger(body(667, 1, b"\xcf\0\0\0\0\0\0\0\x01")),
            ask.ids(7),
        ]
    })
    .await;
    let client = patient(&server).await;
    assert_eq!(client.next("s", "k").await.unwrap(), 7);
    assert_eq!(
        asked.count(),
        1,
        "the right answer was awaited, not asked for again"
    );
}

#[tokio::test]
async fn strangers_alone_are_no_answer() {
    let server = NatsServer::start();
    respond(&server.connect().await, |_, ask| {
        vec![(ask.reply.clone(), HeaderMap::new(), body(666, 1, b""))]
    })
    .await;
    let client = Client::new(server.connect().await);
    let short = with(60).timeout(Duration::from_millis(200));
    let Err(Error::Timeout(f)) = client.next_with("s", "k", &short).await else {
        panic!("timeout")
    };
    assert_eq!(f.text, "an answer to another request came back");
    assert!(
        f.ids_may_be_spent && f.timed_out && f.to_string().contains("no other service listens"),
        "{f}"
    );
}

/// An error may lack the nonce, where the worker could not read it, but must not
/// have another's.
#[tokio::test]
async fn errors_of_strangers_are_passed_over_too() {
    let server = NatsServer::start();
    respond(&server.connect().await, |i, ask| {
        let (reply, headers, _) = ask.error(400, "BAD_REQUEST", "why", 0);
        match i {
            1 => {
                let mut other = ask.clone();
                other.nonce = vec![0x05];
                vec![other.error(400, "BAD_REQUEST", "not yours", 0), ask.ids(7)]
            }
            _ => vec![(reply, headers, b"error: BAD_REQUEST: why".to_vec())],
        }
    })
    .await;
    let client = patient(&server).await;
    assert_eq!(client.next("s", "k").await.unwrap(), 7);
    let err = client.next("s", "k").await.unwrap_err();
    assert!(matches!(&err, Error::BadRequest(f) if f.text == "why"), "{err}");
}

/// An answer that comes after its attempt was given up was drawn too early for
/// the attempt that waits now.
#[tokio::test]
async fn a_late_answer_is_nobodys() {
    let server = NatsServer::start();
    let mut late = None;
    respond(&server.connect().await, move |_, ask| match late.take() {
        None => {
            late = Some(ask.ids(1));
            vec![]
        }
        Some(late) => vec![
            (ask.reply.clone(), late.1.clone(), late.2.clone()),
            late,
            ask.ids(2),
        ],
    })
    .await;
    let client = Client::new(server.connect().await);
    assert_eq!(client.next_with("s", "k", &with(60)).await.unwrap(), 2);
}

/// A second answer to a request that has got one meets the next request on the
/// same reply subject.
#[tokio::test]
async fn a_second_answer_is_nobodys() {
    let server = NatsServer::start();
    let mut before = None;
    respond(&server.connect().await, move |i, ask| {
        let mine = ask.ids(i as i64);
        let again = before.replace(mine.clone());
        again.into_iter().chain([mine]).collect()
    })
    .await;
    let client = patient(&server).await;
    for id in 1..=20 {
        assert_eq!(client.next("s", "k").await.unwrap(), id);
    }
}

#[tokio::test]
async fn another_number_of_ids_is_a_fault() {
    let server = NatsServer::start();
    respond(&server.connect().await, |_, ask| vec![ask.range(1, ask.n + 1)]).await;
    let err = Client::new(server.connect().await)
        .next_n("s", "k", 3)
        .await
        .unwrap_err();
    assert!(matches!(err, Error::Internal(_)), "{err}");
}
