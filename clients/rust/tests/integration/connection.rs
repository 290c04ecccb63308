//! What a call does without a connection.

use std::time::{Duration, Instant};

use async_nats::connection::State;
use seqd_client::{Client, Error, Options};

use crate::responder::{counter, respond};
use crate::servers::NatsServer;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn a_call_sits_out_a_restart_of_the_server_and_sends_nothing_meanwhile() {
    let server = NatsServer::start();
    let port = server.port;
    let (worker, nats) = (server.connect().await, server.connect().await);
    let client = Client::new(nats.clone());
    let asked = respond(&worker, counter()).await;
    assert_eq!(client.next("s", "k").await.unwrap(), 1);
    drop(server);
    while nats.connection_state() == State::Connected || worker.connection_state() == State::Connected {
        tokio::time::sleep(ms(1)).await;
    }

    let short = Options::default().timeout(ms(200));
    let Err(Error::NotConnected(f)) = client.next_with("s", "k", &short).await else {
        panic!("not connected")
    };
    assert!(f.timed_out && f.attempts > 2 && !f.ids_may_be_spent, "{f}");

    let patient = Options::default().timeout(Duration::from_secs(10));
    let call = tokio::spawn(async move { client.next_with("s", "k", &patient).await });
    tokio::time::sleep(ms(100)).await;
    let _server = NatsServer::start_on(Some(port));
    assert_eq!(call.await.unwrap().unwrap(), 2);
    assert_eq!(asked.count(), 2, "nothing was kept to be sent later");
}

#[tokio::test]
async fn a_closed_connection_is_final() {
    let server = NatsServer::start();
    let nats = server.connect().await;
    respond(&server.connect().await, counter()).await;
    let client = Client::new(nats.clone());
    client.next("s", "k").await.unwrap();
    nats.drain().await.unwrap();
    while nats.flush().await.is_ok() {}
    let start = Instant::now();
    let err = client.next("s", "k").await.unwrap_err();
    assert!(
        matches!(err, Error::Closed(_)) && !err.ids_may_be_spent(),
        "{err}"
    );
    let cause = std::error::Error::source(&err).expect("what async-nats said");
    assert!(
        !err.to_string().contains(&cause.to_string()),
        "said twice: {err}: {cause}"
    );
    assert!(start.elapsed() < ms(10_000), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_connection_that_is_closed_during_a_call_may_have_spent_ids() {
    let server = NatsServer::start();
    let nats = server.connect().await;
    let closes = nats.clone();
    respond(&server.connect().await, move |_, _| {
        let closes = closes.clone();
        tokio::spawn(async move { closes.drain().await });
        vec![]
    })
    .await;
    let err = Client::new(nats).next("s", "k").await.unwrap_err();
    assert!(matches!(err, Error::Closed(_)) && err.ids_may_be_spent(), "{err}");
}

#[tokio::test]
async fn a_connection_that_does_not_come_back_is_final_too() {
    let server = NatsServer::start();
    let once = seqd_client::connect_options().max_reconnects(1);
    let client = Client::new(once.connect(server.url()).await.unwrap());
    drop(server);
    let start = Instant::now();
    let patient = Options::default().timeout(Duration::from_secs(20));
    let err = client.next_with("s", "k", &patient).await.unwrap_err();
    assert!(matches!(err, Error::Closed(_)), "{err}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}
