//! Numbers and idempotency keys, against a scripted worker.

use std::time::Duration;

use seqd_client::{Client, Error, IdRange, Options};

use crate::responder::{counter, respond, string, strings};
use crate::servers::NatsServer;

fn key(key: &str) -> Options {
    Options::default().idempotency_key(key)
}

#[tokio::test]
async fn numbers_come_with_their_ids() {
    let server = NatsServer::start();
    respond(&server.connect().await, |i, ask| {
        let (period, number) = ("period", "number");
        vec![match i {
            1 => ask.numbered(
                7,
                &[(period, string("2026-27")), (number, string("№-2026-27-7"))],
                "true",
            ),
            2 => ask.numbered(
                i64::MAX - 1,
                &[("numbers", strings(&["R-6", "R-7"])), (period, string("2026"))],
                "",
            ),
            3 => ask.numbered(1, &[], "yes"),
            _ => ask.numbered(40, &[(number, string("INV-40"))], "true"),
        }]
    })
    .await;
    let client = Client::new(server.connect().await);

    let one = client.numbers("s", "k", 1).await.unwrap();
    assert_eq!(one.ids, IdRange { start: 7, len: 1 });
    assert_eq!(
        (one.period.as_str(), &one.numbers[..]),
        ("2026-27", &["№-2026-27-7".to_owned()][..])
    );
    assert!(one.replayed);
    assert_eq!(one.to_string(), "№-2026-27-7");

    let two = client.numbers("s", "k", 2).await.unwrap();
    assert_eq!(
        two.ids,
        IdRange {
            start: i64::MAX - 1,
            len: 2
        }
    );
    assert_eq!((two.period.as_str(), two.replayed), ("2026", false));
    assert_eq!(two.to_string(), "R-6 R-7");

    let plain = client.numbers("s", "k", 3).await.unwrap();
    assert!(plain.numbers.is_empty() && plain.period.is_empty() && !plain.replayed);
    assert_eq!(plain.to_string(), "1..3");

    assert_eq!(
        client.next("s", "k").await.unwrap(),
        40,
        "which asks for ids alone"
    );
}

/// Who gets two numbers for three ids would write one of them twice, or none.
#[tokio::test]
async fn too_few_numbers_are_none() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |i, ask| {
        let field = match i {
            1 => ("numbers", strings(&["a", "b"])),
            2 => ("number", string("a")),
            _ => ("numbers", strings(&["a", "b", "c", "d"])),
        };
        vec![ask.numbered(1, &[field], "")]
    })
    .await;
    let client = Client::new(server.connect().await);
    for came in [2, 1, 4] {
        let err = client.numbers("s", "k", 3).await.unwrap_err();
        let want = format!("the worker answered a request for 3 ids with {came} numbers");
        assert!(matches!(err, Error::Internal(_)), "{err}");
        assert_eq!(
            (err.failure().text.as_str(), err.ids_may_be_spent()),
            (&*want, true)
        );
    }
    assert_eq!(asked.count(), 3);
}

/// An attempt without an answer may have got ids: the one that follows asks for these.
#[tokio::test]
async fn all_attempts_have_the_key() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, |i, ask| match i {
        1 => vec![],
        2 => vec![ask.error(503, "UNAVAILABLE", "no etcd", 0)],
        _ => vec![ask.numbered(9, &[], "true")],
    })
    .await;
    let client = Client::new(server.connect().await);
    let options = key("order 17 €").attempt_timeout(Duration::from_millis(100));
    let got = client.numbers_with("s", "k", 1, &options).await.unwrap();
    assert_eq!((got.ids.start, got.replayed), (9, true));
    client.next("s", "k").await.unwrap();

    let all = asked.all();
    let keys: Vec<_> = all.iter().map(|ask| ask.idempotency_key.as_deref()).collect();
    assert_eq!(
        keys,
        [Some("order 17 €"), Some("order 17 €"), Some("order 17 €"), None]
    );
    assert!(all.windows(2).all(|two| two[0].nonce != two[1].nonce));
}

#[tokio::test]
async fn an_error_says_how_to_get_the_ids() {
    let server = NatsServer::start();
    respond(&server.connect().await, |_, _| vec![]).await;
    let client = Client::new(server.connect().await);
    let short = Duration::from_millis(100);
    let err = client
        .next_with("s", "k", &key("order-17").timeout(short))
        .await
        .unwrap_err();
    assert!(
        matches!(err, Error::Timeout(_)) && err.ids_may_be_spent(),
        "{err}"
    );
    let said = err.to_string();
    assert!(
        said.contains("a call with the same idempotency key gets them") && !said.contains("gap"),
        "{said}"
    );
    let err = client
        .next_with("s", "k", &Options::default().timeout(short))
        .await
        .unwrap_err();
    assert!(err.to_string().contains("which leaves a gap"), "{err}");
}

#[tokio::test]
async fn wrong_keys_and_counts_send_nothing() {
    let server = NatsServer::start();
    let asked = respond(&server.connect().await, counter()).await;
    let client = Client::new(server.connect().await);
    let refused = |err: Error, says: &str| {
        assert!(
            matches!(err, Error::BadRequest(_)) && !err.ids_may_be_spent(),
            "{err}"
        );
        assert!(err.to_string().contains(says), "{err}");
    };
    for wrong in [String::new(), "k".repeat(65), "€".repeat(22)] {
        let called = client.next_with("s", "k", &key(&wrong)).await;
        refused(called.unwrap_err(), "idempotency key must have 1 to 64 bytes");
    }
    for n in [0, 1001] {
        refused(
            client.numbers("s", "k", n).await.unwrap_err(),
            "between 1 and 1000",
        );
    }
    let sequence = client.sequence_with("s", "k", key("order-17"));
    refused(sequence.unwrap_err(), "for one call");
    let made = Client::with_options(server.connect().await, &key("order-17"));
    refused(made.unwrap_err(), "for one call");
    assert_eq!(asked.count(), 0);

    for right in ["k".to_owned(), "€".repeat(21) + "k"] {
        client.next_with("s", "k", &key(&right)).await.unwrap();
        assert_eq!(asked.all().last().unwrap().idempotency_key, Some(right));
    }
    client.numbers("s", "k", 1000).await.unwrap();
}
