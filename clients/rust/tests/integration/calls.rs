//! Single calls, against a scripted worker.

use std::time::{Duration, Instant};

use seqd_client::{Client, Error, IdRange, Mode, Options};

use crate::responder::{counter, respond};
use crate::servers::NatsServer;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn a_call_says_all_it_should() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, counter()).await;
    let client = Client::new(server.connect().await);
    let strong = Options::default().mode(Mode::Strong);
    assert_eq!(client.next("orders", "发票/2026").await.unwrap(), 1);
    assert_eq!(
        client.next_n_with("orders", "a..b", 300, &strong).await.unwrap(),
        IdRange { start: 2, len: 300 }
    );

    let [one, two] = &asked.all()[..] else {
        panic!("two requests")
    };
    assert_eq!(one.subject, "seq.orders.=E5=8F=91=E7=A5=A8/2026");
    assert_eq!((one.n, &one.mode), (1, &None));
    assert_eq!(two.subject, "seq.orders.a.=2Eb");
    assert_eq!((two.n, two.mode.as_deref()), (300, Some("strong")));
    assert!(one.timeout_ms > 100 && one.timeout_ms <= 500, "{one:?}");
    assert_ne!(one.nonce, two.nonce);
    assert_eq!(one.reply, two.reply, "a reply subject is used again");
}

#[tokio::test]
async fn ids_are_exact() {
    let server = NatsServer::start();
    let ids = [9_007_199_254_740_993, i64::MAX - 9];
    respond(&server.connect().await, move |i, ask| vec![ask.ids(ids[i - 1])]).await;
    let client = Client::new(server.connect().await);
    assert_eq!(client.next("s", "k").await.unwrap(), ids[0]);
    let last = client.next_n("s", "k", 10).await.unwrap();
    assert_eq!(
        (last.start, last.last(), last.into_iter().count()),
        (i64::MAX - 9, i64::MAX, 10)
    );
}

#[tokio::test]
async fn wrong_arguments_send_nothing() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, counter()).await;
    let client = Client::new(server.connect().await);
    let long = "k".repeat(201);
    for (store, key, n) in [
        ("s", "", 1),
        ("s", &long, 1),
        ("s t", "k", 1),
        ("", "k", 1),
        ("s", "k", 0),
    ] {
        let err = client.next_n(store, key, n).await.unwrap_err();
        assert!(matches!(err, Error::BadRequest(_)), "{err}");
        assert_eq!(err.failure().attempts, 0);
    }
    let bad = Options::default();
    for bad in [
        bad.clone().root("a.b"),
        bad.clone().timeout(Duration::ZERO),
        bad.clone().attempt_timeout(Duration::ZERO),
    ] {
        let made = Client::with_options(server.connect().await, &bad);
        assert!(matches!(made, Err(Error::BadRequest(_))));
        let called = client.next_with("s", "k", &bad).await;
        assert!(matches!(called, Err(Error::BadRequest(_))));
    }
    let sequence = client.sequence_with("s", "k", bad.prefetch(1));
    assert!(matches!(sequence, Err(Error::BadRequest(_))));
    client.next("s", "k").await.unwrap();
    assert_eq!(asked.count(), 1);
}

#[tokio::test]
async fn tries_again_and_waits_as_asked() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |i, ask| match i {
        1 => vec![ask.error(429, "BUSY", "full", 120)],
        2 => vec![ask.error(503, "UNAVAILABLE", "no etcd", 0)],
        3 => vec![ask.error(504, "EXPIRED", "late", 0)],
        _ => vec![ask.ids(9)],
    })
    .await;
    let client = Client::new(server.connect().await);
    let start = Instant::now();
    assert_eq!(client.next("s", "k").await.unwrap(), 9);
    assert!(start.elapsed() >= ms(120 + 20 + 40), "{:?}", start.elapsed());
    assert_eq!(asked.count(), 4);
}

#[tokio::test]
async fn never_tries_again_after_a_final_error() {
    let server = NatsServer::start();
    let codes = [
        (400, "BAD_REQUEST"),
        (409, "FENCED"),
        (507, "EXHAUSTED"),
        (500, "INTERNAL"),
        (418, "QUOTA"),
    ];
    let asked = respond(&server.connect().await, move |i, ask| {
        let (number, code) = codes[(i - 1) % codes.len()];
        vec![ask.error(number, code, "why", 0)]
    })
    .await;
    let client = Client::new(server.connect().await);
    for (i, (_, code)) in codes.iter().enumerate() {
        let err = client.next("s", "k").await.unwrap_err();
        let variant = match err {
            Error::BadRequest(_) => "BAD_REQUEST",
            Error::Fenced(_) => "FENCED",
            Error::Exhausted(_) => "EXHAUSTED",
            Error::Internal(_) => "INTERNAL",
            Error::Other(_) => "QUOTA",
            _ => "?",
        };
        assert_eq!(
            (variant, err.failure().code.as_str(), err.failure().text.as_str()),
            (*code, *code, "why")
        );
        assert_eq!(asked.count(), i + 1, "{code}");
    }
}

#[tokio::test]
async fn a_full_queue_ends_with_busy_and_no_time() {
    let server = NatsServer::start();
    respond(&server.connect().await, |_, ask| {
        vec![ask.error(429, "BUSY", "full", 40)]
    })
    .await;
    let client = Client::new(server.connect().await);
    let short = Options::default().timeout(ms(300));
    let start = Instant::now();
    let Err(Error::Busy(f)) = client.next_with("s", "k", &short).await else {
        panic!("busy")
    };
    assert!(
        f.timed_out && f.attempts > 2 && !f.ids_may_be_spent && f.retry_after == Some(ms(40)),
        "{f}"
    );
    assert!(start.elapsed() < ms(10_000));
}

#[tokio::test]
async fn silence_is_asked_again_until_the_deadline_and_no_longer() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |_, _| vec![]).await;
    let client = Client::new(server.connect().await);
    let short = Options::default().timeout(ms(300)).attempt_timeout(ms(50));
    let start = Instant::now();
    let Err(Error::Timeout(f)) = client.next_with("s", "k", &short).await else {
        panic!("timeout")
    };
    let took = start.elapsed();
    assert!(took >= ms(250) && took < ms(10_000), "{took:?}");
    assert!(f.timed_out && f.ids_may_be_spent && f.attempts >= 3, "{f}");

    tokio::time::sleep(ms(200)).await; // what is on its way arrives
    let subjects = asked.all();
    assert!(
        subjects.len() > 1 && subjects.len() <= f.attempts as usize,
        "{subjects:?}"
    );
    assert!(subjects.iter().all(|ask| ask.timeout_ms <= 50), "{subjects:?}");
    assert!(
        subjects.windows(2).all(|two| two[0].reply != two[1].reply),
        "a subject that gave up is gone"
    );
}

#[tokio::test]
async fn no_responders_is_asked_again_while_patience_lasts() {
    let server = NatsServer::start();
    let client = Client::new(server.connect().await);
    let hasty = Options::default().no_responders_patience(Duration::ZERO);
    let start = Instant::now();
    let Err(Error::NoWorkers(f)) = client.next_with("s", "k", &hasty).await else {
        panic!("no workers")
    };
    assert!(
        f.attempts == 1 && !f.ids_may_be_spent && start.elapsed() < ms(10_000),
        "{f}"
    );

    let nats = server.connect().await;
    let late = async {
        tokio::time::sleep(ms(200)).await;
        respond(&nats, counter()).await
    };
    let (id, asked) = tokio::join!(client.next("s", "k"), late);
    assert_eq!((id.unwrap(), asked.count()), (1, 1));
}
