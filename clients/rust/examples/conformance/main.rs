//! Does what a runner of the conformance scenarios asks for: reads one JSON
//! command a line from standard input and answers each with one line, as
//! clients/conformance describes them. Ids are decimal strings, times nanoseconds
//! of CLOCK_MONOTONIC, which all processes of a machine share.

mod load;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use seqd_client::{async_nats, connect_options, Client, Error, IdRange, Mode, Options, Sequence};
use serde_json::{json, Value};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let mut nats = connect_options().connect(url).await?;
    let mut client = Client::new(nats.clone());
    println!("{}", ready());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        let result = match command["op"].as_str() {
            Some("next") => next(&client, &command).await,
            Some("numbers") => numbers(&client, &command).await,
            Some("load") => load::load(&client, &command).await,
            Some("rate") => load::rate(&client, &nats, &command).await,
            Some("connect") => {
                let _ = nats.drain().await; // it may be closed already
                nats = connect_options()
                    .connect(command["url"].as_str().unwrap_or_default())
                    .await?;
                client = Client::new(nats.clone());
                ready()
            }
            Some("close") => {
                close(&nats).await;
                ready()
            }
            Some("exit") => break,
            _ => return Err(format!("unknown op in {line}").into()),
        };
        println!("{result}");
    }
    Ok(())
}

fn ready() -> Value {
    json!({"ready": true})
}

/// Closes the connection, and returns when that has been done.
async fn close(nats: &async_nats::Client) {
    // What is sent after that is not sent, and the flush fails with the connection.
    if nats.drain().await.is_ok() {
        while nats.flush().await.is_ok() {}
    }
}

async fn next(client: &Client, command: &Value) -> Value {
    let closed = command["closed"] == true;
    let asked = match source(client, command, closed) {
        Ok(source) => {
            if let (Source::Sequence(sequence), true) = (&source, closed) {
                sequence.close();
            }
            source.next(count(command)).await
        }
        Err(err) => Err(err),
    };
    match asked {
        Ok(ids) => json!({"id": ids.start.to_string(), "n": ids.len, "range": ids.to_string()}),
        Err(err) => failed(&err),
    }
}

async fn numbers(client: &Client, command: &Value) -> Value {
    let (store, key, options) = (text(command, "store"), text(command, "key"), options(command));
    match client.numbers_with(&store, &key, count(command), &options).await {
        Ok(got) => json!({
            "id": got.ids.start.to_string(), "n": got.ids.len, "range": got.ids.to_string(),
            "period": got.period, "numbers": got.numbers, "replayed": got.replayed,
        }),
        Err(err) => failed(&err),
    }
}

fn failed(err: &Error) -> Value {
    json!({"error": err.code(), "text": err.to_string(), "ids_may_be_spent": err.ids_may_be_spent()})
}

/// Where the ids of a command come from.
#[derive(Clone)]
enum Source {
    /// Requests without the client: a subject and a body.
    Bare(async_nats::Client, String, Vec<u8>),
    Calls(Arc<(Client, String, String, Options)>),
    Sequence(Sequence),
}

impl Source {
    async fn next(&self, n: u32) -> Result<IdRange, Error> {
        match self {
            Source::Bare(nats, subject, body) => {
                let asked = nats.request(subject.clone(), body.clone().into());
                asked.await.expect("an answer");
                Ok(IdRange { start: 1, len: 1 })
            }
            Source::Calls(calls) => {
                let (client, store, key, options) = &**calls;
                client.next_n_with(store, key, n, options).await
            }
            Source::Sequence(sequence) => sequence.next_n(n).await,
        }
    }
}

fn source(client: &Client, command: &Value, sequence: bool) -> Result<Source, Error> {
    let (store, key, options) = (text(command, "store"), text(command, "key"), options(command));
    Ok(match sequence {
        true => Source::Sequence(client.sequence_with(&store, &key, options)?),
        false => Source::Calls(Arc::new((client.clone(), store, key, options))),
    })
}

/// Where ids come from without the client.
fn bare(nats: &async_nats::Client, command: &Value) -> Source {
    let mode = text(command, "mode");
    let mut body = b"\x81\xa4mode".to_vec();
    body.push(0xa0 | mode.len() as u8);
    body.extend(mode.bytes());
    let subject = format!("seq.{}.{}", text(command, "store"), text(command, "key"));
    Source::Bare(nats.clone(), subject, body)
}

fn options(command: &Value) -> Options {
    let mut options = Options::default().mode(match command["mode"].as_str() {
        Some("strong") => Mode::Strong,
        Some("weak") => Mode::Weak,
        _ => Mode::Default,
    });
    if let Some(ms) = command["timeout_ms"].as_u64() {
        options = options.timeout(Duration::from_millis(ms));
    }
    if let Some(key) = command["idempotency_key"].as_str() {
        options = options.idempotency_key(key);
    }
    options
}

fn text(command: &Value, name: &str) -> String {
    command[name].as_str().unwrap_or_default().to_owned()
}

fn count(command: &Value) -> u32 {
    match &command["n"] {
        Value::Null => 1,
        n => n.as_u64().and_then(|n| n.try_into().ok()).unwrap_or(0), // which is refused
    }
}
